# SPDX-License-Identifier: GPL-2.0-only
"""Which kernel to boot next: the one that is expected to tell most of the suspects for what it costs. Pure.

What a boot is expected to tell is the mutual information of its end and the first bad commit, in bits. Where bad
kernels never pass, that is most for the commit that halves the suspects, as for git bisect.
"""

import math
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from kseries.bisect.ancestry import Commits
from kseries.bisect.posterior import Alike, Posterior
from kseries.bisect.rates import Rates
from kseries.model import Record

_NEGLIGIBLE = 1e-6
"""Suspects that are together less likely than this are not looked at when a kernel is chosen."""
_NOTHING = 1e-12
"""Bits: less is a rounding error."""
_CLEARLY = 1 + 1e-9
"""One kernel is better than another if it is by this factor: ties go to the first, whatever the order of a sum."""
_STAYS = (1, 2, 3, 5, 8, 13)
"""For how many boots a kernel may be built, when it is weighed what a build brings."""


class Costs(Record, frozen=True):
    """What it costs to boot a kernel once, and before that to build it where it is not the one that was booted last."""

    boot: float = 1.0
    build: float = 5.0


@dataclass(frozen=True)
class Field:
    """The kernels that may be booted.

    ``below`` has of each place the suspects that would make it bad. ``built`` is the place that was booted last.
    ``tested`` are those that have been booted, ``untestable`` those that could not be, and ``closed`` all that are not
    to be asked.
    """

    below: Sequence[Commits]
    built: int | None
    tested: Set[int]
    untestable: Set[int]
    closed: Set[int]

    def chances(self) -> list[float]:
        """How likely each place can be tested: what cannot comes in stretches, so the worse the nearer to one.

        Two places are as far from each other as their numbers: a branch of history is in one piece in its order.
        """
        chances = [1.0] * len(self.below)
        for order in (range(len(chances)), reversed(range(len(chances)))) if self.untestable else ():
            distance = math.inf
            for place in order:
                distance = 0 if place in self.untestable else distance + 1
                if place not in self.tested and distance < math.inf:
                    chances[place] = min(chances[place], distance / (distance + len(self.untestable)))
        return chances


def choose(posterior: Posterior, field: Field, costs: Costs) -> int | None:
    """The place to boot next; None where no kernel that can be tested would tell anything."""
    alike = list(_likely(posterior))
    once = _Table.of(alike, posterior.rates, 1)
    chances = field.chances()
    stay = 0.0
    best, most, seen = None, _NOTHING, 0
    for view, place in _kernels(alike, field, chances).items():
        gain = once.gain(view)
        if place == field.built:
            stay = gain / costs.boot
        elif gain * chances[place] > most * _CLEARLY:
            best, most, seen = place, gain * chances[place], view
    if best is None:
        return field.built if stay > _NOTHING else None
    move = chances[best] * _worth_building(alike, posterior.rates, seen, costs)
    return field.built if stay > _NOTHING and move <= stay * _CLEARLY else best


def _kernels(alike: Sequence[Alike], field: Field, chances: Sequence[float]) -> dict[Commits, int]:
    """The suspects that would make a kernel bad -> its place; of several such kernels the one that is had best."""
    suspects = sum(one.commits for one in alike)
    kernels: dict[Commits, int] = {}
    for place, below in enumerate(field.below):
        if place in field.closed:
            continue
        view = below & suspects
        other = kernels.setdefault(view, place)
        if other != field.built and (place == field.built or chances[place] > chances[other]):
            kernels[view] = place
    return kernels


def _worth_building(alike: Sequence[Alike], rates: Rates, view: Commits, costs: Costs) -> float:
    """The most bits for what it costs that a kernel brings, if it is booted several times once it is built."""
    stays = _STAYS if costs.build else _STAYS[:1]
    return max(_Table.of(alike, rates, boots).gain(view) / (costs.build + boots * costs.boot) for boots in stays)


def _likely(posterior: Posterior) -> Iterator[Alike]:
    """Suspects, but for the least likely ones."""
    dropped = 0.0
    for one in sorted(posterior.alike, key=lambda one: one.mass):
        dropped += one.mass
        if dropped > _NEGLIGIBLE:
            yield one


@dataclass(frozen=True)
class _Table:
    """What so many boots of a kernel may end with, and how likely, by whether a class of suspects makes it bad."""

    classes: list[tuple[Commits, float, list[float], float]]
    """Of each: its commits, the probability of each, and what it changes if they make the kernel bad: how likely each
    number of failures is, and the entropy of that number.
    """
    good: list[float]
    """How likely each number of failures is if none makes it bad."""
    noise: float
    """The entropy of that number, the suspect being known."""

    @classmethod
    def of(cls, alike: Sequence[Alike], rates: Rates, boots: int) -> "_Table":
        classes, whole, noise = [], [0.0] * (boots + 1), 0.0
        for one in alike:
            bad, good = _ends(one, rates, boots, bad=True), _ends(one, rates, boots, bad=False)
            more = [first - second for first, second in zip(bad, good, strict=True)]
            classes.append((one.commits, one.each, more, _entropy(bad) - _entropy(good)))
            whole = [before + one.mass * end for before, end in zip(whole, good, strict=True)]
            noise += one.mass * _entropy(good)
        return cls(classes, whole, noise)

    def gain(self, view: Commits) -> float:
        """How much is expected to be learned of a kernel that these suspects make bad, in bits."""
        ends, noise = list(self.good), self.noise
        for commits, each, more, less_sure in self.classes:
            if shared := (commits & view).bit_count():
                mass = shared * each
                noise += mass * less_sure
                for end, change in enumerate(more):
                    ends[end] += mass * change
        return _entropy(ends) - noise


def _ends(one: Alike, rates: Rates, boots: int, *, bad: bool) -> tuple[float, ...]:
    """How likely each number of failures is in so many boots of a kernel, after what such kernels have done."""
    if bad:  # it hits by passing
        return rates.bad_passes.ends(*one.bad, boots)[::-1]
    return rates.good_fails.ends(one.good.failed, one.good.passed, boots)


def _entropy(likely: Sequence[float]) -> float:
    return -sum(one * math.log2(one) for one in likely if one > 0)
