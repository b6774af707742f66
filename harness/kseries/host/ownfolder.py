# SPDX-License-Identifier: GPL-2.0-only
"""A folder that is one process's own, and goes with it: what a killed one has left, the next to come removes."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kseries.host import cachelock

_LOCK = "lock"
"""Beside the folders: nobody looks for left-overs while another has made a folder and not locked it yet."""


@contextlib.contextmanager
def made(place: Path) -> Iterator[Path]:
    """An empty folder below ``place``, gone afterwards. Raises OSError, InfraError where there can be none."""
    place.mkdir(parents=True, exist_ok=True)
    with cachelock.one_at_a_time(place / _LOCK):
        for left in place.iterdir():
            if left.name != _LOCK and not _lives(left):
                shutil.rmtree(left, ignore_errors=True)
        mine = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=place))
        lock = _locked(mine)
    try:
        mine.chmod(0o755)  # a box's user goes through it
        yield mine
    finally:
        shutil.rmtree(mine, ignore_errors=True)
        os.close(lock)


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Be the only process that does so with a folder that is there. Raises cachelock.BusyError where another does.

    Where a folder cannot be locked, as on some file systems of a network, nobody is kept from it. Who has it already
    may take it once more.
    """
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):
            if _identity(folder) not in _alone.values():
                held.callback(_give_back, _taken(folder))
        yield


_alone: dict[int, tuple[int, int]] = {}
"""The folders that this process has for itself, by their locks."""


def _taken(folder: Path) -> int:
    try:
        lock = _locked(folder)
    except BlockingIOError as error:
        raise cachelock.BusyError(str(folder)) from error
    _alone[lock] = _identity(lock)
    return lock


def _give_back(lock: int) -> None:
    del _alone[lock]
    os.close(lock)


def _identity(folder: Path | int) -> tuple[int, int]:
    seen = os.stat(folder)  # noqa: PTH116
    return seen.st_dev, seen.st_ino


def _locked(folder: Path) -> int:
    """A folder with its lock, by which it is known to be somebody's: a number could be another process's by now."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise
    return file


def _lives(folder: Path) -> bool:
    try:
        os.close(_locked(folder))
    except BlockingIOError:
        return True
    except FileNotFoundError:  # it has just ended
        return True
    return False
