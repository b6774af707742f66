# SPDX-License-Identifier: GPL-2.0-only
"""C source as text: the functions in it, and the lines that a diff changes. Pure, and by the kernel's style alone.

No preprocessor is asked: what a macro or a conditional hides from the eye is hidden from us. The line table says
which of it has code.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from kseries.sources import Diff
from kseries.sources.hunks import Hunk

_HEAD = re.compile(r"[A-Za-z_](?!\w*:)")
"""The first line of a definition stands at the left margin, as nothing in a body does but a label."""
_CALLED = re.compile(r"\b(?P<name>\w+)\s*\(\s*(?P<first>\w*)")
_ATTRIBUTES = frozenset(
    {"__printf", "__scanf", "__attribute__", "__aligned", "__section", "__acquires", "__releases", "__must_hold"}
)
_COMMENT = re.compile(r"/\*.*?(?:\*/|$)|//.*")

SOURCES = frozenset({".c", ".h", ".S"})
"""What is compiled into a kernel, by its suffix."""


@dataclass(frozen=True)
class Function:
    """A function definition: its name, and its first and last line, counted from 1."""

    name: str
    first: int
    last: int

    def has(self, line: int) -> bool:
        """Whether a line is one of its own."""
        return self.first <= line <= self.last


@dataclass(frozen=True)
class Changed:
    """What a diff did to one file: the lines that came, and those after which others have gone."""

    come: tuple[int, ...] = ()
    gone: tuple[int, ...] = ()

    def inside(self, function: Function) -> bool:
        """Whether it changes this function. What has gone from between two functions was in neither."""
        return any(function.has(line) for line in self.come) or any(
            function.has(line) and function.has(line + 1) for line in self.gone
        )


def functions(source: str) -> tuple[Function, ...]:
    """The functions that are defined in a source, in their order."""
    return tuple(_functions(source.split("\n")))


def _functions(lines: Sequence[str]) -> Iterator[Function]:
    number = 0
    while number < len(lines):
        if not _HEAD.match(lines[number]):
            number += 1
            continue
        head, opened = _head(lines, number)
        if "{" not in lines[opened]:  # a declaration, or a macro that needs no body
            number = opened + 1
            continue
        last = opened if _closed(lines[opened]) else _end(lines, opened)
        name = _name(head)
        if name is not None:
            yield Function(name, number + 1, last + 1)
        number = last + 1


def _head(lines: Sequence[str], first: int) -> tuple[str, int]:
    """What stands before a body, and the index of the line in which that opens or, without one, of its last line."""
    said = ""
    for number in range(first, len(lines)):
        line = _COMMENT.sub("", lines[number])
        if "{" in line:
            return said + line.partition("{")[0], number
        said += f"{line} "
        # A macro such as EXPORT_SYMBOL() may lack its semicolon; a definition's body stands on the next line then.
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if line.rstrip().endswith(";") or not (line.strip() or following.startswith("{")):
            return said, number
    return said, len(lines) - 1


def _closed(line: str) -> bool:
    return line.count("{") == line.count("}")


def _end(lines: Sequence[str], opened: int) -> int:
    following = (number for number in range(opened + 1, len(lines)) if lines[number].startswith("}"))
    return next(following, len(lines) - 1)


def _name(head: str) -> str | None:
    """The name in the head of a function; None in that of a struct, an enum or a table."""
    if "=" in head:
        return None
    for called in _CALLED.finditer(head):
        name, first = called["name"], called["first"]
        if name not in _ATTRIBUTES:
            return f"{name}({first})" if name.isupper() and first else name
    return None


def changed(diff: Diff) -> Mapping[str, Changed]:
    """By the file's path, what a diff without context leaves changed; files that go are not in it."""
    after = ((one.names[1], one.hunks) for one in diff)
    return {path.decode(errors="replace"): _changed(hunks) for path, hunks in after if path is not None and hunks}


def _changed(hunks: Sequence[Hunk]) -> Changed:
    come = tuple(number for hunk in hunks for number, _ in hunk.added)
    return Changed(come, tuple(hunk.new for hunk in hunks if not any(hunk.added)))


def compiled(paths: Sequence[str]) -> tuple[str, ...]:
    """Those of some paths that a kernel may be compiled from."""
    return tuple(path for path in paths if PurePosixPath(path).suffix in SOURCES)
