# SPDX-License-Identifier: GPL-2.0-only
"""Which patch of one version of a series is which of another: by equal trees, by git range-diff, by subject."""

import difflib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum

from kseries.model import AppliedPatch, Record
from kseries.sources import TreeStore

_PAIR = re.compile(r"^\s*(\d+|-+):\s+\S+ ([=!<>]) +(\d+|-+):", re.MULTILINE)
_ALIKE = 0.6
"""How alike two subjects are of patches that touch the same files, where nothing better is known."""

_PART = 0.5
"""A patch is part of another that has more than this share of its lines."""

Patches = Sequence[AppliedPatch]
Lines = Counter[tuple[bytes, bytes]]


class How(StrEnum):
    """What became of patches from one version to the next."""

    SAME = "same"
    CHANGED = "changed"
    SQUASHED = "squashed"
    SPLIT = "split"
    GONE = "gone"
    NEW = "new"


class Match(Record, frozen=True):
    """Patches of the old version, and those of the new one that are in their place; by number."""

    how: How
    old: tuple[int, ...] = ()
    new: tuple[int, ...] = ()


def match(old: Patches, new: Patches, trees: TreeStore | None) -> tuple[Match, ...]:
    """Every patch of both in one match, in the order of the new version. ``trees`` has the sources, if anything has.

    Where both versions come through the same source tree, what lies before it is matched with what lies before it.
    A patch that git leaves over is part of the one on the other side that has most of its lines.
    """
    found: list[Match] = []
    for before, after in _between_equal_trees(old, new):
        found += _segment(before, after, trees)
    return tuple(sorted(found, key=lambda one: (min(one.new, default=len(new)), one.old)))


def _between_equal_trees(old: Patches, new: Patches) -> Iterator[tuple[Patches, Patches]]:
    if not old or not new or old[0].tree_before != new[0].tree_before or not old[0].tree_before:
        yield old, new
        return
    start = (0, 0)
    ends = {patch.tree_after: at for at, patch in enumerate(new, 1)}
    for at, patch in enumerate(old, 1):
        there = ends.get(patch.tree_after, -1)
        if there > start[1]:
            yield old[start[0] : at], new[start[1] : there]
            start = (at, there)
    yield old[start[0] :], new[start[1] :]


def _segment(old: Patches, new: Patches, trees: TreeStore | None) -> Iterator[Match]:
    numbers = tuple(patch.number for patch in old), tuple(patch.number for patch in new)
    ends_equal = bool(old and new) and old[-1].tree_after == new[-1].tree_after != ""
    if ends_equal and min(len(old), len(new)) == 1:
        how = How.SAME if len(old) == len(new) else How.SQUASHED if len(new) == 1 else How.SPLIT
        yield Match(how=how, old=numbers[0], new=numbers[1])
        return
    pairs = _by_git(old, new, trees) if trees is not None and old and new else None
    pairs = _by_subject(old, new) if pairs is None else pairs
    found = [Match(how=how, old=(mine,), new=(theirs,)) for mine, (theirs, how) in pairs.items()]
    taken = {theirs for theirs, _ in pairs.values()}
    lone = [number for number in numbers[0] if number not in pairs], [one for one in numbers[1] if one not in taken]
    whole = _wholes(old, new, lone, trees) if trees is not None and any(lone) and old and new else {}
    yield from _joined(found, lone, whole)


Number = tuple[bool, int]
"""A patch: whether it is of the new version, and its number."""


def _joined(found: Sequence[Match], lone: tuple[list[int], list[int]], whole: dict[Number, int]) -> Iterator[Match]:
    """The matches, with those patches that are part of one in them, and what is left over as gone and new."""
    for one in found:
        olds = [mine for (is_new, mine), theirs in whole.items() if not is_new and theirs == one.new[0]]
        news = [theirs for (is_new, theirs), mine in whole.items() if is_new and mine == one.old[0]]
        if olds and not news:
            yield Match(how=How.SQUASHED, old=tuple(sorted([*one.old, *olds])), new=one.new)
        elif news and not olds:
            yield Match(how=How.SPLIT, old=one.old, new=tuple(sorted([*one.new, *news])))
        else:
            yield one
            yield from (Match(how=How.GONE, old=(number,)) for number in olds)
            yield from (Match(how=How.NEW, new=(number,)) for number in news)
    yield from (Match(how=How.GONE, old=(number,)) for number in lone[0] if (False, number) not in whole)
    yield from (Match(how=How.NEW, new=(number,)) for number in lone[1] if (True, number) not in whole)


