# SPDX-License-Identifier: GPL-2.0-only
"""Who is at work in the cache: any number of kseries that build and plan, or one that removes (flock(2)).

The kernel gives a lock back when the last process is gone that has it open, ``kill -9`` included. What we start
inherits the locks that we hold (processes/): a git that outlives us may still write what the lock is for. All raise
InfraError where the cache cannot be written to.
"""

import contextlib
import fcntl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from kseries.model.errors import InfraError, in_words


class BusyError(Exception):
    """Another process is at work where this one wanted to be alone; the text is the lock's path."""


_held: list[IO[str]] = []


def held() -> tuple[int, ...]:
    """The locks that this process holds, as files to inherit."""
    return tuple(lock.fileno() for lock in _held)


def keep(lock: IO[str]) -> None:
    """Have what is started from now on hold a lock, too, until it is given back."""
    _held.append(lock)


def give_back(lock: IO[str]) -> None:
    """Unlock a file and close it. Unlike a file that is only closed, it is free then whoever else has it open."""
    _held.remove(lock)
    fcntl.flock(lock, fcntl.LOCK_UN)
    lock.close()


@contextlib.contextmanager
def _kept(lock: IO[str]) -> Iterator[None]:
    keep(lock)
    try:
        yield
    finally:
        give_back(lock)


def taken(lock: IO[str] | IO[bytes], how: int = fcntl.LOCK_EX) -> bool:
    """Try to lock a file, without waiting; it is free again when the file is closed, or its process dead."""
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def shared(cache: Path, wait: Callable[[], None]) -> Iterator[None]:
    """Work in the cache beside others; ``wait`` is called once if one is there who has to be alone."""
    with _opened(cache / "lock") as lock:
        if not taken(lock, fcntl.LOCK_SH):
            wait()
            fcntl.flock(lock, fcntl.LOCK_SH)
        with _kept(lock):
            yield


@contextlib.contextmanager
def alone(cache: Path) -> Iterator[None]:
    """Be alone in the cache, and in its workers, whose lock is held by whoever builds. Raises BusyError."""
    with contextlib.ExitStack() as held:
        for path in (cache / "lock", *sorted(cache.glob("workers/*/lock"))):
            lock = held.enter_context(_opened(path))
            if not taken(lock):
                raise BusyError(str(path))
            held.enter_context(_kept(lock))
        yield


@contextlib.contextmanager
def one_at_a_time(path: Path, wait: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Make something that others may be about to make too: hold the lock ``path``, calling ``wait`` if somebody has it.

    Look again, once it is yours, whether the thing is there.
    """
    with _opened(path) as lock:
        if not taken(lock):
            wait()
            fcntl.flock(lock, fcntl.LOCK_EX)
        with _kept(lock):
            yield


def _opened(path: Path) -> IO[str]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("w")
    except OSError as error:
        raise InfraError(f"cannot write to the cache: {in_words(error)} ({error.filename})") from error
