# SPDX-License-Identifier: GPL-2.0-only
"""A fault put into lines of a series that are one patch's alone: git trees, and nothing built."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

import msgspec

from kseries.model import AppliedPatch
from kseries.plan.scenarios import Patches
from kseries.sources import ThreeWay, TreeStore

_NO_PLACE = ("*", "/*", "//")
"""How a line of a comment begins, behind which a directive would be part of it."""
_ERROR = "#error this is not so"
_FAULTS = {".c": _ERROR, ".h": _ERROR, ".S": _ERROR}
_FAULTS_BY_NAME = {"Kconfig": "this is not so", "Makefile": "$(error this is not so)"}


@dataclass(frozen=True)
class Fault:
    """A place for a fault: behind this line, which a patch has brought, of a file as the patch leaves it."""

    path: str
    line: int
    text: str
    """Of the line."""
    wrong: str
    """What is put behind it."""

    def __str__(self) -> str:
        return f"{self.path}:{self.line + 1}"

    def put(self, source: bytes) -> bytes:
        """The file's contents with the fault."""
        lines = source.split(b"\n")
        return b"\n".join((*lines[: self.line], self.wrong.encode(), *lines[self.line :]))


def places(patch: AppliedPatch, trees: TreeStore) -> Iterator[Fault]:
    """Where a fault could be put that a build is told of, as far as it reads the file."""
    for one in trees.diff(patch.tree_before, patch.tree_after):
        path = (one.names[1] or b"").decode(errors="replace")
        wrong = _wrong(path)
        for line, data in (added for hunk in one.hunks for added in hunk.added):
            text = data.removesuffix(b"\n").decode(errors="replace")
            if wrong and text.strip() and not text.endswith("\\") and not text.strip().startswith(_NO_PLACE):
                yield Fault(path, line, text, wrong)


def _wrong(path: str) -> str | None:
    pure = PurePosixPath(path)
    return _FAULTS.get(pure.suffix) or _FAULTS_BY_NAME.get(pure.name.partition(".")[0])


def series_with(fault: Fault, patches: Patches, number: int, revert: str | None, trees: TreeStore) -> Patches | None:
    """The series in which a patch brings a fault along.

    None where that is not its own: a later patch conflicts with it, or the tip without the patch is not ``revert``,
    the tree of the sound series without it (None: a conflict).
    """
    at = number - 1
    sound = patches[at].tree_after
    tree = trees.with_file(sound, fault.path, fault.put(trees.file(sound, fault.path) or b""))
    faulty = [*patches[:at], msgspec.structs.replace(patches[at], tree_after=tree)]
    for patch in patches[number:]:
        picked = trees.cherry_pick(tree, patch.tree_before, patch.tree_after).tree
        if picked is None:
            return None
        faulty.append(msgspec.structs.replace(patch, tree_before=tree, tree_after=picked))
        tree = picked
    blamed = faulty[at]
    without = trees.merge(ThreeWay.revert(tree, blamed.tree_before, blamed.tree_after))
    return tuple(faulty) if without.tree == revert else None


def some(
    patches: Patches, number: int, revert: str | None, trees: TreeStore, most: int
) -> Iterator[tuple[Fault, Patches]]:
    """At most so many faulty series, each with its fault."""
    found = places(patches[number - 1], trees)
    made = ((place, series_with(place, patches, number, revert, trees)) for place in found)
    yield from itertools.islice(((place, faulty) for place, faulty in made if faulty is not None), most)
