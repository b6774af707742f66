# SPDX-License-Identifier: GPL-2.0-only
"""A build that met a limit of its box, or from which somebody took a process: known by what tools print of it.

It says nothing of the tree. A host short of memory cannot be told from a patch that makes a compiler need too much.
"""

import asyncio
import os
import re
from pathlib import Path

from kseries.host import files, processes
from kseries.host.box import Limits
from kseries.model.errors import InfraError

ROOM = 16 << 30
"""Bytes that a build folder may take: some ten times what a kernel with all that it has takes."""
FILES = 1_000_000
"""How many a build may make: some twenty times what a kernel is made of."""
OUTPUT = 128 << 20
"""Bytes that a build may print: a hundred times what a whole kernel with many warnings does."""
_WIDTH = 300
_LOOK_SECONDS = 1.0
_NEARLY = 0.75
_LOOKS = 5
"""Looks in a row at which a build has nearly as many processes as it may: it does nothing but fork."""


class LimitError(InfraError):
    """A build took more than it was given; what it left behind is to go."""


# What the compiler shows of a source: "   12 |         pr_err("Cannot allocate memory");".
SHOWN = re.compile(rb"^\s*(\d+ )?\|")
# What is said of a line of a file may be that line's own words: #error, $(error), an #include. But for what befell the
# compiler there as it wrote (gcc's toplev.cc and c-opts.cc).
_OF_A_LINE = re.compile(
    rb"^[^:]+:\d+:(\d+:)? ?"
    rb"(?!fatal error: (error (writing to|closing)|(opening|closing) dependency file|when writing output to) )"
    rb"((fatal )?error|warning|note|\*\*\*)[: ]"
)
# bash and dash (jobs.c), make (job.c), gcc (gcc.cc), Python: all print strerror(3) or strsignal(3).
_KINDS = (
    (
        "processes",
        re.compile(rb"[Ff]ork: .*(Resource temporarily|No child)|Cannot fork|: Resource temporarily unavailable$"),
    ),
    (
        "memory",
        re.compile(
            rb"[Cc]annot allocate|virtual memory exhausted|memory exhausted|out of memory allocating|std::bad_alloc"
        ),
    ),
    ("size of a file", re.compile(rb"File size limit exceeded|: File too large$|\b(Error 153|core dumped\) 25)\b")),
)
_KILLED = re.compile(rb"Killed signal terminated program|^make(\[\d+\])?: \*\*\* .*\b(Killed|Error 137)$")


def quotes(line: bytes) -> bool:
    """True where a tool may say what a file says, and not what befell itself."""
    return SHOWN.match(line) is not None or _OF_A_LINE.match(line) is not None


def met(line: bytes) -> str | None:
    """The limit that a tool says it met, as a user would call it."""
    if quotes(line):
        return None
    return next((kind for kind, words in _KINDS if words.search(line)), None)


class Output:
    """Ends a build that prints without end."""

    def __init__(self) -> None:
        self._bytes = 0

    def add(self, line: bytes) -> None:
        """Take in a line of output. Raises LimitError."""
        self._bytes += len(line) + 1
        if self._bytes > OUTPUT:
            raise _error("output", line[:_WIDTH].decode(errors="replace"))


def check(log: bytes) -> None:
    """Raise InfraError where a build that failed may have done so for want of what it was not given."""
    lines = log.splitlines()
    for line in lines:
        if (kind := met(line)) is not None:
            raise _error(kind, line.decode(errors="replace"))
    if any(_KILLED.search(line) for line in lines):
        raise InfraError("somebody killed a process of the build, or memory ran out on this host; run it again")


def _error(kind: str, said: str) -> LimitError:
    return LimitError(
        f"the build met its limit of {kind}: {said.strip()[:_WIDTH]}\n  look at what the patch has make do"
    )


async def watch(build: processes.Running, place: Path, limits: Limits) -> None:
    """Raise LimitError, with the build killed, when it takes more room or memory than it may, or forks without end.

    Never returns. All that could go on for the whole hour of a build, and need say nothing.
    """
    free, inodes, threads = _free(place), os.statvfs(place).f_ffree, _threads()
    full = 0
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        # Counted only when the host has so many more, or so much less: others are at work on it, too.
        if free - _free(place) > ROOM and await asyncio.to_thread(files.used, place) > ROOM:
            build.signal_end()
            raise _error("room", f"it has written more than {ROOM >> 20} MiB")
        if inodes - os.statvfs(place).f_ffree > FILES and await asyncio.to_thread(_count, place) > FILES:
            build.signal_end()
            raise _error("files", f"it has made more than {FILES}")
        # Had it so much, that would be wanting here, whatever others have freed meanwhile.
        if _wanting() > limits.together and build.memory() > limits.together:
            build.signal_end()
            raise _error("memory", f"its processes together have more than {limits.together >> 20} MiB")
        many = limits.processes * _NEARLY
        full = full + 1 if _threads() - threads > many and len(build.processes()) > many else 0
        if full == _LOOKS:
            build.signal_end()
            raise _error("processes", f"for {_LOOKS * _LOOK_SECONDS:.0f} s it has had as many as it may")


def _threads() -> int:
    """Threads of this host (proc(5), loadavg)."""
    return int(Path("/proc/loadavg").read_text().split()[3].partition("/")[2])


def _wanting() -> int:
    """Bytes of this host's memory that could not be had without swapping (proc(5), meminfo)."""
    rows = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    kib = {row[0]: int(row[1]) for row in rows}
    return (kib["MemTotal:"] - kib["MemAvailable:"]) << 10


def _free(place: Path) -> int:
    seen = os.statvfs(place)
    return seen.f_bfree * seen.f_frsize


def _count(place: Path) -> int:
    return sum(1 for _ in files.walk(place))
