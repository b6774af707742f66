# SPDX-License-Identifier: GPL-2.0-only
"""Hunks that took fuzz, as words."""

from collections.abc import Iterable, Iterator

from kseries.model import AppliedPatch, FuzzedHunk


def notes(patches: Iterable[AppliedPatch]) -> Iterator[str]:
    """What the user is told of patches that took fuzz: a line for each such hunk."""
    some = tuple(patches)
    for patch in some:
        for hunk in patch.fuzzed:
            yield f"{patch.number}/{len(some)} {patch.subject}: {in_words(hunk)}"


def in_words(hunk: FuzzedHunk) -> str:
    """Where a hunk was put, and with how much fuzz, in the manner of patch(1)."""
    lines = f", {abs(hunk.offset)} line{'s' * (abs(hunk.offset) != 1)} {'below' if hunk.offset > 0 else 'above'}"
    blind = ", by its line number alone" if hunk.blind else ""
    where = f"{hunk.file}, hunk {hunk.hunk} of {hunk.of}: at line {hunk.line}{lines * bool(hunk.offset)}"
    return f"{where}, with fuzz {hunk.fuzz}{blind}"
