# SPDX-License-Identifier: GPL-2.0-only
"""One watch at a time on a queue: who comes second is told whose it is."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from kseries.host import cachelock
from kseries.model.errors import InfraError, InputError, in_words

_LOCK = "watch.lock"
_RUNNING = "run.lock"
_DIGITS = 20


@contextlib.contextmanager
def alone(folder: Path, wait: Callable[[], None]) -> Iterator[None]:
    """Be the only watch of a folder, which is made; ``wait`` is called where the run of one that was killed is not gone
    yet. Raises InputError where another one is at work, and InfraError.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # What we start does not inherit it: who is killed has no watch any more.
        lock = (folder / _LOCK).open("a+")
    except OSError as error:
        raise InfraError(f"cannot use {error.filename or folder}: {in_words(error)}") from error
    with lock:
        if not cachelock.taken(lock):
            lock.seek(0)
            pid = lock.read(_DIGITS).strip()
            raise InputError(
                f"another kseries watch is at work on {folder}{f' (PID {pid})' if pid.isdigit() else ''}\n"
                "  end it first, or give this one a folder of its own with --queue"
            )
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        with cachelock.one_at_a_time(folder / _RUNNING, wait):
            yield
