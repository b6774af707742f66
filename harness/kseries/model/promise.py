# SPDX-License-Identifier: GPL-2.0-only
"""Promises that nobody wrote down: what of the surface they go by, and what a run makes of them."""

from enum import StrEnum

from kseries.model.record import Record

CAPABILITY = "capability"
"""The kind of what a probe tells by ``# cap NAME=VALUE``."""


class Part(Record, frozen=True):
    """One thing that a kernel shows to user space: what ``kind`` of thing it is, and its name."""

    kind: str
    name: str


class Inference(StrEnum):
    """What a run makes of the promises that it infers (--promise)."""

    OFF = "off"
    """Nothing: it infers none."""
    SUSPECT = "suspect"
    """Advice, where a state seems to break one."""
    INFERRED = "inferred"
    """A finding, as if a contract had it."""
