# SPDX-License-Identifier: GPL-2.0-only
"""Two topics and what of them is merged: any part of one with any part of the other, each a state by git's merge."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from kseries.model import Base, State
from kseries.plan.scenarios import Patches
from kseries.sources import Merge, ThreeWay, TreeStore

SCENARIO = "merge"
UNDER = 0
"""The number of what lies under a topic and is no part of it: commits between the base of the merge and its own."""


class Step(NamedTuple):
    """A topic up to a patch: its number, and the tree."""

    number: int
    tree: str


@dataclass(frozen=True)
class Topic:
    """A series that is to be merged with another. ``under`` is the tree below its first patch."""

    name: str
    patches: Patches
    """Those of them that the other one does not have in its history, too."""
    under: str

    def steps(self, base: str) -> tuple[Step, ...]:
        """It as it grows, from the base of the merge on, which is the first of them."""
        under = (Step(UNDER, self.under),) if self.under != base else ()
        return (Step(UNDER, base), *under, *(Step(patch.number, patch.tree_after) for patch in self.patches))


@dataclass(frozen=True)
class Topics:
    """Two topics, and the tree that git merges them on."""

    base: Base
    first: Topic
    second: Topic
    trees: TreeStore
    _merged: dict[tuple[str, str], Merge] = field(default_factory=dict)

    @property
    def steps(self) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
        """Those of each."""
        return self.first.steps(self.base.tree), self.second.steps(self.base.tree)

    @property
    def ends(self) -> tuple[int, int]:
        """How many steps each has beside base."""
        first, second = self.steps
        return len(first) - 1, len(second) - 1

    def merge(self, first: int, second: int) -> ThreeWay:
        """The merge to make of so many steps of each."""
        ours, theirs = (steps[count].tree for steps, count in zip(self.steps, (first, second), strict=True))
        return ThreeWay(base=self.base.tree, ours=ours, theirs=theirs)

    def state(self, first: int, second: int) -> State:
        """So many steps of each, merged; base with none of either."""
        merge = self.merge(first, second)
        if first and second:
            key = merge.ours, merge.theirs
            made = self._merged[key] = self._merged.get(key) or self.trees.merge(merge)
        else:
            made = Merge(merge.ours if first else merge.theirs)
        return State(
            id="+".join(self._names(first, second)) or "base",
            scenario=SCENARIO,
            applied=(),
            tree=made.tree,
            conflicts=made.conflicts,
        )

    def _names(self, *counts: int) -> Iterator[str]:
        """What the parts of a state are called."""
        if counts == self.ends:
            yield "both"
            return
        for name, steps, count in zip(("first", "second"), self.steps, counts, strict=True):
            if count:
                yield name if count == len(steps) - 1 else f"{name}-{steps[count].number}"
