# SPDX-License-Identifier: GPL-2.0-only
"""The merges of which the trees of sets are made: each is made once, and there is an end to them."""

from kseries.sources import Merge, ThreeWay, TreeStore

MOST = 16384
"""Merges of git before that is the end of a search: each takes four processes."""


class TooManyError(Exception):
    """There are more sets, or more merges to make of them, than anybody waits for."""


class SetMerges:
    """Makes merges in a store. Sets that begin alike share the trees of what they have in common.

    Who reverts 9, 7 and 3, after 9 and 7, has one merge to make.
    """

    def __init__(self, trees: TreeStore, most: int = MOST) -> None:
        self._trees = trees
        self._most = most
        self._made: dict[ThreeWay, Merge] = {}

    @property
    def count(self) -> int:
        """How many were made."""
        return len(self._made)

    def __call__(self, merge: ThreeWay) -> Merge:
        """A merge, as the store makes it. Raises TooManyError."""
        if merge not in self._made:
            if len(self._made) >= self._most:
                raise TooManyError
            self._made[merge] = self._trees.merge(merge)
        return self._made[merge]