def _wholes(old: Patches, new: Patches, lone: tuple[list[int], list[int]], trees: TreeStore) -> dict[Number, int]:
    """By each patch that is left over, the patch of the other version that has most of its lines."""
    if not _there((*old, *new), trees):
        return {}
    before, after = ({patch.number: _lines(patch, trees) for patch in side} for side in (old, new))
    parts = {(False, number): _whole(before[number], after) for number in lone[0]}
    parts |= {(True, number): _whole(after[number], before) for number in lone[1]}
    paired = {theirs for theirs in after if theirs not in lone[1]}, {mine for mine in before if mine not in lone[0]}
    return {part: whole for part, whole in parts.items() if whole is not None and whole in paired[part[0]]}


def _whole(part: Lines, patches: dict[int, Lines]) -> int | None:
    """The patch that has the most of these lines, if that is most of them."""
    whole = max(patches, key=lambda number: (part & patches[number]).total())
    return whole if (part & patches[whole]).total() > _PART * part.total() else None


def _lines(patch: AppliedPatch, trees: TreeStore) -> Lines:
    """What a patch adds and takes away, but for empty lines."""
    diff = trees.diff(patch.tree_before, patch.tree_after)
    return Counter(row for one in diff for hunk in one.hunks for row in hunk.lines if row[1].strip())


Pairs = dict[int, tuple[int, How]]


def _by_git(old: Patches, new: Patches, trees: TreeStore) -> Pairs | None:
    """What git range-diff pairs; None where the sources are not there any more."""
    if not _there((*old, *new), trees):
        return None
    ranges = [_range(side, trees) for side in (old, new)]
    said = trees.git("range-diff", "--no-color", "--no-patch", *ranges).text
    pairs = ((int(mine), sign, int(theirs)) for mine, sign, theirs in _PAIR.findall(said) if sign in "=!")
    return {
        old[mine - 1].number: (new[theirs - 1].number, How.SAME if sign == "=" else How.CHANGED)
        for mine, sign, theirs in pairs
    }


def _there(patches: Patches, trees: TreeStore) -> bool:
    """False where the sources of patches, or some of them, are not there any more: a repository was moved away."""
    return all(map(trees.has, {tree for patch in patches for tree in (patch.tree_before, patch.tree_after)}))


def _range(patches: Patches, trees: TreeStore) -> str:
    base = tip = trees.commit(patches[0].tree_before)
    for patch in patches:
        tip = trees.commit(patch.tree_after, tip)
    return f"{base}..{tip}"


def _by_subject(old: Patches, new: Patches) -> Pairs:
    """Equal subjects, then the most alike of those that touch a file in common."""
    pairs: Pairs = {}
    for mine in old:
        free = [theirs for theirs in new if theirs.number not in {number for number, _ in pairs.values()}]
        near = [theirs for theirs in free if _likeness(mine, theirs) >= _ALIKE]
        if near:
            best = max(near, key=lambda theirs: _likeness(mine, theirs))
            equal = (mine.subject, mine.message, mine.tree_after) == (best.subject, best.message, best.tree_after)
            pairs[mine.number] = (best.number, How.SAME if equal else How.CHANGED)
    return pairs


def _likeness(mine: AppliedPatch, theirs: AppliedPatch) -> float:
    if mine.subject == theirs.subject:
        return 1.0
    if not {*mine.files} & {*theirs.files}:
        return 0.0
    return difflib.SequenceMatcher(None, mine.subject, theirs.subject).ratio()
