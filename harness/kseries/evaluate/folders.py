# SPDX-License-Identifier: GPL-2.0-only
"""The folder of a state, or of a changed series: by its id, but for one that no file system takes."""

import os
from pathlib import Path

from kseries.host import checksums

_LONG = 200
"""Bytes of a name: a folder's may have 255 (NAME_MAX), and files beside it are called as it is, and more."""
_KEPT = 100
_DIGITS = 16


def of(place: Path, state: str) -> Path:
    """Where in a folder a state has its own, or a series. ``prefix-4/without-2`` is in that of ``prefix-4``."""
    return place.joinpath(*map(_name, state.split("/")))


def _name(part: str) -> str:
    """A part of an id, or its beginning and its digest."""
    if len(os.fsencode(part)) <= _LONG:
        return part
    return f"{part[:_KEPT]}-{checksums.of_words([part])[:_DIGITS]}"
