# SPDX-License-Identifier: GPL-2.0-only
"""Patches on a tree, one after the other: as git apply takes them and, where the user allows it, with fuzz."""

from collections.abc import Sequence
from typing import NamedTuple

from kseries.model import FuzzedHunk, Patch
from kseries.sources import ApplyError, TreeStore
from kseries.sources.fitting import DEFAULT, Fit, fit
from kseries.sources.manytrees import ManyTrees

FUZZ_LIMIT = 99
"""More context than that no diff has."""


class Step(NamedTuple):
    """The tree after a patch, and the hunks of it that took fuzz."""

    tree: str
    fuzzed: tuple[FuzzedHunk, ...] = ()


class Applying:
    """Puts patches on trees of a store, with fuzz up to ``fuzz``."""

    def __init__(self, store: TreeStore, many: ManyTrees, fuzz: int = 0) -> None:
        self.store = store
        self._many = many
        self._fuzz = fuzz
        self.most = max(DEFAULT, fuzz)
        """The fuzz that is tried, if only to tell of it."""

    def in_turn(self, tree: str, patches: Sequence[Patch]) -> tuple[list[Step], ApplyError | None]:
        """What each patch makes of the tree, on top of those before it, up to the first that does not apply."""
        diffs = [patch.diff or b"" for patch in patches]
        steps: list[Step] = []
        while len(steps) < len(diffs):
            made, error = self._many.apply_all(steps[-1].tree if steps else tree, diffs[len(steps) :])
            steps += map(Step, made)
            if error is not None:
                step = self._with_fuzz(steps[-1].tree if steps else tree, diffs[len(steps)])
                if step is None:
                    return steps, error
                steps.append(step)
        return steps, None

    def fit(self, tree: str, diff: bytes) -> tuple[Fit, Step | None]:
        """How much fuzz a patch takes, and what it makes: allowed or not, as much as patch(1) would take; else None."""
        found = fit(self.store, tree, diff, self.most)
        if found.diff is None:
            return found, None
        made, error = self._many.apply_all(tree, [found.diff])
        return found, Step(made[0], found.fuzzed) if error is None else None

    def allows(self, found: Fit) -> bool:
        """True where the user allows so much fuzz. With none, git apply has the only word."""
        return 0 < self._fuzz >= found.fuzz

    def _with_fuzz(self, tree: str, diff: bytes) -> Step | None:
        # With fuzz, a patch that is there already may apply a second time.
        if not self._fuzz or self.store.holds(tree, [diff]):
            return None
        found, step = self.fit(tree, diff)
        return step if self.allows(found) else None
