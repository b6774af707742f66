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
from kseries.model import Record

_GRID = 2000
"""Into so many equal parts a probability is cut where a quantile of it is looked for."""


class Counts(NamedTuple):
    """Boots."""

    passed: int = 0
    failed: int = 0

    def plus(self, more: "Counts") -> "Counts":
        return Counts(self.passed + more.passed, self.failed + more.failed)

    def minus(self, less: "Counts") -> "Counts":
        return Counts(self.passed - less.passed, self.failed - less.failed)


_NONE = Counts()


class Rate(Record, frozen=True):
    """What is believed of an unknown probability: it is 0 with probability ``never``, else of a beta distribution."""

    hits: float
    """As if so many boots had hit before; above 0."""
    misses: float
    never: float = 0.0

    def log_evidence(self, hits: int, misses: int) -> float:
        """The logarithm of the probability of a row of boots with so many hits and misses."""
        ever = math.log1p(-self.never) + _log_beta(self.hits + hits, self.misses + misses)
        ever -= _log_beta(self.hits, self.misses)
        return ever if hits or not self.never else math.log(self.never + math.exp(ever))

    def density(self, at: float, hits: int, misses: int) -> tuple[float, float]:
        """After so many hits and misses: the probability that it is 0, and the density at a place above 0."""
        never = self.never * math.exp(-self.log_evidence(hits, misses)) if not hits else 0.0
        before, after = self.hits + hits, self.misses + misses
        log = (before - 1) * math.log(at) + (after - 1) * math.log1p(-at) - _log_beta(before, after)
        return never, (1 - never) * math.exp(log)


def _log_beta(first: float, second: float) -> float:
    return math.lgamma(first) + math.lgamma(second) - math.lgamma(first + second)


class Rates(Record, frozen=True):
    """What is believed before anything is booted: half of all checks are steady, the others are flaky to any degree."""

    bad_passes: Rate = Rate(hits=1.0, misses=1.0, never=0.5)
    good_fails: Rate = Rate(hits=0.1, misses=100.0)

    def with_memory(self, failed: int, boots: int) -> "Rates":
        """The same, where a check is known to have failed so often on kernels without what is looked for."""
        rate = self.good_fails
        more = Rate(hits=rate.hits + failed, misses=rate.misses + boots - failed, never=0.0 if failed else rate.never)
        return Rates(bad_passes=self.bad_passes, good_fails=more)

    def log_evidence(self, bad: Counts, good: Counts) -> float:
        """The logarithm of the probability of what bad kernels did and what good ones did."""
        return self.bad_passes.log_evidence(*bad) + self.good_fails.log_evidence(good.failed, good.passed)


class Estimate(Record, frozen=True):
    """What is believed of a probability: its mean, and between which values it is with probability 0.95."""

    mean: float
    low: float
    high: float


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
        rate = self.rates.bad_passes
        grid = [(step + 0.5) / _GRID for step in range(_GRID)]
        whole: dict[Counts, float] = {}
        for one in self.alike:
            whole[one.bad] = whole.get(one.bad, 0.0) + one.mass
        never = sum(mass * rate.density(0.5, *bad)[0] for bad, mass in whole.items())
        parts = [sum(mass * rate.density(at, *bad)[1] for bad, mass in whole.items()) / _GRID for at in grid]
        return _estimate(never, grid, parts)


def _merged(classes: Iterable[tuple[Counts, Commits]]) -> dict[Counts, Commits]:
    merged: dict[Counts, Commits] = {}
    for counts, commits in classes:
        if commits:
            merged[counts] = merged.get(counts, 0) | commits
    return merged


def _estimate(never: float, grid: list[float], parts: list[float]) -> Estimate:
    whole = never + sum(parts)

    def quantile(share: float) -> float:
        reached = never
        for at, part in zip(grid, parts, strict=True):
            if reached >= share * whole:
                return at - 0.5 / _GRID
            reached += part
        return 1.0

    mean = sum(at * part for at, part in zip(grid, parts, strict=True)) / whole
    return Estimate(mean=mean, low=quantile(0.025), high=quantile(0.975))
