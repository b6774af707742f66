# SPDX-License-Identifier: GPL-2.0-only
"""The merges of which the trees of sets are made: each is made once, and there is an end to them."""

from kseries.sources import Merge, ThreeWay, TreeStore
from kseries.sources.manytrees import ManyTrees

MOST = 16384
"""Merges of git before that is the end of a search: each takes four processes."""


class TooManyError(Exception):
    """There are more sets, or more merges to make of them, than anybody waits for."""


class SetMerges:
    """Makes merges in a store. Sets that begin alike share the trees of what they have in common.

    Who reverts 9, 7 and 3, after 9 and 7, has one merge to make. Those that are ``known`` from before are not made.
    """

    def __init__(self, trees: TreeStore, most: int = MOST, known: ManyTrees | None = None) -> None:
        self._trees = trees
        self._most = most
        self._known = known
        self._made: dict[ThreeWay, Merge] = {}
        self._new: dict[ThreeWay, Merge] = {}

    @property
    def count(self) -> int:
        """How many were made, or known."""
        return len(self._made)

    def __call__(self, merge: ThreeWay) -> Merge:
        """A merge, as the store makes it. Raises TooManyError."""
        if merge not in self._made:
            if len(self._made) >= self._most:
                raise TooManyError
            known = self._known.merged(merge) if self._known is not None else None
            if known is None:
                known = self._new[merge] = self._trees.merge(merge)
            self._made[merge] = known
        return self._made[merge]

    def keep(self) -> None:
        """Have those that were made be known from now on."""
        if self._known is not None:
            self._known.keep(self._new)
            self._new = {}
