# SPDX-License-Identifier: GPL-2.0-only
"""Histories with one first bad commit, made up from a seed, and kernels of them that answer now so, now so."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from kseries.bisect import ancestry
from kseries.bisect.asking import Answers
from kseries.model import Evidence, EvidenceKind
from kseries.model.lineage import Lineage

GOOD = "good"
UNBUILT = Answers(why=(Evidence(kind=EvidenceKind.OUTCOME, name="build-failed"),))


def lineage(parents: Sequence[tuple[int, ...]]) -> Lineage:
    """Commits called c0, c1 and so on."""
    names = tuple(f"c{place}" for place in range(len(parents)))
    return Lineage(commits=names, trees=names, parents=tuple(parents))


def chain(length: int) -> Lineage:
    return lineage([() if place == 0 else (place - 1,) for place in range(length)])


def forked(rng: random.Random, length: int) -> Lineage:
    """Branches that begin at any commit, or before GOOD, that grow at the same time, and are merged, all in the end."""
    forks, merges = rng.choice(((0.0, 0.0), (0.02, 0.05), (0.1, 0.3), (0.3, 0.6)))
    parents: list[tuple[int, ...]] = [()]
    heads = [0]
    while len(parents) < length or len(heads) > 1:
        place = len(parents)
        ending = place >= length
        if len(heads) > 1 and (ending or rng.random() < merges / 2):
            joined = rng.sample(heads, min(len(heads), 3 if rng.random() < 0.1 else 2))
            heads = [head for head in heads if head not in joined]
            parents.append(tuple(joined))
        elif rng.random() < forks:
            parents.append((rng.randrange(place),) if rng.random() < 0.7 else ())
        else:
            # A branch is mostly worked on for a while: its commits are next to each other, as in git's order.
            head = heads[-1] if rng.random() < 0.8 else rng.choice(heads)
            heads.remove(head)
            parents.append((head,))
        heads.append(place)
    return lineage(parents)


@dataclass(frozen=True)
class History:
    """A lineage and what is true of its kernels."""

    lineage: Lineage
    culprit: int
    passes: float
    """How often a bad kernel passes a boot."""
    fails: float
    """How often a good one fails it."""
    untestable: frozenset[int] = frozenset()
    kernels: tuple[int, ...] = ()
    """Of each commit, the first one with the same kernel; where there is none, each has its own."""

    @classmethod
    def of(cls, seed: int) -> "History":
        rng = random.Random(seed)
        made = forked(rng, rng.randint(1, rng.choice((10, 60, 200))))
        kernels = _kernels(rng, made)
        culprit = rng.choice([place for place, kernel in enumerate(kernels) if kernel == place])
        bad = len(kernels) - 1
        untestable = frozenset(kernels.index(kernels[place]) for place in _untestable(rng, bad))
        untestable = frozenset(place for place in range(bad) if kernels[place] in untestable - {kernels[bad]})
        fails = rng.choice((0.0, 0.0, rng.uniform(0.0, 0.01)))
        return cls(made, culprit, rng.uniform(0.1, 0.9), fails, untestable, kernels)


def _kernels(rng: random.Random, made: Lineage) -> tuple[int, ...]:
    """In some histories there are commits that change nothing of a kernel."""
    share = rng.choice((0.0, 0.0, 0.3))
    kernels: list[int] = []
    for place, parents in enumerate(made.parents):
        kernels.append(kernels[parents[0]] if len(parents) == 1 and rng.random() < share else place)
    return tuple(kernels)


def _untestable(rng: random.Random, length: int) -> set[int]:
    """None, some here and there, or stretches, up to half of the history."""
    found: set[int] = set()
    if length and rng.random() < 0.3:
        share = rng.choice((0.05, 0.3))
        found.update(place for place in range(length) if rng.random() < share)
    if length and rng.random() < 0.3:
        for _ in range(rng.randint(1, 3)):
            start = rng.randrange(length)
            found.update(range(start, min(length, start + rng.randint(1, max(length // 2, 1)))))
    return found


class Simulated:
    """Boots the kernels of a history. ``boots`` and ``builds`` count what was done.

    The kernel that was asked last is not built again.
    """

    def __init__(self, history: History, seed: int) -> None:
        self._history = history
        self._rng = random.Random(f"boots {seed}")
        self._places = {commit: place for place, commit in enumerate(history.lineage.commits)}
        self._below = ancestry.below(history.lineage)
        self._first: dict[int, str] = {}
        self._last = ""
        self.boots = self.builds = 0

    def ask(self, commit: str, boots: int) -> Answers:
        place = self._places.get(commit)
        if place is not None and self._history.kernels:
            first = self._first.setdefault(self._history.kernels[place], commit)
            if first != commit:
                return Answers(same=first)
        self.builds += commit != self._last
        self._last = commit
        if place in self._history.untestable:
            return UNBUILT
        self.boots += boots
        bad = place is not None and self._below[place] >> self._history.culprit & 1
        passing = self._history.passes if bad else 1 - self._history.fails
        passed = sum(self._rng.random() < passing for _ in range(boots))
        return Answers(passed=passed, failed=boots - passed)
