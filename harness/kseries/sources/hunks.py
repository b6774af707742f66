# SPDX-License-Identifier: GPL-2.0-only
"""A diff -> its files and their hunks, cut up where git apply and patch(1) cut it; nothing is applied here.

All that reads a diff reads it with this: those of mails, and those that git makes of trees (TreeStore.diff). Where one
begins in a mail (inputs/mail.py), what its binary files ask for (inputs/binary.py) and other names in its headers
(inputs/strip.py) are asked of the text before anybody knows whether it is one.

What git apply reads as a file of a diff is in git's apply.c (find_header(), parse_fragment()), what patch(1) counts as
the context of a hunk in GNU patch's pch.c (another_hunk()).
"""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby, takewhile

from kseries.host import checksums
from kseries.sources import git

_HUNK = re.compile(rb"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")
_MOST_LINES = 1_000_000
"""Lines of the hunks of one file: the largest that the kernel ever saw in a patch has 200,000."""
_INCOMPLETE = b"\\"
_COMES_OR_GOES = re.compile(rb"^(?:--- /dev/null|\+\+\+ /dev/null|new file mode|deleted file mode)\b", re.MULTILINE)
_MOVED = (b"rename from", b"rename to", b"copy from", b"copy to")
_WORDS = (*_MOVED, b"new file mode", b"deleted file mode", b"index", b"---", b"+++")
_INDEX = re.compile(rb"([0-9a-f]{4,64})\.\.[0-9a-f]{4,64}(?: \d+)?$")
_NOWHERE = b"/dev/null"
_SOURCE = re.compile(rb"^(?:rename|copy) from ([^\n]+)$", re.MULTILINE)
_BLANKS = re.compile(rb"\s+")


def written(sign: bytes, line: bytes) -> bytes:
    """A line of a hunk as a diff has it."""
    return sign + line if line.endswith(b"\n") else b"%b%b\n\\ No newline at end of file\n" % (sign, line)


@dataclass(frozen=True)
class Hunk:
    """A hunk of a unified diff. A line without a newline at its end is the last one of its file."""

    header: bytes
    first: int
    """The line at which its old lines begin, from 1 on; of none, the one that what it adds comes before."""
    lines: tuple[tuple[bytes, bytes], ...]
    """Each with its sign: a blank, ``-`` or ``+``."""
    new: int
    """The line at which its new lines begin, from 1 on; of none, the one that those were behind which are gone."""

    @property
    def function(self) -> str:
        """The last line before it that begins with a letter, as git tells it in the header; empty without one."""
        return self.header.split(b"@@", 2)[-1].strip().decode(errors="replace")

    @property
    def added(self) -> Iterator[tuple[int, bytes]]:
        """The lines that it adds, each with its number in the file as it is afterwards."""
        number = self.new
        for sign, line in self.lines:
            if sign == b"+":
                yield number, line
            number += sign != b"-"

    @property
    def changed(self) -> Iterator[tuple[str, str]]:
        """The lines that it adds and takes away, each with its sign, as text without its end."""
        for sign, line in self.lines:
            if sign != b" ":
                yield sign.decode(), line.removesuffix(b"\n").decode(errors="replace")

    @property
    def old(self) -> list[bytes]:
        return [line for sign, line in self.lines if sign != b"+"]

    @property
    def prefix(self) -> int:
        """Lines of context before the first change, as pch_prefix_context() has them."""
        return _context(self.lines)

    @property
    def suffix(self) -> int:
        """Lines of context behind the last change, as pch_suffix_context() has them."""
        return _context(self.lines[::-1])

    def blind(self, fuzz: int) -> bool:
        """True where so much fuzz passes over all of its old lines, so that its line number alone tells the place."""
        return fuzz >= max(self.prefix, self.suffix) and len(self.old) == self.prefix + self.suffix

    def text(self) -> bytes:
        """The hunk as it stands in a diff."""
        return b"%b\n" % self.header + b"".join(written(sign, line) for sign, line in self.lines)

    def blocks(self) -> Iterator[tuple[int, int, list[bytes]]]:
        """Its changes: how many old lines are before each, how many go, and what comes."""
        at = 0
        for context, some in groupby(self.lines, lambda line: line[0] == b" "):
            lines = list(some)
            gone = sum(sign != b"+" for sign, _ in lines)
            if not context:
                yield at, gone, [line for sign, line in lines if sign == b"+"]
            at += gone

    def reversed(self) -> "Hunk":
        """What takes it back, at the same line."""
        signs = {b"+": b"-", b"-": b"+"}
        return replace(self, lines=tuple((signs.get(sign, sign), line) for sign, line in self.lines))


def _context(lines: tuple[tuple[bytes, bytes], ...]) -> int:
    return sum(1 for _ in takewhile(lambda line: line[0] == b" ", lines))


