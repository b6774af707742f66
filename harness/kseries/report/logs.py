# SPDX-License-Identifier: GPL-2.0-only
"""The ends of the logs in a run's directory, for the reports that show them."""

import os
from dataclasses import dataclass
from pathlib import Path

from kseries.model import StateResult
from kseries.model.sanitize import printable

RECORDING = "recording"
"""What a result calls the recording of a state's consoles (guest/asciicast.py), among its logs: it is for a player, and
nothing of it is shown.
"""


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
    """The last ``limit`` bytes, in whole lines, of a state's log; None where there is none to read."""
    place = _place(directory, state, name)
    if place is None:
        return None
    try:
        data, size = _last(place, limit)
    except OSError:
        return None
    return Tail(path=state.logs[name], text=printable(data.decode(errors="replace")), shown=len(data), size=size)


def path(directory: Path, state: StateResult, name: str) -> str | None:
    """Where a state's log is, relative to the run's directory; None where there is none."""
    return state.logs[name] if _place(directory, state, name) is not None else None


def recording(directory: Path, state: StateResult) -> str | None:
    """Where the recording of a state's consoles is, relative to the run's directory; None where there is none."""
    return path(directory, state, RECORDING)


def _place(directory: Path, state: StateResult, name: str) -> Path | None:
    """Where a state's log is, if it is there.

    A result.json may come from anywhere: a path that leads out of the run's directory is not followed.
    """
    try:
        place = (directory / state.logs[name]).resolve()
        return place if place.is_relative_to(directory.resolve()) and place.is_file() else None
    except (KeyError, OSError, ValueError):
        return None


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
