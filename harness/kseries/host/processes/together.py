# SPDX-License-Identifier: GPL-2.0-only
"""Programs that are ended together, and whoever waits for them."""

import asyncio
import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

KILL_SECONDS = 10.0
"""A killed process that is not gone after this long is stuck in the host's kernel."""

P = ParamSpec("P")
T = TypeVar("T")


class Company:
    """Programs of one or several threads that are ended together, by another thread or for a signal."""

    def __init__(self) -> None:
        self._there: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.RLock()  # a handler may interrupt who holds it
        self.over = False

    @contextlib.contextmanager
    def joined_by(self, child: "subprocess.Popen[bytes]") -> Iterator[None]:
        """Have a program among them until the context is left, by when it has ended, well or not."""
        with self._lock:
            self._there.add(child)
            if self.over:
                kill(child)
        try:
            yield
        finally:
            with self._lock:
                self._there.remove(child)

    def end(self) -> None:
        """Kill them, and whatever joins them later."""
        with self._lock:
            self.over = True
            for child in tuple(self._there):
                kill(child)

    def call(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do some work in this thread, with all that it has ``run`` being of this company."""
        token = _company.set(self)
        try:
            return work(*args, **kwargs)
        finally:
            _company.reset(token)


_company: "ContextVar[Company | None]" = ContextVar("company", default=None)


def mine() -> Company:
    """The company that this work belongs to, or a new one."""
    return _company.get() or Company()


@contextlib.contextmanager
def company() -> Iterator[Company]:
    """Programs that other threads start for this one: none is left when this one is told to end, or fails."""
    made = Company()
    try:
        yield made
    except BaseException:
        made.end()
        raise


async def aside(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """As asyncio.to_thread(), but one who is cancelled kills what the thread runs, and waits for the thread.

    Whoever holds a lock gives it back then, and nobody is still at what it is for.
    """
    together = Company()
    thread = asyncio.ensure_future(asyncio.to_thread(lambda: together.call(work, *args, **kwargs)))
    try:
        return await asyncio.shield(thread)
    except asyncio.CancelledError:
        together.end()
        await over(thread)
        raise


async def over(task: "asyncio.Future[T]") -> None:
    """Wait for something that will end soon, whoever else would have us cancelled; what came of it is of no matter."""
    while not task.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({task})
    if not task.cancelled():
        task.exception()  # or asyncio tells of one that nobody asked for


async def begun(starting: "Coroutine[None, None, asyncio.subprocess.Process]") -> asyncio.subprocess.Process:
    """A process that is being started; of one who is cancelled meanwhile all of its group is killed."""
    task = asyncio.ensure_future(starting)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await over(task)
        if not task.cancelled() and task.exception() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(task.result().pid, signal.SIGKILL)
            await over(asyncio.ensure_future(task.result().communicate()))
        raise


def kill(child: "subprocess.Popen[bytes]") -> None:
    """Kill a process that leads a session, and what it has started: that could keep our end of a pipe waiting."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
