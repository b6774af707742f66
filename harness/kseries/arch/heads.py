# SPDX-License-Identifier: GPL-2.0-only
"""How the first line of a complaint is written down as data: for the words that every architecture has, and its own."""

import re
from dataclasses import dataclass

from kseries.model import Gravity

UP_TO_DETAIL = r"[^:,!.(\[]*?(?= in | at | on | for | - |[:,!.(\[]|$)"
"""Words up to where those begin that tell of this one: a place, an address, a CPU, a task."""


@dataclass(frozen=True)
class Head:
    """The first line of a complaint. ``start`` is how it begins, letter by letter; ``pattern`` matches all that tells.

    Its groups: ``what``, which with ``kind`` before it is the kind of the complaint; ``function``, ``file`` and
    ``line``, where they are told.
    """

    gravity: Gravity
    start: str
    pattern: re.Pattern[str]
    kind: str = ""


def head(gravity: Gravity, start: str, pattern: str, kind: str = "") -> Head:
    """A head, of a regular expression that is still text."""
    return Head(gravity, start, re.compile(pattern), kind)
