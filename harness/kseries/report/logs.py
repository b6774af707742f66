# SPDX-License-Identifier: GPL-2.0-only
"""The ends of the logs in a run's directory, for the reports that show them."""

import os
from dataclasses import dataclass
from pathlib import Path

from kseries.model import StateResult
from kseries.model.sanitize import printable


@dataclass(frozen=True)
class Tail:
    """The last lines of a log. ``path`` is where the whole log is, relative to the run's directory."""

    path: str
    text: str
    shown: int
    size: int

    @property
    def cut(self) -> bool:
        return self.shown < self.size


def tail(directory: Path, state: StateResult, name: str, limit: int) -> Tail | None:
    """The last ``limit`` bytes, in whole lines, of a state's log; None where there is none to read.

    A result.json may come from anywhere: a path that leads out of the run's directory is not followed.
    """
    path = state.logs.get(name)
    if path is None:
        return None
    try:
        place = (directory / path).resolve()
        if not place.is_relative_to(directory.resolve()) or not place.is_file():
            return None
        data, size = _last(place, limit)
    except (OSError, ValueError):
        return None
    return Tail(path=path, text=printable(data.decode(errors="replace")), shown=len(data), size=size)


def _last(place: Path, limit: int) -> tuple[bytes, int]:
    """The end of a file from the first line that is whole, and the size of the file."""
    with place.open("rb") as log:
        size = log.seek(0, os.SEEK_END)
        log.seek(max(0, size - limit))
        data = log.read(limit)
    if size > limit:
        _, found, whole = data.partition(b"\n")
        data = whole if found else data
    return data, size
