# SPDX-License-Identifier: GPL-2.0-only
"""A diff that git apply refuses -> the same made for a tree, as ``quilt refresh`` would make it after patch(1).

Only hunks of files that are there are placed anew (fuzz.py). Which files those are, what a rename or a mode does, and
whether what comes of it applies, git alone says.
"""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kseries.model import FuzzedHunk, RejectedHunk
from kseries.model.sanitize import shortened
from kseries.sources.fuzz import Edit, Effort, Place, Placing
from kseries.sources.hunks import Hunk, Section, sections, written
from kseries.sources.treestore import TreeStore

DEFAULT = 2
"""The fuzz that patch(1) takes where nobody says otherwise: of three lines of context, one at least is right."""
_CONTEXT = 3
_SHOWN = 6
"""Lines that are told of a hunk that does not fit: of those that it expects, and of those that stand there."""
_MOST_TOLD = 50
"""Hunks of a patch of which they are."""
_WIDE = 200


@dataclass(frozen=True)
class Fit:
    """What came of a diff; ``diff`` is None where it could not be made, for the hunks that are ``rejected``."""

    diff: bytes | None
    fuzzed: tuple[FuzzedHunk, ...] = ()
    """The hunks that take fuzz; where none does, those that patch(1) places otherwise than git apply: any of them."""
    rejected: tuple[RejectedHunk, ...] = ()

    @property
    def fuzz(self) -> int:
        """How much it takes."""
        return max((hunk.fuzz for hunk in self.fuzzed), default=0)


def fit(store: TreeStore, tree: str, diff: bytes, most: int) -> Fit:
    """Make a diff for a tree, with fuzz up to ``most``. What is no hunk of a file that is there stays as it is."""
    try:
        parts, rest = sections(diff)
    except ValueError:
        return Fit(None)
    names = store.names(diff)
    if len(names) != len(parts):  # git reads it otherwise than we do
        return Fit(None)
    return _Fitting(store, tree, most).of(parts, names, rest)


class _Fitting:
    """The files of one diff, in turn: a later section may change a file again."""

    def __init__(self, store: TreeStore, tree: str, most: int) -> None:
        self._store, self._tree, self._most = store, tree, most
        self._effort = Effort()
        self._files: dict[bytes, list[bytes]] = {}
        self._placed: list[FuzzedHunk] = []
        self._rejected: list[RejectedHunk] = []

    def of(self, parts: Sequence[Section], names: Sequence[bytes], rest: bytes) -> Fit:
        made = [self._section(part, name) for part, name in zip(parts, names, strict=True)]
        fuzzed = [hunk for hunk in self._placed if hunk.fuzz] or self._placed
        diff = None if self._rejected else b"".join([*made, rest])
        return Fit(diff, tuple(fuzzed), tuple(self._rejected))

    def _section(self, part: Section, name: bytes) -> bytes:
        lines = self._lines(self._before(part, name)) if part.edits else None
        if lines is None or not self._effort.spend(len(lines)):
            return part.text()
        placing = Placing(lines, self._effort)
        for number, hunk in enumerate(part.hunks, 1):
            where = (name.decode(errors="replace"), number, len(part.hunks))
            place = placing.place(hunk, self._most)
            if place is not None:
                self._placed.append(_fuzzed(hunk, place, *where))
            else:
                self._rejected.append(_rejected(hunk, placing, *where, told=len(self._rejected) < _MOST_TOLD))
        self._files[name] = placing.made()
        return part.header + b"".join(_hunks(lines, placing.edits))

    def _before(self, part: Section, name: bytes) -> bytes:
        """The name of the file that a section changes. Where it has to be asked for, that takes two processes."""
        if (source := part.source) is not None:
            return source
        others = self._store.touched(part.text()) - {name} if part.moves else set()
        return others.pop() if others else name

    def _lines(self, path: bytes) -> list[bytes] | None:
        """The lines of a file as the diff has left it so far; None where there is none."""
        if path not in self._files:
            if b"\n" in path or {b"", b".", b".."} & set(path.split(b"/")):  # git apply refuses those that lead away
                return None
            contents = self._store.file(self._tree, path.decode(errors="surrogateescape"))
            if contents is None:
                return None
            self._files[path] = list(io.BytesIO(contents))
        return self._files[path]


def _fuzzed(hunk: Hunk, place: Place, file: str, number: int, of: int) -> FuzzedHunk:
    return FuzzedHunk(
        file=file,
        hunk=number,
        of=of,
        line=place.line,
        offset=place.offset,
        fuzz=place.fuzz,
        blind=hunk.blind(place.fuzz),
    )


def _rejected(hunk: Hunk, placing: Placing, file: str, number: int, of: int, told: bool) -> RejectedHunk:
    """What is told of a hunk that does not fit: its lines from the first on that is not there, and what is there."""
    if not told:
        return RejectedHunk(file=file, hunk=number, of=of, line=hunk.first)
    old, line = hunk.old, placing.likeliest(hunk)
    stands = placing.lines[line - 1 : line - 1 + len(old)]
    differ = next((at for at, both in enumerate(zip(old, stands, strict=False)) if both[0] != both[1]), len(stands))
    start = max(min(differ, len(old) - 1) - 1, 0)
    return RejectedHunk(
        file=file,
        hunk=number,
        of=of,
        line=hunk.first,
        expects=_shown(old[start:]),
        at=line + start,
        stands=_shown(placing.lines[line - 1 + start : line - 1 + len(old)]),
        there=placing.holds(hunk),
    )


def _shown(lines: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(shortened(line.decode(errors="replace").rstrip("\r\n"), _WIDE) for line in lines[:_SHOWN])


def _hunks(lines: Sequence[bytes], edits: Sequence[Edit]) -> Iterator[bytes]:
    """Hunks as git writes them, which fit where they say."""
    grown = 0
    for group in _close(edits):
        start, end = max(group[0].start - _CONTEXT, 0), min(group[-1].end + _CONTEXT, len(lines))
        grows = sum(len(edit.lines) - (edit.end - edit.start) for edit in group)
        old, new = end - start, end - start + grows
        yield b"@@ -%d,%d +%d,%d @@\n" % (start + (old > 0), old, start + grown + (new > 0), new)
        grown += grows
        for edit in group:
            yield from (written(b" ", line) for line in lines[start : edit.start])
            yield from (written(b"-", line) for line in lines[edit.start : edit.end])
            yield from (written(b"+", line) for line in edit.lines)
            start = edit.end
        yield from (written(b" ", line) for line in lines[start:end])


def _close(edits: Sequence[Edit]) -> Iterator[list[Edit]]:
    """The edits whose context would meet, together."""
    group: list[Edit] = []
    for edit in edits:
        if group and edit.start - group[-1].end > 2 * _CONTEXT:
            yield group
            group = []
        group.append(edit)
    if group:
        yield group
