# SPDX-License-Identifier: GPL-2.0-only
"""Which states several hands take: each has a stretch of a tour on which neighbours differ in little.

Nothing depends on it but how much is compiled. So distances are rough here, and quick: those of a thousand states from
each other are half a million.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from kseries.model import State
from kseries.plan.samebuild import Entry, Footprint
from kseries.sources import Change

_BITS = 4096
"""Of a mark, about: what has less than one in so many of all targets is taken for that much."""


class Chart:
    """How far from each other trees lie. A tree's mark is a number, in which another's differs in as many bits as there
    are targets that are made again between the two, on some scale; a target of two files counts twice.
    """

    def __init__(self, footprints: Iterable[Footprint], weigh: Callable[[Change], int]) -> None:
        """``weigh`` tells how many targets are made again where a file changes."""
        found: dict[str, dict[Entry, Change]] = {}
        for one in footprints:
            for path, entry in one.now.items():
                found.setdefault(path, {}).setdefault(entry, Change(path, one.base[path], entry))
        weights = {path: max(1, weigh(next(iter(changes.values())))) for path, changes in found.items()}
        total = sum(weights[path] * (1 + len(changes)) for path, changes in found.items())
        self._changed: dict[str, int] = {}
        self._to: dict[tuple[str, Entry], int] = {}
        free = 0
        for path, changes in found.items():
            # Half of a file's bits say that it is not as in base, half of them what it is instead: then two trees that
            # differ in it do so in as many bits whether one of them is base or not.
            width = max(1, weights[path] * _BITS // total)
            ones = (1 << width) - 1
            self._changed[path], free = ones << free, free + width
            for entry in changes:
                self._to[path, entry], free = ones << free, free + width

    def mark(self, tree: Footprint) -> int:
        mark = 0
        for path, entry in tree.now.items():
            mark |= self._changed.get(path, 0) | self._to.get((path, entry), 0)
        return mark


def tour(marks: Mapping[str, int], start: int) -> list[str]:
    """All of these, beginning with who is nearest to a mark, and each followed by who is nearest to it of the rest."""
    left, order, here = dict(marks), list[str](), start
    while left:
        nearest = min(left, key=lambda name: (here ^ left[name]).bit_count())
        here = left.pop(nearest)
        order.append(nearest)
    return order


def cut(whole: Sequence[str], pieces: int) -> list[Sequence[str]]:
    """So many pieces of nearly one length; where it is too short for that, as many as it has members."""
    pieces = min(pieces, len(whole))
    ends = [len(whole) * number // pieces for number in range(pieces + 1)] if pieces else []
    return [whole[begin:end] for begin, end in itertools.pairwise(ends)]


@dataclass(eq=False)
class _Stretch:
    states: list[State]
    """In the order of the tour."""
    hand: int | None = None
    """Whose it is."""
    here: int = 0
    """The mark of what that one holds."""


class Stretches:
    """Who takes which states. ``hand`` is a number by which somebody is known."""

    def __init__(self, states: Iterable[State], footprints: Mapping[str, Footprint], chart: Chart, hands: int) -> None:
        by_name = {state.id: state for state in states}
        self._chart = chart
        self._marks = {name: chart.mark(footprints[name]) for name in by_name}
        pieces = cut(tour(self._marks, 0), hands)  # 0 is base's
        self._stretches = [_Stretch([by_name[name] for name in piece]) for piece in pieces]
        self._footprints = footprints

    def of(self, hand: int, here: Footprint) -> list[State]:
        """The states of which this hand is to take one, which are its own then; none where nobody has any left.

        Who has none takes what is nobody's, and else half of the largest stretch, the one that is farther from its
        owner, who works on at the other end.
        """
        mark = self._chart.mark(here)
        self._stretches = [one for one in self._stretches if one.states]
        own = next((one for one in self._stretches if one.hand == hand), None) or self._taken(hand, mark)
        if own is None:
            return []
        own.here = mark
        return own.states

    def _taken(self, hand: int, mark: int) -> _Stretch | None:
        free = [one for one in self._stretches if one.hand is None]
        if free:
            nearest = min(free, key=lambda one: min(self._distance(mark, state) for state in one.states))
            nearest.hand = hand
            return nearest
        if not self._stretches:
            return None
        largest = max(self._stretches, key=lambda one: len(one.states))
        states, kept = largest.states, len(largest.states) // 2
        if self._distance(largest.here, states[0]) <= self._distance(largest.here, states[-1]):
            largest.states, taken = states[:kept], states[kept:]
        else:
            taken, largest.states = states[:-kept], states[-kept:]
        own = _Stretch(taken, hand)
        self._stretches.append(own)
        return own

    def _distance(self, mark: int, state: State) -> int:
        return (mark ^ self._marks[state.id]).bit_count()

    def drop(self, state: State) -> None:
        """Somebody has taken this one, whosesoever it was."""
        for one in self._stretches:
            if state in one.states:
                one.states.remove(state)

    def put_back(self, state: State) -> None:
        """It is to be had again, by whoever has none."""
        if state.id not in self._marks:
            self._marks[state.id] = self._chart.mark(self._footprints[state.id])
        self._stretches.append(_Stretch([state]))

    def leave(self, hand: int) -> None:
        """What this hand has is nobody's any more."""
        for one in self._stretches:
            if one.hand == hand:
                one.hand = None
