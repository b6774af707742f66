# SPDX-License-Identifier: GPL-2.0-only
"""The commits of which one is the first bad one, and which of them each has below it."""

from typing import NamedTuple


class Lineage(NamedTuple):
    """Commits that are in BAD and not in GOOD, each after those that it is made on: the last one is BAD.

    ``parents`` are places in ``commits``, in git's order; one that is not among them is left out.
    """

    commits: tuple[str, ...]
    trees: tuple[str, ...]
    parents: tuple[tuple[int, ...], ...]
