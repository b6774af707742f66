# SPDX-License-Identifier: GPL-2.0-only
"""Which patches have to go, or come, with some that are asked for: a search over sets. Pure.

A set that holds those asked for is safe or not, which nobody knows before it was tried. What is looked for is a safe
set of which no proper subset that holds them is safe: each of those has to have been tried. Of several the one of the
fewest patches is taken, then the latest one: that which has the last patch in which the two differ.

Hints say in which order sets are tried, and prove nothing. Without any, sets are tried by their size, and the latest
ones first: so the first safe set is the one.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, combinations

from kseries.model import SetAnswer

Numbers = tuple[int, ...]
Draws = Mapping[int, frozenset[int]]
"""By a patch, those that may have to be in the set that it is in."""
_FEW = 3
"""Patches beside those asked for, of which all subsets are soon tried; a larger set is thinned first."""


def rank(numbers: Iterable[int]) -> tuple[int, Numbers]:
    """By which sets are sorted: the fewest patches first, then the latest ones."""
    latest = sorted(numbers, reverse=True)
    return len(latest), tuple(-number for number in latest)


class Search:
    """The search for one set. ``next`` tells which set to try, ``saw`` what came of it, or of any other.

    ``within`` is a set in which all that is needed lies as a rule; it is tried where hints lead nowhere. With ``few``,
    that is the end of it, unless a safe set is known by then.
    """

    def __init__(
        self,
        asked: Iterable[int],
        count: int,
        draws: Draws | None = None,
        within: Iterable[int] = (),
        *,
        few: bool = False,
    ) -> None:
        self._few = few
        self._asked = frozenset(asked)
        self._all = frozenset(range(1, count + 1))
        self._draws = draws or {}
        self._within = frozenset(within) | self._asked
        self._leads: list[frozenset[int]] = [self._asked]
        self._tried: dict[frozenset[int], SetAnswer] = {}

    def next(self) -> Numbers | None:
        """The set to try next; None where there is no more to ask."""
        wanted = (one for one in self._candidates() if one not in self._tried)
        found = next(wanted, None)
        return tuple(sorted(found)) if found is not None else None

    def saw(self, numbers: Iterable[int], answer: SetAnswer, names: Iterable[int] = ()) -> None:
        """What came of a set; ``names`` are patches that its failure tells of."""
        tried = frozenset(numbers)
        self._tried[tried] = answer
        if answer is SetAnswer.SAFE:
            return
        named = tried | {*names} & self._all
        if named == tried and tried in self._leads:
            named = tried.union(*(self._draws.get(number, ()) for number in tried)) & self._all
        if named != tried:
            self._leads.append(named)

    def _candidates(self) -> Iterator[frozenset[int]]:
        best = self._best
        if best is not None:
            return chain(self._thinned(best), self._by_size(best, len(best) - 1))
        last = [self._within] if len(self._within) > len(self._asked) else []
        return chain(self._leads, last, () if self._few else self._by_size(self._all, len(self._all)))

    def _thinned(self, best: frozenset[int]) -> Iterator[frozenset[int]]:
        """A large set without some of its patches, as delta debugging has it: half of them, then fewer."""
        others = sorted(best - self._asked)
        size = len(others) // 2 if len(others) > _FEW else 0
        while size:
            for at in range(0, len(others), size):
                yield best.difference(others[at : at + size])
            size //= 2

    def _by_size(self, whole: frozenset[int], most: int) -> Iterator[frozenset[int]]:
        """The subsets that hold what is asked for: the smallest first, of as many patches the latest."""
        others = sorted(whole - self._asked, reverse=True)
        for size in range(most - len(self._asked) + 1):
            yield from (self._asked.union(some) for some in combinations(others, size))

    # --- what is known ----------------------------------------------------------------------

    @property
    def _best(self) -> frozenset[int] | None:
        return min(self._safe, key=rank, default=None)

    @property
    def _safe(self) -> list[frozenset[int]]:
        return [one for one, answer in self._tried.items() if answer is SetAnswer.SAFE and one >= self._asked]

    @property
    def found(self) -> Numbers:
        """The best safe set so far; empty where there is none."""
        return tuple(sorted(self._best or ()))

    @property
    def proved(self) -> bool:
        """True where each smaller set was tried, and is known not to be safe."""
        best = self._best
        if best is None:
            return False
        below = self._by_size(best, len(best) - 1)
        return all((answer := self._tried.get(one)) is not None and answer.unsafe for one in below)

    @property
    def others(self) -> tuple[Numbers, ...]:
        """Safe sets beside the best one that do not hold all of it, nor each other."""
        best = self._best
        seen = sorted(self._safe, key=rank)
        least = [one for one in seen if not any(other < one for other in seen)]
        return tuple(tuple(sorted(one)) for one in least if one != best)