@dataclass(frozen=True)
class Section:
    """What a diff does to one file: all before its first hunk, and the hunks."""

    header: bytes
    hunks: tuple[Hunk, ...]

    @property
    def edits(self) -> bool:
        """True where a file that is there changes; of one that comes or goes every line is in its hunk."""
        return bool(self.hunks) and not _COMES_OR_GOES.search(self.header)

    @property
    def moves(self) -> bool:
        """True where the file has another name before, or is a copy of another."""
        return re.search(rb"^(?:rename|copy) from ", self.header, re.MULTILINE) is not None

    @property
    def source(self) -> bytes | None:
        """Its name before, where it has another one then, and git does not quote it."""
        named = _SOURCE.findall(self._head) if self.moves else []
        return named[0] if len(named) == 1 and not named[0].startswith(b'"') else None

    @property
    def names(self) -> tuple[bytes | None, bytes | None]:
        """Its paths before and after; None where it is not there then, or where nothing tells its name."""
        rows = self._rows
        if moved := [rows[word] for word in _MOVED if word in rows]:
            return git.unquoted(moved[0]), git.unquoted(moved[-1])
        if b"---" in rows and b"+++" in rows:
            return _path(rows[b"---"]), _path(rows[b"+++"])
        # A mode, or a binary file: both names behind "diff --git" are as long.
        names = self._head.partition(b"\n")[0]
        before, after = _path(names[: len(names) // 2]), _path(names[len(names) // 2 + 1 :])
        return None if b"new file mode" in rows else before, None if b"deleted file mode" in rows else after

    @property
    def blob(self) -> str:
        """The object that the file was before, by as many digits as the diff has; of none, zeros, or nothing at all."""
        index = _INDEX.match(self._rows.get(b"index", b""))
        return index[1].decode() if index is not None else ""

    @property
    def _head(self) -> bytes:
        """The header from the names behind "diff --git" on: before that stands a message."""
        return (b"\n" + self.header).rpartition(b"\ndiff --git ")[2]

    @property
    def _rows(self) -> dict[bytes, bytes]:
        """What the lines of the header say, by what each is about (git-diff(1), "Generating patch text with -p")."""
        rows: dict[bytes, bytes] = {}
        for line in self._head.splitlines():
            word = next((word for word in _WORDS if line.startswith(word + b" ")), b"")
            rows[word] = line[len(word) + 1 :]
        return rows

    def text(self) -> bytes:
        """The section as it stands in the diff."""
        return self.header + b"".join(hunk.text() for hunk in self.hunks)

    @property
    def digest(self) -> str:
        """The same for two that change the same lines of a file among the same ones, wherever these stand; blanks are
        passed over, as git-patch-id(1) does.
        """
        names = b"\0".join(name or b"" for name in self.names) + b"\n"
        lines = (sign + _BLANKS.sub(b"", line) + b"\n" for hunk in self.hunks for sign, line in hunk.lines)
        return checksums.of_bytes(names + b"".join(lines))


def _path(name: bytes) -> bytes | None:
    """The path in a name of a header: below a/ or b/, and before the tab behind which a time may stand."""
    named = name.partition(b"\t")[0].rstrip(b"\r")
    return git.unquoted(named).partition(b"/")[2] or None if named != _NOWHERE else None


def sections(diff: bytes) -> tuple[list[Section], bytes]:
    """The files of a diff, and what is behind the last of them. Raises ValueError for hunks that are cut short, and for
    more lines of a file than anybody would mail.
    """
    return _Reader(diff, _MOST_LINES).read()


def between(diff: bytes) -> tuple[Section, ...]:
    """The files of a diff that git itself has just made of two trees, however long it is."""
    return tuple(_Reader(diff, len(diff)).read()[0])


class _Reader:
    def __init__(self, diff: bytes, most: int) -> None:
        self._most = most
        self._lines = list(io.BytesIO(diff))  # which splits at \n alone
        self._at = 0

    def read(self) -> tuple[list[Section], bytes]:
        found: list[Section] = []
        header: list[bytes] = []
        named = headed = False  # whether a file is open, and whether its --- and +++ were there
        while self._at < len(self._lines):
            line = self._lines[self._at]
            if headed and line.startswith(b"@@ -"):
                found.append(Section(b"".join(header), self._hunks()))
                header, named, headed = [], False, False
                continue
            begins = line.startswith(b"diff --git ")
            if begins and named:
                found.append(Section(b"".join(header), ()))  # a mode, a rename, or a binary file
                header, headed = [], False
            named = named or begins
            headed = headed or self._is_head()
            header.append(line)
            self._at += 1
        if named:
            found.append(Section(b"".join(header), ()))
            header = []
        return found, b"".join(header)

    def _is_head(self) -> bool:
        """True at the ``---`` of a file that has hunks."""
        three = self._lines[self._at : self._at + 3]
        return len(three) == 3 and all(
            line.startswith(start) for line, start in zip(three, (b"--- ", b"+++ ", b"@@ -"), strict=True)
        )

    def _hunks(self) -> tuple[Hunk, ...]:
        """The hunks from here on, one at least."""
        hunks: list[Hunk] = []
        begun = self._at
        while self._at < len(self._lines) and (found := _HUNK.match(self._lines[self._at])):
            if self._at - begun > self._most:
                raise ValueError("too many lines")
            hunks.append(self._hunk(found))
        if not hunks:
            raise ValueError("no head of a hunk")
        return tuple(hunks)

    def _hunk(self, found: re.Match[bytes]) -> Hunk:
        first, old, come, new = (int(count) if count is not None else 1 for count in found.groups())
        lines: list[tuple[bytes, bytes]] = []
        at, self._at = self._at, self._at + 1
        first += old == 0  # "do append rather than insert"
        while (old or new or self._incomplete()) and self._at < len(self._lines):
            sign, line = self._lines[self._at][:1], self._lines[self._at][1:]
            self._at += 1
            if sign == _INCOMPLETE and lines:
                lines[-1] = lines[-1][0], lines[-1][1].removesuffix(b"\n")
                continue
            if sign == b"\n":  # a blank that a mailer took
                sign, line = b" ", sign
            old -= sign in (b" ", b"-")
            new -= sign in (b" ", b"+")
            if sign not in (b" ", b"-", b"+") or old < 0 or new < 0:
                raise ValueError("no line of a hunk")
            lines.append((sign, line))
        if old or new or all(sign == b" " for sign, _ in lines):
            raise ValueError("a hunk is cut short, or changes nothing")
        return Hunk(self._lines[at].rstrip(b"\n"), first, tuple(lines), come)

    def _incomplete(self) -> bool:
        return self._at < len(self._lines) and self._lines[self._at].startswith(_INCOMPLETE)
