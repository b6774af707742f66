# SPDX-License-Identifier: GPL-2.0-only
"""The commits of which one is the first bad one, and which of them each has below it."""

from typing import NamedTuple

from kseries.model.record import Record


class Range(Record, frozen=True):
    """A history to look for a first bad commit in, as git bisect is told of it. Commits are told by their whole ids."""

    good: str
    """Need not be below ``bad``: git then asks where they part."""
    bad: str
    first_parent: bool = False
    """Whether git looks along the first parents alone."""
    paths: tuple[str, ...] = ()
    """Only commits that touch one of these, from the top of the repository, are looked at; all where there is none."""


class Lineage(NamedTuple):
    """Commits that are in BAD and not in GOOD, each after those that it is made on: the last one is BAD.

    ``parents`` are places in ``commits``, in git's order; one that is not among them is left out.
    """

    commits: tuple[str, ...]
    trees: tuple[str, ...]
    parents: tuple[tuple[int, ...], ...]
