# SPDX-License-Identifier: GPL-2.0-only
"""What binutils print of a kernel. They run in a box: what they read is made of the patches under test."""

from collections.abc import Sequence
from pathlib import Path

from harness import proc

_SECONDS = 60.0
_MOST = 512 << 20
"""Bytes that are read: a file that was made for it could have them print for ever, and we keep it all."""


async def output(argv: Sequence[str | Path], kernel: Path) -> list[str]:
    """The lines that a tool prints; none where it fails, prints too much, or has not ended after a minute."""
    deadline = proc.Deadline.after(_SECONDS)
    try:
        async with proc.start(argv, proc.Box(writable=(), readable=(kernel,))) as tool:
            lines: list[str] = []
            size = 0
            async for line in tool.lines(deadline):
                size += len(line)
                if size > _MOST:
                    return []
                lines.append(line.decode(errors="replace"))
            return lines if await tool.wait(deadline) == 0 else []
    except proc.DeadlineError:
        return []
