# SPDX-License-Identifier: GPL-2.0-only
"""What binutils print of a kernel. They run in a box: what they read is made of the patches under test."""

from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

from kseries.host import processes

_SECONDS = 60.0
_STREAM_SECONDS = 600.0
"""What is read as it comes may be the line table of a kernel with everything in it."""
_MOST = 512 << 20
"""Bytes that are read: a file that was made for it could have them print for ever, and we keep it all."""


async def output(argv: Sequence[str | Path], kernel: Path) -> list[str]:
    """The lines that a tool prints; none where it fails, prints too much, or has not ended after a minute."""
    deadline = processes.Deadline.after(_SECONDS)
    try:
        async with processes.start(argv, processes.Box(writable=(), readable=(kernel,))) as tool:
            lines: list[str] = []
            size = 0
            async for line in tool.lines(deadline):
                size += len(line)
                if size > _MOST:
                    return []
                lines.append(line.decode(errors="replace"))
            return lines if await tool.wait(deadline) == 0 else []
    except processes.DeadlineError:
        return []


class UnreadError(Exception):
    """A tool has not told all that it knows of a kernel; ``str`` of it says why, in a few words."""


async def stream(argv: Sequence[str | Path], kernel: Path) -> AsyncGenerator[str]:
    """The lines that a tool prints, however many; raises UnreadError where it fails or does not end in time."""
    deadline = processes.Deadline.after(_STREAM_SECONDS)
    try:
        async with processes.start(argv, processes.Box(writable=(), readable=(kernel,))) as tool:
            async for line in tool.lines(deadline):
                yield line.decode(errors="replace")
            status = await tool.wait(deadline)
    except processes.DeadlineError as error:
        raise UnreadError(f"{argv[0]} was still at it after {_STREAM_SECONDS:.0f} s") from error
    if status != 0:
        raise UnreadError(f"{argv[0]} failed with status {status}")
