# SPDX-License-Identifier: GPL-2.0-only
"""Hunks -> where in a file they belong, as patch(1) finds it: at an offset, and with fuzz.

Fuzz is the number of lines of context that may be wrong at either end of a hunk; where one end has less context than
the other (a hunk at the beginning or the end of a file), so many less of it are passed over. The rules, with their
order, are those of GNU patch 2.7.6 and 2.8 (patch.c: locate_hunk(), patch_match(), apply_hunk()); a test holds the two
side by side. Nothing is run, for what a stranger wrote should not reach more programs than it has to.

In two cases patch(1) goes on and this does not: a hunk without any old line, which it puts at its line number with
nothing to tell whether that is right; and one by which a line that ends a file without a newline would get one.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from kseries.sources.hunks import Hunk

_MOST_KINDS = 0x110000 - 1
"""Of lines in a file: each is a character of a string, so that they are looked for as quickly as text is."""
_NONE = chr(_MOST_KINDS)
_SPENT = 100_000_000
_FEW = 20
"""Where a line stands more often, it does not tell much of the place."""


@dataclass
class Effort:
    """How many lines may still be searched: a file of a million like lines can be searched for ever."""

    left: int = _SPENT

    def spend(self, lines: int) -> bool:
        """Take some; False where they are not there any more."""
        self.left -= lines
        return self.left >= 0


@dataclass(frozen=True)
class Place:
    """Where a hunk fits: the line of the old file at which it begins, and how far from where patch(1) looked first."""

    line: int
    fuzz: int
    offset: int
    """Lines from where the hunk says that it belongs."""


@dataclass(frozen=True)
class Edit:
    """Lines ``start`` to ``end`` of a file, from 0 on and without the last, and what comes in their place."""

    start: int
    end: int
    lines: tuple[bytes, ...]


@dataclass
class Placing:
    """The hunks of one file, put into it in turn. What ``place`` refuses leaves no trace, as in patch(1)."""

    lines: Sequence[bytes]
    effort: Effort = field(default_factory=Effort)
    edits: list[Edit] = field(default_factory=list)
    offset: int = 0
    """The last hunk's, at which the next is looked for."""
    frozen: int = 0
    """The lines that a hunk may not change any more: those down to the last change."""

    def __post_init__(self) -> None:
        kinds: dict[bytes, str] = {}
        self._text = "".join(kinds.setdefault(line, chr(min(len(kinds), _MOST_KINDS))) for line in self.lines)
        self._back = self._text[::-1]
        self._kinds = kinds
        self._ended = all(line.endswith(b"\n") for line in self.lines[-1:])
        self._open = False  # a line without a newline was added: nothing can come behind it

    def place(self, hunk: Hunk, most: int) -> Place | None:
        """Put a hunk where it fits with the least fuzz, ``most`` of it at the most; None where it does not."""
        pattern = self._pattern(hunk.old)
        prefix, suffix = hunk.prefix, hunk.suffix
        for fuzz in range(min(most, max(prefix, suffix)) + 1):
            line = self._line(hunk.first, pattern, prefix, suffix, fuzz)
            if line is not None:
                return self._put(hunk, line, fuzz)
        return None

    def _pattern(self, lines: Iterable[bytes]) -> str:
        return "".join(self._kinds.get(line, _NONE) for line in lines)

    def _line(self, first: int, pattern: str, prefix: int, suffix: int, fuzz: int) -> int | None:
        """The line at which some old lines are found, from 1 on. Those that are passed over count, where they begin."""
        if not pattern or len(self._kinds) > _MOST_KINDS:
            return None
        context = max(prefix, suffix)
        before, behind = fuzz + prefix - context, fuzz + suffix - context
        guess, lowest = first + self.offset, self.frozen + 1
        if before < 0 and first <= 1:  # it can only be at the beginning
            here = pattern[: len(pattern) - max(behind, 0)]
            return 1 if self.frozen <= prefix and self._text.startswith(here) else None
        before = max(before, 0)
        if behind < 0:  # it can only be at the end
            line = len(self.lines) - len(pattern) + 1
            return line if line >= lowest and self._text.endswith(pattern[before:]) else None
        highest = len(self.lines) - (len(pattern) - behind) + 1
        found = _Search(self, pattern[before : len(pattern) - behind], before)
        if guess > highest:
            return found.last(lowest, highest)
        if guess >= lowest:
            return _nearest(guess, found.first(guess, highest), found.last(lowest, guess))
        # There patch(1) begins as far above its guess as the first line that it may change is below it. What begins
        # above the file is no place for it.
        above, top = 2 * guess - lowest, 1 - before
        if not found.text:  # of which nothing is left to compare: it is anywhere, and so where patch(1) begins
            return above or None
        for line in (above, lowest):
            if line >= top and found.first(line, min(line, highest)) is not None:
                return line if line > 0 else None
        line = found.first(max(above + 1, top), highest) or 0
        return line if line > 0 else None

    def _put(self, hunk: Hunk, line: int, fuzz: int) -> Place | None:
        guess = hunk.first + self.offset
        self.offset += line - guess
        edits = [Edit(line - 1 + at, line - 1 + at + gone, tuple(come)) for at, gone, come in hunk.blocks()]
        if edits[0].start < self.frozen or not all(map(self._whole, edits)):
            return None
        self.edits += edits
        self.frozen = edits[-1].end
        return Place(line, fuzz, line - hunk.first)

    def _whole(self, edit: Edit) -> bool:
        """False where a line without a newline would have something behind it."""
        last = edit.end == len(self.lines)
        behind = self._open or (edit.start == len(self.lines) and not self._ended)
        unended = [at for at, line in enumerate(edit.lines, 1) if not line.endswith(b"\n")]
        self._open = self._open or bool(unended)
        return not (edit.lines and behind) and (not unended or (last and unended == [len(edit.lines)]))

    def made(self) -> list[bytes]:
        """The lines of the file with what was placed."""
        lines: list[bytes] = []
        at = 0
        for edit in self.edits:
            lines += (*self.lines[at : edit.start], *edit.lines)
            at = edit.end
        return [*lines, *self.lines[at:]]

    def holds(self, hunk: Hunk) -> bool:
        """True where what a hunk makes is there already."""
        back = hunk.reversed()
        return self._line(hunk.first, self._pattern(back.old), back.prefix, back.suffix, 0) is not None

    def search(self, text: str, start: int, end: int) -> int:
        """As str.find()."""
        if self._text.startswith(text, start, end):
            return start
        return self._text.find(text, start, end) if self.effort.spend(end - start) else -1

    def search_back(self, text: str, start: int, end: int) -> int:
        """As str.rfind(), which has no bound for its time."""
        wide = len(self._text)
        if not self.effort.spend(end - start):
            return -1
        found = self._back.find(text[::-1], wide - end, wide - start)
        return wide - found - len(text) if found >= 0 else -1

    def likeliest(self, hunk: Hunk) -> int:
        """The line, from 1 on, at which a hunk that does not fit would begin by most of its old lines."""
        pattern = self._pattern(hunk.old)
        places: dict[str, list[int]] = {kind: [] for kind in pattern if kind != _NONE}
        for at, kind in enumerate(self._text, 1):
            if kind in places:
                places[kind].append(at)
        votes = Counter(
            at - place
            for place, kind in enumerate(pattern)
            for at in (places[kind] if kind in places and len(places[kind]) <= _FEW else ())
        )
        guess = hunk.first + self.offset
        best = max(votes, key=lambda line: (votes[line], -abs(line - guess)), default=guess)
        return min(max(best, 1), max(len(self.lines), 1))


@dataclass(frozen=True)
class _Search:
    """Where what is not passed over of a hunk stands, told by the line at which the hunk begins."""

    placing: Placing
    text: str
    before: int

    def first(self, lowest: int, highest: int) -> int | None:
        """The first place from one line to another."""
        return self._found(self.placing.search, lowest, highest)

    def last(self, lowest: int, highest: int) -> int | None:
        """The last one."""
        return self._found(self.placing.search_back, lowest, highest)

    def _found(self, search: Callable[[str, int, int], int], lowest: int, highest: int) -> int | None:
        if highest < lowest:
            return None
        found = search(self.text, lowest - 1 + self.before, highest - 1 + self.before + len(self.text))
        return found - self.before + 1 if found >= 0 else None


def _nearest(guess: int, below: int | None, above: int | None) -> int | None:
    """The nearer of two places; of two that are as far, the one further down."""
    if below is None or above is None:
        return above if below is None else below
    return below if below - guess <= guess - above else above
