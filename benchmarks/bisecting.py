# SPDX-License-Identifier: GPL-2.0-only
"""What a search with a confidence of 0.99 costs, and how often it is wrong, beside git bisect run, by simulation.

.venv/bin/python -m benchmarks.bisecting [HISTORIES]          the tables of docs/bisecting.md
.venv/bin/python -m benchmarks.bisecting --git [HISTORIES]    whether git itself asks what we take it to ask
.venv/bin/python -m benchmarks.bisecting --large [COMMITS]    how long the steps of a long history take
"""

import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import halving, realbisect
from tests.support.simulated import GOOD, History, Simulated, chain, forked

from kseries.bisect import ancestry, search
from kseries.bisect.choice import Costs
from kseries.bisect.search import Search, Settings
from kseries.model.errors import InputError

PASSES = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9)
REPEATS = (1, 3, 5)
COMMITS = 200
BUILD = 5.0
"""What a build costs, in boots."""


def main() -> None:
    """Do what the words say."""
    words = sys.argv[1:]
    if words[:1] == ["--git"]:
        _beside_git(int(words[1]) if len(words) > 1 else 50)
    elif words[:1] == ["--large"]:
        _large(int(words[1]) if len(words) > 1 else 20_000)
    else:
        count = int(words[0]) if words else 200
        _table(count, Costs(build=0.0))
        _table(count, Costs(build=BUILD))


@dataclass
class Tally:
    """What searches of one kind cost, in boots, and how they ended."""

    costs: list[float] = field(default_factory=list)
    wrong: int = 0
    never_failed: int = 0

    def add(self, cost: float, wrong: bool) -> None:
        self.costs.append(cost)
        self.wrong += wrong

    def __str__(self) -> str:
        costs = sorted(self.costs)
        share = 100 * self.wrong / len(costs)
        return f"{statistics.mean(costs):.0f} | {costs[int(0.95 * (len(costs) - 1))]:.0f} | {share:.1f} %"


# --- the tables ---------------------------------------------------------------------------------


def _table(count: int, costs: Costs) -> None:
    print(f"\n{count} histories of {COMMITS} commits, a build costs {costs.build:.0f} boots\n")
    kinds = ("0.99", *(f"git, {repeats}" for repeats in REPEATS))
    print("| p | " + " | ".join(f"{kind}: mean | 95 % | wrong" for kind in kinds) + " | BAD never failed |")
    print("|---" * (3 * len(kinds) + 2) + "|")
    for passes in PASSES:
        ours, gits = Tally(), {repeats: Tally() for repeats in REPEATS}
        for seed in range(count):
            history = _history(seed, passes)
            _search(history, seed, costs, ours)
            for repeats, tally in gits.items():
                _bisect(history, seed, costs, repeats, tally)
        print(f"| {passes} | " + " | ".join(map(str, (ours, *gits.values()))) + f" | {ours.never_failed} |", flush=True)


def _history(seed: int, passes: float) -> History:
    rng = random.Random(seed)
    made = forked(rng, COMMITS)
    return History(made, rng.randrange(len(made.commits)), passes, fails=0.0)


def _search(history: History, seed: int, costs: Costs, tally: Tally) -> None:
    asker = Simulated(history, seed)
    ours = Search(history.lineage, GOOD, Settings(confidence=0.99, boots=10_000, costs=costs))
    try:
        found = search.run(ours, asker, lambda asked: None)
    except InputError:
        tally.never_failed += 1
        return
    tally.add(_cost(asker, costs), found.blamed != (history.lineage.commits[history.culprit],))


def _bisect(history: History, seed: int, costs: Costs, repeats: int, tally: Tally) -> None:
    asker = Simulated(history, seed)
    blamed = halving.bisect(history.lineage, asker, repeats)
    tally.add(_cost(asker, costs), blamed != history.culprit)


def _cost(asker: Simulated, costs: Costs) -> float:
    return asker.boots * costs.boot + asker.builds * costs.build


# --- git itself ---------------------------------------------------------------------------------


def _beside_git(count: int) -> None:
    """Whether each commit that git asks rules out as much as the one that our model of it asks."""
    steps = ours = 0
    for seed in range(count):
        history = _history(seed, 0.0)
        below = ancestry.below(history.lineage)
        with tempfile.TemporaryDirectory(prefix="kseries-benchmark-") as place:
            bad = _is_bad(below, history.culprit)
            asked, blamed = realbisect.steps(Path(place), history.lineage, bad)
        assert blamed == history.culprit, seed
        suspects = (1 << len(below)) - 1
        for one in asked:
            most = halving.worth(below, suspects, halving.best(below, suspects))
            assert halving.worth(below, suspects, one) == most, (seed, one)
            suspects &= below[one] if bad(one) else ~below[one]
        asker = Simulated(history, seed)
        assert halving.bisect(history.lineage, asker, 1) == history.culprit
        steps, ours = steps + len(asked), ours + asker.boots
    print(f"{count} histories: git asked {steps} commits, each of the worth of ours; our model asked {ours}")


def _is_bad(below: tuple[int, ...], culprit: int) -> Callable[[int], bool]:
    return lambda place: bool(below[place] >> culprit & 1)


# --- long histories -----------------------------------------------------------------------------


def _large(count: int) -> None:
    for name, made in (("chain", chain(count)), ("branches", forked(random.Random(5), count))):
        for passes in (0.0, 0.6):
            history = History(made, count // 3, passes, 0.0, frozenset(range(count // 2, count // 2 + count // 40)))
            began = time.monotonic()
            ours, asker = Search(made, GOOD), Simulated(history, 1)
            start, steps = time.monotonic() - began, []
            while True:
                began = time.monotonic()
                wanted = ours.next()
                steps.append(time.monotonic() - began)
                if wanted is None:
                    break
                ours.learn(wanted.commit, asker.ask(wanted.commit, wanted.boots))
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"{name:8} p {passes}: begun in {start:.2f} s, {len(steps)} steps of {statistics.mean(steps):.2f} s, "
                f"at most {max(steps):.2f} s; {asker.builds} builds, {asker.boots} boots; {ours.result().end}; "
                f"{peak:.0f} MB at most",
                flush=True,
            )


if __name__ == "__main__":
    main()
