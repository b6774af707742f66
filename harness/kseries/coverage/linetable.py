# SPDX-License-Identifier: GPL-2.0-only
"""Which addresses of a kernel are the code of which source lines: its DWARF line table, as readelf prints it.

Code that the compiler put into its callers is found there too, since the table tells of each address its line.
"""

import contextlib
import itertools
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kseries.arch import Arch
from kseries.kbuild import binutils

Span = tuple[int, int]
"""The first and the last of some lines; or the first of some addresses, and the one behind them."""
Spans = Mapping[str, tuple[Span, ...]]
"""Lines, by the path of their file."""

_MOST = 1 << 20
"""Rows that are kept: a kernel may have been made to have them without end."""
_HEADING = re.compile(r"(?:CU: )?(?P<path>\S.*?):$")
_ROW = re.compile(r"\s(?P<line>\d{1,9}|-)\s+0x(?P<address>[0-9a-f]{1,16})")


@dataclass(frozen=True)
class Code:
    """A stretch of machine code, and the line that it is of."""

    file: str
    line: int
    first: int
    end: int
    """The address behind it; ``first`` where the table has another line for the same address."""


class Rows:
    """What ``readelf -W --debug-dump=decodedline`` prints, line by line: the table itself is kept nowhere."""

    def __init__(self, wanted: Spans) -> None:
        self._wanted = wanted
        self._file = ""
        self._spans: tuple[Span, ...] = ()
        self._open: tuple[str, int, int] | None = None

    def take(self, text: str) -> Code | None:
        """Take the next line; the code of a wanted line that ends there."""
        if text.endswith(":"):
            heading = _HEADING.match(text)
            self._file = posixpath.normpath(heading["path"]) if heading else ""
            self._spans = self._wanted.get(self._file, ())
            return None
        row = _ROW.search(text) if self._spans or self._open is not None else None
        if row is None:
            return None
        address = int(row["address"], 16)
        done = Code(*self._open, address) if self._open is not None else None
        line = int(row["line"]) if row["line"] != "-" else None
        wanted = line is not None and any(first <= line <= last for first, last in self._spans)
        self._open = (self._file, line, address) if wanted and line is not None else None
        return done


def rows(readelf: Iterable[str], wanted: Spans) -> Iterator[Code]:
    """The code of the wanted lines, from all that readelf prints."""
    table = Rows(wanted)
    return (code for code in map(table.take, readelf) if code is not None)


async def read(kernel: Path, arch: Arch, wanted: Spans) -> tuple[Code, ...] | None:
    """The code of the wanted lines in a vmlinux; None where it has no line table. Raises binutils.UnreadError."""
    table, found, told = Rows(wanted), list[Code](), False
    words = (f"{arch.toolchain.prefix}readelf", "-W", "--debug-dump=decodedline", kernel)
    async with contextlib.aclosing(binutils.stream(words, kernel)) as lines:
        async for text in lines:
            told = told or _ROW.search(text) is not None
            if (code := table.take(text)) is not None:
                found.append(code)
            if len(found) > _MOST:
                raise binutils.UnreadError(f"it has more than {_MOST} rows for what the series changes")
    return tuple(found) if told else None


def merged(spans: Sequence[Span], most: int) -> tuple[Span, ...]:
    """The same addresses in at most so many spans: the smallest gaps are closed, and what lies in them comes along."""
    ordered = sorted(spans)
    gaps = sorted((after[0] - before[1] for before, after in itertools.pairwise(ordered)), reverse=True)
    least = gaps[most - 1] if len(gaps) >= most else -1
    found: list[Span] = []
    for first, end in ordered:
        if found and first - found[-1][1] <= least:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((first, end))
    return tuple(found)
