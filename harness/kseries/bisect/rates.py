# SPDX-License-Identifier: GPL-2.0-only
"""How often a bad kernel passes a boot, and a good one fails it: what is believed of it, before and after boots."""

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from kseries.bisect import beta
from kseries.model import Record

_TAIL = 0.025
"""How likely it is that a probability is below the interval that is told of it, or above."""
_REMEMBERED = 1 << 15
"""Numbers of boots of which is remembered how likely they are: a search asks for the same ones at each step."""
_HALVINGS = 40
"""An end of an interval is found by halving: then it is exact to twelve digits."""


class Counts(NamedTuple):
    """Boots."""

    passed: int = 0
    failed: int = 0

    def plus(self, more: "Counts") -> "Counts":
        return Counts(self.passed + more.passed, self.failed + more.failed)

    def minus(self, less: "Counts") -> "Counts":
        return Counts(self.passed - less.passed, self.failed - less.failed)


class Rate(Record, frozen=True):
    """What is believed of an unknown probability: it is 0 with probability ``never``, else of a beta distribution."""

    hits: float
    """As if so many boots had hit before; above 0."""
    misses: float
    never: float = 0.0

    def log_evidence(self, hits: int, misses: int) -> float:
        """The logarithm of the probability of a row of boots with so many hits and misses."""
        return _log_evidence(self, hits, misses)

    def ends(self, hits: int, misses: int, boots: int) -> tuple[float, ...]:
        """How likely each number of hits is in so many more boots, after so many hits and misses."""
        return _ends(self, hits, misses, boots)

    def after(self, hits: int, misses: int) -> "Rate":
        """What is believed after so many hits and misses."""
        return Rate(hits=self.hits + hits, misses=self.misses + misses, never=self._never(hits, misses))

    def below(self, at: float, hits: int, misses: int) -> float:
        """After so many hits and misses: how likely it is not above a value."""
        now = self.after(hits, misses)
        return now.never + (1 - now.never) * beta.below(at, now.hits, now.misses)

    def mean(self, hits: int, misses: int) -> float:
        """The mean after so many hits and misses."""
        now = self.after(hits, misses)
        return (1 - now.never) * now.hits / (now.hits + now.misses)

    def _never(self, hits: int, misses: int) -> float:
        """How likely it is 0 after so many hits and misses."""
        return self.never * math.exp(-self.log_evidence(hits, misses)) if not hits else 0.0


@lru_cache(maxsize=_REMEMBERED)
def _log_evidence(rate: Rate, hits: int, misses: int) -> float:
    ever = math.log1p(-rate.never) + beta.log(rate.hits + hits, rate.misses + misses)
    ever -= beta.log(rate.hits, rate.misses)
    return ever if hits or not rate.never else math.log(rate.never + math.exp(ever))


@lru_cache(maxsize=_REMEMBERED)
def _ends(rate: Rate, hits: int, misses: int, boots: int) -> tuple[float, ...]:
    before = rate.log_evidence(hits, misses)
    return tuple(
        math.comb(boots, more) * math.exp(rate.log_evidence(hits + more, misses + boots - more) - before)
        for more in range(boots + 1)
    )


class Rates(Record, frozen=True):
    """What is believed before anything is booted.

    One check in four fails each time on a bad kernel, the others now and then, however often. On a good kernel a check
    fails once in a hundred boots or, more likely, much more seldom. With less than that a check that fails on one in
    fifty leads to wrong answers; with more, steady ones take more boots (benchmarks/bisecting.py).
    """

    bad_passes: Rate = Rate(hits=1.0, misses=1.0, never=0.25)
    good_fails: Rate = Rate(hits=0.1, misses=10.0)

    def with_memory(self, failed: int, boots: int) -> "Rates":
        """The same, where a check has failed in so many of so many boots of kernels without what is looked for."""
        return Rates(bad_passes=self.bad_passes, good_fails=self.good_fails.after(failed, boots - failed))

    def log_evidence(self, bad: Counts, good: Counts) -> float:
        """The logarithm of the probability of what bad kernels did and what good ones did."""
        return self.bad_passes.log_evidence(*bad) + self.good_fails.log_evidence(good.failed, good.passed)


class Estimate(Record, frozen=True):
    """What is believed of a probability: its mean, and between which values it is with probability 0.95."""

    mean: float
    low: float
    high: float


def estimate(rate: Rate, counts: Mapping[Counts, float]) -> Estimate:
    """A probability of which bad kernels passed and failed so many boots, with so much likelihood each."""
    whole = math.fsum(counts.values())

    def below(at: float) -> float:
        return math.fsum(mass * rate.below(at, *boots) for boots, mass in counts.items()) / whole

    def quantile(share: float) -> float:
        low, high = 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (low, middle) if below(middle) >= share else (middle, high)
        return low

    mean = math.fsum(mass * rate.mean(*boots) for boots, mass in counts.items()) / whole
    return Estimate(mean=mean, low=quantile(_TAIL), high=quantile(1 - _TAIL))
