# SPDX-License-Identifier: GPL-2.0-only
"""A lock that is given in the order in which it was asked for, and tells who has it and how far they are (flock(2)).

Who waits has a ticket in ``queue``, beside the lock: a file that goes by when it was drawn, and that its owner has
locked. Of one who was killed the kernel has taken the lock, so the next passes it over.
"""

import asyncio
import contextlib
import fcntl
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import msgspec

from kseries.host import cachelock, files
from kseries.model.events import Holder, Wait

QUEUE = "queue"
"""The folder of the tickets, beside the lock."""
_LOOK_SECONDS = 0.2
"""Between two looks: a flock that blocks would keep Ctrl-C, and all else in the loop, waiting."""
_PATIENCE_SECONDS = 5.0
"""How long a lock is left to who is first and does not take it: they may have been stopped, with Ctrl-Z."""


def lives(pid: int) -> bool:
    """False where a process is gone, so that what holds its lock is a program that it has left behind."""
    return Path(f"/proc/{pid}").exists()


class Turns:
    """The lock of a folder. One who has it may ask for it again, and gives it back as often."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._queue = place / QUEUE
        self._note = place / "holder.json"
        self._lock: IO[str] | None = None
        self._depth = 0

    @property
    def held(self) -> bool:
        """True where it is ours."""
        return self._depth > 0

    def at_once(self) -> None:
        """Take it if it is free and nobody waits. Raises BlockingIOError."""
        self._queue.mkdir(parents=True, exist_ok=True)
        if not self.held and (self._before("~") or not self._taken()):
            raise BlockingIOError
        self._enter()

    async def wait(self, tell: Callable[[Wait], None]) -> None:
        """Take it when it is our turn; until then ``tell`` is called with what we wait for, whenever that changes."""
        if not self.held:
            self._queue.mkdir(parents=True, exist_ok=True)
            with self._ticket() as mine:
                await self._wait(mine, tell)
        self._enter()

    async def _wait(self, mine: str, tell: Callable[[Wait], None]) -> None:
        told: Wait | None = None
        idle_since = time.monotonic()
        while True:
            before = self._before(mine)
            if not self._taken():
                idle_since = time.monotonic()
            elif not before or time.monotonic() - idle_since > _PATIENCE_SECONDS:
                return
            else:
                self._release()
            if (now := Wait(holder=self._holder(), before=before)) != told:
                tell(now)
                told = now
            await asyncio.sleep(_LOOK_SECONDS)

    def give_back(self) -> None:
        """Give it back, if it was not asked for more than once."""
        self._depth -= 1
        if not self.held:
            with contextlib.suppress(OSError):  # of a disk that is read-only now: the lock is what counts
                self._note.unlink(missing_ok=True)
            self._release()

    def say(self, what: str, done: int, total: int) -> None:
        """Tell those who wait how far we are, if the disk will take it. Call it with the lock held."""
        holder = Holder(pid=os.getpid(), what=what, done=done, total=total)
        with contextlib.suppress(OSError):
            files.write(self._note, msgspec.json.encode(holder), sync=False)

    def _enter(self) -> None:
        self._depth += 1
        if self._depth == 1:
            self.say(" ".join(("kseries", *sys.argv[1:2])), 0, 0)

    def _taken(self) -> bool:
        lock = (self._place / "lock").open("w")
        if not cachelock.taken(lock):
            lock.close()
            return False
        cachelock.keep(lock)
        self._lock = lock
        return True

    def _release(self) -> None:
        assert self._lock is not None
        cachelock.give_back(self._lock)
        self._lock = None

    def _holder(self) -> Holder | None:
        try:
            return msgspec.json.decode(self._note.read_bytes(), type=Holder)
        except (OSError, msgspec.DecodeError):
            return None

    # --- tickets ----------------------------------------------------------------------------

    @contextlib.contextmanager
    def _ticket(self) -> Iterator[str]:
        """A place at the end of the queue; the name of its file. It is locked before anybody sees it."""
        name = f"{time.monotonic_ns():020}-{os.getpid()}-{id(self)}"
        drawn = self._queue / f".{name}"
        with drawn.open("w") as ticket:
            fcntl.flock(ticket, fcntl.LOCK_EX)
            place = drawn.rename(self._queue / name)
            try:
                yield name
            finally:
                place.unlink(missing_ok=True)

    def _before(self, mine: str) -> int:
        """How many wait who came before the owner of a ticket."""
        names = (place.name for place in self._queue.iterdir())
        return sum(self._lives(self._queue / name) for name in names if not name.startswith(".") and name < mine)

    @staticmethod
    def _lives(ticket: Path) -> bool:
        """True where somebody waits with a ticket; that of one who was killed is removed."""
        try:
            with ticket.open() as file:
                if not cachelock.taken(file, fcntl.LOCK_SH):
                    return True
                ticket.unlink(missing_ok=True)
        except FileNotFoundError:  # its owner's turn has come
            pass
        return False
