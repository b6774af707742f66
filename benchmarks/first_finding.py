# SPDX-License-Identifier: GPL-2.0-only
"""When a run's first finding is certain, and what the whole costs, by the order of its states; nothing is built.

.venv/bin/python -m benchmarks.first_finding [--hands N] [--budget SECONDS] DIRECTORY...

Each DIRECTORY has the result of a run that came to its end. The cache has to have its trees, and what builds of its
configuration have read. Each order begins with base and all objects made; what a state makes again is told by those
notes, what that takes by a line through the builds of all these runs, and how long it boots its run has seen. A state
boots while the next one is built.
"""

import argparse
import statistics
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kseries.app import rundir
from kseries.host import paths
from kseries.judge.early import BY_THREE
from kseries.kbuild.dependencies import FolderDependencies
from kseries.model import Coverage, Outcome, Plan, RunResult, State, StateResult
from kseries.plan.names import wordings
from kseries.plan.schedule import Place, Schedule, alike
from kseries.plan.telling import Prospects, Tells
from kseries.sources import TreeStore

Telling = Callable[[State], Tells]


@dataclass
class Hand:
    """Who builds, when it is free to build and to boot, in seconds after base."""

    place: Place
    builds: float = 0.0
    boots: float = 0.0


@dataclass
class Order:
    """What comes of one order: when each state is done, and how many targets are made again."""

    done: dict[str, float] = field(default_factory=dict)
    targets: int = 0

    def whole(self) -> float:
        return max(self.done.values())


class Run:
    """A run that came to its end, and what its states would cost in another order."""

    def __init__(self, result: RunResult, trees: TreeStore, seconds: Callable[[int], float]) -> None:
        self.result = result
        self.seen = {one.id: one for one in result.states}
        self.plan = _plan(result)
        self._trees = trees
        self._notes = _notes(result.base.tree)
        self._seconds = seconds
        boots = [one.seconds["boot"] for one in result.states if "boot" in one.seconds and one.id != "base"]
        self._boot = statistics.median(boots)

    @property
    def tip(self) -> StateResult:
        return self.seen[self.plan.tip]

    def carry_out(self, hands: int, telling: Callable[[Callable[[], Coverage | None]], Telling]) -> Order:
        """All states after base, in the order that is told; the coverage of the tip is there once that has booted."""
        order, now = Order({"base": 0.0}), 0.0

        def tip() -> Coverage | None:
            return self.tip.coverage if order.done.get(self.tip.same_as or self.tip.id, now + 1) <= now else None

        schedule = self._schedule(telling(tip))
        crew = [Hand(Place(self._notes)) for _ in range(hands)]
        for one in crew:
            schedule.join(one.place)
        while schedule.left:
            hand = min(crew, key=lambda one: one.builds)
            now = hand.builds
            state, like = schedule.next(hand.place)
            if like is not None:
                order.done[state.id] = max(now, order.done[like.state])
                continue
            targets = schedule.cost(state, hand.place)
            order.targets += targets
            schedule.built(state, hand.place, lambda: self._notes.now)
            order.done[state.id] = self._end(hand, self.seen[state.id], targets)
        return order

    def _end(self, hand: Hand, seen: StateResult, targets: int) -> float:
        """When a state is done that a hand begins when it is free."""
        hand.builds += self._seconds(targets)
        if seen.outcome is Outcome.BUILD_FAILED:
            return hand.builds
        hand.boots = max(hand.builds, hand.boots) + seen.seconds.get("boot", self._boot)
        return hand.boots

    def _schedule(self, telling: Telling) -> Schedule:
        states = [one for one in self.plan.states if one.tree is not None and one.same_as is None]
        left = [one for one in states if one.id != "base"]
        built = {one: (lambda: self._notes.of(self.result.base.tree)) for one in states if one.id == "base"}
        tip = self.tip.same_as or self.tip.id
        return Schedule.of(left, built, self.result.base.tree, self._trees.changes, tip, frozenset(), telling)

    def prospects(self, tip: Callable[[], Coverage | None]) -> Telling:
        """As a run tells it (evaluate/telling.py)."""
        steps = [(patch.tree_before, patch.tree_after) for patch in self.plan.patches]
        words = wordings(self._trees.diffs(steps, "."))
        found = {known: Prospects(self.plan, words, self.tip.coverage if known else None) for known in (False, True)}
        return lambda state: found[tip() is not None].by_state.get(state.id, Tells.LITTLE)

    def certain(self, order: Order) -> Iterator[float]:
        """When each finding that base, the tip and its state decide is certain."""
        tip = order.done[self.tip.same_as or self.tip.id]
        for finding in self.result.findings:
            if finding.kind in BY_THREE:
                state = self.seen[finding.state]
                yield max(tip, order.done[state.same_as or state.id])


def _plan(result: RunResult) -> Plan:
    names = State.__struct_fields__
    states = (State(**{name: getattr(one, name) for name in names if hasattr(one, name)}) for one in result.states)
    series = result.series
    return Plan(
        series=series.name, version=series.version, patches=series.patches, base=result.base, states=tuple(states)
    )


def _notes(base: str) -> FolderDependencies:
    """What builds in the folder have read in which base was built."""
    for place in sorted(paths.cache("workers").glob("*/*/dependencies.json")):
        notes = FolderDependencies(place.parent, place.parent.parent / "source", place.parent)
        if notes.knows(base):
            return notes
    raise SystemExit(f"no build folder of {paths.cache('workers')} knows base {base}")


def _pace(results: Iterable[RunResult]) -> Callable[[int], float]:
    """What a build takes that makes so many targets again."""
    builds = [one for result in results for one in result.states if _is_a_measure(one)]
    sizes = [float(one.objects.compiled) for one in builds if one.objects is not None]
    slope, start = statistics.linear_regression(sizes, [one.seconds["build"] for one in builds])
    return lambda targets: start + slope * targets


def _is_a_measure(one: StateResult) -> bool:
    """As kbuild/timing.py has it."""
    objects = one.objects
    known = one.built_as is None and one.same_as is None and "build" in one.seconds and one.id != "base"
    return known and objects is not None and one.outcome is Outcome.OK and objects.found * 2 <= objects.compiled


def _row(name: str, run: Run, order: Order, budget: float | None) -> str:
    certain = sorted(run.certain(order))
    first = f"{certain[0]:8.0f} s" if certain else "       - "
    cells = [f"  {name:12}", f"first finding {first}", f"whole {order.whole():6.0f} s", f"{order.targets:5} targets"]
    if budget is not None:
        cells.append(f"{sum(one <= budget for one in certain)} of {len(certain)} findings in {budget:.0f} s")
    return "   ".join(cells)


def main() -> None:
    """Print a line for each order of each run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hands", type=int, default=1, choices=range(1, 65), metavar="N")
    parser.add_argument("--budget", type=float)
    parser.add_argument("directories", type=Path, nargs="+", metavar="DIRECTORY")
    asked = parser.parse_args()
    trees = TreeStore(paths.cache("trees.git"))
    results = {directory: rundir.read(directory)[0] for directory in asked.directories}
    seconds = _pace(results.values())
    for directory, result in results.items():
        run = Run(result, trees, seconds)
        print(f"{directory.name}: seconds after base, {asked.hands} at work")
        print(_row("least again", run, run.carry_out(asked.hands, lambda _: alike), asked.budget))
        print(_row("telling", run, run.carry_out(asked.hands, run.prospects), asked.budget))


if __name__ == "__main__":
    main()
