# SPDX-License-Identifier: GPL-2.0-only
"""How often a bad kernel passes a boot, and a good one fails it: what is believed of it, before and after boots."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from kseries.bisect import beta
from kseries.model import Record

_TAIL = 0.025
"""How likely it is that a probability is below the interval that is told of it, or above."""
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
        ever = math.log1p(-self.never) + beta.log(self.hits + hits, self.misses + misses)
        ever -= beta.log(self.hits, self.misses)
        return ever if hits or not self.never else math.log(self.never + math.exp(ever))

    def below(self, at: float, hits: int, misses: int) -> float:
        """After so many hits and misses: how likely it is not above a value."""
        never = self._never(hits, misses)
        return never + (1 - never) * beta.below(at, self.hits + hits, self.misses + misses)

    def mean(self, hits: int, misses: int) -> float:
        """The mean after so many hits and misses."""
        share = (self.hits + hits) / (self.hits + self.misses + hits + misses)
        return (1 - self._never(hits, misses)) * share

    def _never(self, hits: int, misses: int) -> float:
        """How likely it is 0 after so many hits and misses."""
        return self.never * math.exp(-self.log_evidence(hits, misses)) if not hits else 0.0


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
