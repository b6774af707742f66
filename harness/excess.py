# SPDX-License-Identifier: GPL-2.0-only
"""A build that met a limit of its box, or from which somebody took a process: known by what tools print of it.

It says nothing of the tree. A host short of memory cannot be told from a patch that makes a compiler need too much.
"""

import asyncio
import os
import re
from collections.abc import Callable
from pathlib import Path

from harness.errors import InfraError

ROOM = 16 << 30
"""Bytes that a build folder may take: some ten times what a kernel with all that it has takes."""
OUTPUT = 128 << 20
"""Bytes that a build may print: a hundred times what a whole kernel with many warnings does."""
_WIDTH = 300
_LOOK_SECONDS = 1.0
_MANY = 100
"""Complaints about processes after which a build is ended: it does nothing but try."""


class ExcessError(InfraError):
    """A build took more than it was given; what it left behind is to go."""


# What the compiler shows of a source: "   12 |         pr_err("Cannot allocate memory");".
_SHOWN = re.compile(rb"^\s*(\d+ )?\|")
# bash and dash (jobs.c), make (job.c), gcc (gcc.cc), Python: all print strerror(3) or strsignal(3).
_KINDS = (
    (
        "processes",
        re.compile(rb"[Ff]ork: .*(Resource temporarily|No child)|Cannot fork|: Resource temporarily unavailable$"),
    ),
    (
        "memory",
        re.compile(
            rb"Cannot allocate memory|virtual memory exhausted|memory exhausted|out of memory allocating|std::bad_alloc"
        ),
    ),
    ("size of a file", re.compile(rb"File size limit exceeded|: File too large$|\b(Error 153|core dumped\) 25)\b")),
)
_KILLED = re.compile(rb"Killed signal terminated program|^make(\[\d+\])?: \*\*\* .*\b(Killed|Error 137)$")


def met(line: bytes) -> str | None:
    """The limit that a tool says it met, as a user would call it."""
    if _SHOWN.match(line):
        return None
    return next((kind for kind, words in _KINDS if words.search(line)), None)


class Patience:
    """Ends a build that prints without end, or does nothing but meet its limit of processes: both take their hour."""

    def __init__(self) -> None:
        self._complaints = 0
        self._bytes = 0

    def hear(self, line: bytes) -> None:
        """Take in a line of output. Raises ExcessError."""
        self._bytes += len(line) + 1
        if self._bytes > OUTPUT:
            raise _error("output", line[:_WIDTH])
        if met(line) == "processes":
            self._complaints += 1
            if self._complaints > _MANY:
                raise _error("processes", line)


def check(log: bytes) -> None:
    """Raise InfraError where a build that failed may have done so for want of what it was not given."""
    lines = log.splitlines()
    for line in lines:
        if (kind := met(line)) is not None:
            raise _error(kind, line)
    if any(_KILLED.search(line) for line in lines):
        raise InfraError("somebody killed a process of the build, or memory ran out on this host; run it again")


def _error(kind: str, line: bytes) -> ExcessError:
    said = line.decode(errors="replace").strip()[:_WIDTH]
    return ExcessError(f"the build met its limit of {kind}: {said}\n  look at what the patch has make do")


async def watch(place: Path, most: int, end: Callable[[], None]) -> None:
    """Call ``end``, and raise ExcessError, when more than ``most`` bytes are in a folder. Never returns."""
    start = _free(place)
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        # The files are counted only when the disk has so much less: others write to it, too.
        if start - _free(place) > most and await asyncio.to_thread(_used, place) > most:
            end()
            raise ExcessError(
                f"the build met its limit of room: it has written more than {most >> 20} MiB\n"
                "  look at what the patch has make do"
            )


def _free(place: Path) -> int:
    seen = os.statvfs(place)
    return seen.f_bfree * seen.f_frsize


def _used(place: Path) -> int:
    """Bytes on disk; of what comes and goes meanwhile, those that are met."""
    used = 0
    for folder, _, names in os.walk(place):
        for name in names:
            try:
                used += os.lstat(os.path.join(folder, name)).st_blocks * 512
            except OSError:
                continue
    return used
