# SPDX-License-Identifier: GPL-2.0-only
"""A ``kseries evaluate --attached`` that is followed from within a dask worker, for as long as its task is wanted."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import TypeVar

import msgspec

from kseries.host import interpreter, processes
from kseries.host.processes import Piped
from kseries.model.attached import Line
from kseries.model.errors import InfraError

T = TypeVar("T")

_LOOK_SECONDS = 0.5
"""Between two looks at whether it is still wanted: dask tells a task that runs of nothing."""


class UnwantedError(Exception):
    """Nobody waits for it any more."""


async def follow(
    job: bytes,
    words: tuple[str, ...],
    tell: Callable[[Line], None],
    wanted: Callable[[], bool],
    take: Callable[[Line], T],
) -> T:
    """Have a job evaluated; what ``take`` makes of its last line, in a thread, while the process still holds the logs
    that it names. Each line before that goes to ``tell``. However it ends, no process is left.

    Raises UnwantedError, and InfraError where the process has ended without one.
    """
    async with processes.piped(interpreter.command("evaluate", "--attached", *words)) as running:
        await running.write(job + b"\n")
        async with contextlib.aclosing(_lines(running, wanted)) as lines:
            last = None
            async for line in lines:
                if line.last:
                    return await asyncio.to_thread(take, line)
                tell(line)
                last = line
        if last is not None and last.built is not msgspec.UNSET and "--until-built" in words:
            return take(last)
        raise InfraError(f"kseries evaluate has ended before it was done: {await running.last_words()}")


async def _lines(running: Piped, wanted: Callable[[], bool]) -> AsyncGenerator[Line, None]:
    lines = running.lines()
    while True:
        reading = asyncio.ensure_future(anext(lines, b""))
        try:
            while not (await asyncio.wait((reading,), timeout=_LOOK_SECONDS))[0]:
                if not wanted():
                    raise UnwantedError
            text = reading.result()
        finally:
            reading.cancel()
        if not text:
            return
        yield msgspec.json.decode(text, type=Line)
