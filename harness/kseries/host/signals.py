# SPDX-License-Identifier: GPL-2.0-only
"""What a signal that ends us does: one way out for all of them, for whatever we are at.

Ours are SIGTERM, always; SIGINT and SIGHUP, unless they were ignored when we began. A shell has what it starts in the
background ignore SIGINT, since Ctrl-C is for whoever is in the foreground (POSIX, Shell & Utilities 2.11), and nohup
has it ignore SIGHUP: so it stays. SIGTERM is meant for us in any case, and must not go by way of a SIGINT that is
ignored.

The first signal counts. What it begins is bounded, so those after it change nothing: a second Ctrl-C in the middle of
the clearing up would leave something behind.

Where we are, it is a matter of the innermost of three: a program that is waited for is killed (processes/); the main
task of an event loop is cancelled (``run``); else KeyboardInterrupt is raised where the main thread is, so that a lock,
a read or an answer that it waits for is given up (PEP 475: what a handler raises gets through).
"""

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")

_UNLESS_IGNORED = (signal.SIGINT, signal.SIGHUP)
_READ = 4096


def _raise() -> None:
    raise KeyboardInterrupt


_ways: list[Callable[[], None]] = [_raise]
"""What there is to do about a signal, the innermost last. Of the main thread, which alone runs handlers."""
_told = False


def handle() -> None:
    """Have signals end us as this module says. Called once, when a command begins."""
    signal.signal(signal.SIGTERM, _heard)
    for number in _UNLESS_IGNORED:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _heard)


def _heard(number: int, frame: FrameType | None) -> None:
    global _told
    if not _told:
        _told = True
        _ways[-1]()


def check() -> None:
    """Raise KeyboardInterrupt once a signal has told us to end: what would only take time is not begun then."""
    if _told:
        raise KeyboardInterrupt


@contextlib.contextmanager
def instead(way: Callable[[], None]) -> Iterator[None]:
    """Have a signal call ``way`` meanwhile, which raises nothing; ``leave`` goes on from there.

    In any thread but the main one, which no signal interrupts, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _ways.append(way)
    try:
        yield
    finally:
        _ways.remove(way)


@contextlib.contextmanager
def ended_with(file: int) -> Iterator[threading.Event]:
    """Have the end of a file end us meanwhile, as SIGTERM does: who holds its other end may be killed, and tell nobody.

    Afterwards it only sets the event. What can still be read of it is of no matter.
    """
    over, ended = threading.Event(), threading.Event()

    def watch() -> None:
        with contextlib.suppress(OSError):  # of which nothing more will come either
            while os.read(file, _READ):
                pass
        if not over.is_set():
            os.kill(os.getpid(), signal.SIGTERM)
        ended.set()

    threading.Thread(target=watch, daemon=True).start()  # it may well never end
    try:
        yield ended
    finally:
        over.set()


def leave() -> None:
    """Go on with the way out, one further: raises KeyboardInterrupt, or asyncio.CancelledError in an event loop."""
    if threading.current_thread() is threading.main_thread():
        _ways[-1]()
    raise asyncio.CancelledError


def run(main: Coroutine[Any, Any, T]) -> T:
    """As asyncio.run(), whose handler is for SIGINT alone: a signal cancels ``main``, all of which clears up.

    Raises KeyboardInterrupt then.
    """
    cancelled = False

    async def cancellable() -> T:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def cancel() -> None:
            nonlocal cancelled
            cancelled = True
            loop.call_soon_threadsafe(task.cancel)  # which wakes a loop that waits for something else

        with instead(cancel):
            return await main

    try:
        result = asyncio.run(cancellable())
    except asyncio.CancelledError:
        if cancelled:
            raise KeyboardInterrupt from None
        raise
    if cancelled:  # in its last step, after which there was nothing left to cancel; no other signal counts
        raise KeyboardInterrupt
    return result
