# SPDX-License-Identifier: GPL-2.0-only
"""How likely each commit is the first bad one, after what kernels have answered. Pure, and exact.

A commit is bad if the first bad one is itself or an ancestor. A bad kernel passes a boot with one unknown probability,
and a good one fails it with another, whichever kernel it is. Both are integrated out: with a beta distribution as the
prior, what boots say has a closed form (the beta-binomial distribution). It depends on a suspect only by how many boots
passed and failed of the kernels that are bad if it is the one. Suspects with the same numbers are counted together.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from kseries.bisect.ancestry import Commits
from kseries.bisect.rates import Counts, Estimate, Rates, estimate

_NONE = Counts()


class Alike(NamedTuple):
    """Suspects of which what is known is the same. ``bad`` is of the kernels that are bad if it is one of these."""

    commits: Commits
    bad: Counts
    good: Counts
    each: float
    """The posterior probability of each of them."""

    @property
    def mass(self) -> float:
        return self.each * self.commits.bit_count()


@dataclass(frozen=True)
class Posterior:
    """What is known of all suspects. ``classes`` has the suspects by what kernels did that are bad if it is they."""

    rates: Rates
    levels: tuple[tuple[float, Commits], ...]
    """Suspects by their prior weight."""
    classes: dict[Counts, Commits]
    booted: Counts
    """All boots, of good kernels and of bad ones."""

    @classmethod
    def prior(cls, rates: Rates, weights: Sequence[float]) -> "Posterior":
        """Before anything is booted. A suspect of weight 0 is none.

        Other weights are rounded to powers of two: they are rough, and those that are equal are counted together.
        """
        levels: dict[float, Commits] = {}
        for place, weight in enumerate(weights):
            if weight > 0:
                level = 2.0 ** round(math.log2(weight))
                levels[level] = levels.get(level, 0) | 1 << place
        suspects = sum(levels.values())
        return cls(rates, tuple(sorted(levels.items())), {_NONE: suspects} if suspects else {}, _NONE)

    @cached_property
    def suspects(self) -> Commits:
        return sum(self.classes.values())

    def after(self, below: Commits, booted: Counts) -> "Posterior":
        """When a kernel was booted that is bad if the first bad commit is one of ``below``."""

        def split() -> Iterable[tuple[Counts, Commits]]:
            for bad, commits in self.classes.items():
                yield bad.plus(booted), commits & below
                yield bad, commits & ~below

        return replace(self, classes=_merged(split()), booted=self.booted.plus(booted))

    def without(self, commits: Commits) -> "Posterior":
        """When it is known that none of these is the first bad one."""
        return replace(self, classes=_merged((bad, some & ~commits) for bad, some in self.classes.items()))

    @cached_property
    def alike(self) -> tuple[Alike, ...]:
        """All suspects, the likeliest first."""
        logs = {bad: self.rates.log_evidence(bad, self.booted.minus(bad)) for bad in self.classes}
        most = max(logs.values(), default=0.0)
        found = [
            Alike(commits & level, bad, self.booted.minus(bad), weight * math.exp(logs[bad] - most))
            for bad, commits in self.classes.items()
            for weight, level in self.levels
            if commits & level
        ]
        whole = math.fsum(one.mass for one in found)
        scaled = [one._replace(each=one.each / whole) for one in found]
        return tuple(sorted(scaled, key=lambda one: (-one.each, one.bad, one.commits)))

    def probability(self, commits: Commits) -> float:
        """That the first bad commit is one of these."""
        return math.fsum(one.each * (one.commits & commits).bit_count() for one in self.alike)

    @property
    def bad_passes(self) -> Estimate:
        """How often a bad kernel passes a boot."""
        whole: dict[Counts, float] = {}
        for one in self.alike:
            whole[one.bad] = whole.get(one.bad, 0.0) + one.mass
        return estimate(self.rates.bad_passes, whole)


def _merged(classes: Iterable[tuple[Counts, Commits]]) -> dict[Counts, Commits]:
    merged: dict[Counts, Commits] = {}
    for counts, commits in classes:
        if commits:
            merged[counts] = merged.get(counts, 0) | commits
    return merged
