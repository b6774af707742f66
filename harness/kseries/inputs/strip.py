# SPDX-License-Identifier: GPL-2.0-only
"""A diff made for ``patch -pN`` -> the same diff as git writes it, for ``-p1``: all that comes after knows one form.

Not read with sources/hunks.py, which knows that one form: but for the names in its headers a diff stays as it is, to
the letter, also where a hunk is cut short.
"""

import io
import re
from collections.abc import Iterator

_HUNK = re.compile(rb"@@ -\d+(?:,(\d{1,9}))? \+\d+(?:,(\d{1,9}))? @@")
_NOTHING = b"/dev/null"


def to_p1(diff: bytes, strip: int) -> bytes:
    """The diff with other names in its headers. Raises ValueError for a name with less than ``strip`` folders."""
    return diff if strip == 1 else b"".join(_renamed(diff, strip))


def _renamed(diff: bytes, strip: int) -> Iterator[bytes]:
    old = new = 0  # lines that the hunk still has: in there, "--- x" is a line that goes away
    for line in io.BytesIO(diff):  # which splits at \n alone
        if old > 0 or new > 0:
            old -= line[:1] not in (b"+", b"\\")
            new -= line[:1] not in (b"-", b"\\")
            yield line
        elif hunk := _HUNK.match(line):
            old, new = (int(count) if count is not None else 1 for count in hunk.groups())
            yield line
        else:
            yield _header(line, strip)


def _header(line: bytes, strip: int) -> bytes:
    for start, side in ((b"--- ", b"a/"), (b"+++ ", b"b/")):
        if line.startswith(start):
            name, tab, rest = line[4:].partition(b"\t")
            return start + _name(name, strip, side) + tab + rest
    if line.startswith(b"diff --git "):
        names = line[len(b"diff --git ") :].rstrip(b"\n")
        before, after = names[: len(names) // 2], names[len(names) // 2 + 1 :]
        if before.split(b"/", strip)[strip:] != after.split(b"/", strip)[strip:]:
            return line  # a rename: git reads the names below
        return b"diff --git " + _name(before, strip, b"a/") + b" " + _name(after, strip, b"b/") + b"\n"
    moved = re.match(rb"(?:rename|copy) (?:from|to) ", line)
    return moved[0] + _name(line[moved.end() :], max(strip - 1, 0), b"") if moved else line


def _name(name: bytes, strip: int, side: bytes) -> bytes:
    if name.strip() == _NOTHING:
        return name
    quote = b'"' if name.startswith(b'"') else b""
    folders = name.removeprefix(quote).split(b"/", strip)
    if len(folders) <= strip:
        raise ValueError(f"{name.decode(errors='replace').strip()} has no {strip} folders to strip")
    return quote + side + folders[strip]
