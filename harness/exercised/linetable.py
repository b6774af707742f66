# SPDX-License-Identifier: GPL-2.0-only
"""Which addresses of a kernel are the code of which source lines: its DWARF line table, as readelf prints it.

Code that the compiler put into its callers is found there too, since the table tells of each address its line.
"""

import itertools
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness import binutils
from harness.arch import Arch

Span = tuple[int, int]
"""The first and the last of some lines; or the first of some addresses, and the one behind them."""
Spans = Mapping[str, tuple[Span, ...]]
"""Lines, by the path of their file."""

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


def rows(readelf: Iterable[str], wanted: Spans) -> Iterator[Code]:
    """The code of the wanted lines, from what ``readelf -W --debug-dump=decodedline`` prints."""
    file = ""
    spans: tuple[Span, ...] = ()
    open_row: tuple[str, int, int] | None = None
    for text in readelf:
        if text.endswith(":"):
            heading = _HEADING.match(text)
            file = posixpath.normpath(heading["path"]) if heading else ""
            spans = wanted.get(file, ())
            continue
        if not spans and open_row is None:
            continue
        row = _ROW.search(text)
        if row is None:
            continue
        address = int(row["address"], 16)
        if open_row is not None:
            yield Code(*open_row, address)
            open_row = None
        line = int(row["line"]) if row["line"] != "-" else None
        if line is not None and any(first <= line <= last for first, last in spans):
            open_row = (file, line, address)


async def read(kernel: Path, arch: Arch, wanted: Spans) -> tuple[Code, ...] | None:
    """The code of the wanted lines in a vmlinux; None where it has no line table."""
    table = await binutils.output([f"{arch.toolchain.prefix}readelf", "-W", "--debug-dump=decodedline", kernel], kernel)
    return tuple(rows(table, wanted)) if table else None


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
