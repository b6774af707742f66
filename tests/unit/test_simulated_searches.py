# SPDX-License-Identifier: GPL-2.0-only
"""Histories that are made up, searched at 0.99: how often an innocent is blamed.

Their seeds are the numbers from 0 on, so what fails once fails each time: History.of(SEED).
"""

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kseries.bisect import ancestry, search
from kseries.bisect.choice import Costs
from kseries.bisect.rates import Rate, Rates
from kseries.bisect.search import Ending, Search, Searched, Settings
from kseries.model.errors import InputError
from tests.support import halving, realbisect
from tests.support.simulated import GOOD, History, Simulated, forked

FREE = Settings(confidence=0.99, boots=5000, costs=Costs(build=0.0))
CREDULOUS = Settings(
    confidence=0.99, boots=5000, costs=Costs(build=0.0), rates=Rates(bad_passes=Rate(hits=1.0, misses=50.0))
)
"""One that takes it that bad kernels hardly ever pass."""
FEW = 200


@dataclass
class Tally:
    """The seeds of searches by how they ended."""

    wrong: list[int] = field(default_factory=list)
    several: list[int] = field(default_factory=list)
    never_failed: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)


def searched(seeds: Iterable[int], settings: Settings) -> Tally:
    tally = Tally()
    for seed in seeds:
        history = History.of(seed)
        try:
            found = search.run(Search(history.lineage, GOOD, settings), Simulated(history, seed), lambda asked: None)
        except InputError as error:
            assert str(error).startswith("BAD passed 20 of 20 boots"), seed
            tally.never_failed.append(seed)
            continue
        culprit = history.lineage.commits[history.culprit]
        if found.end is Ending.INSEPARABLE:
            assert nobody_can_part(history, found), f"seed {seed}"
            tally.several.append(seed)
        assert found.end is not Ending.SPENT, f"seed {seed}"
        if culprit not in found.blamed:
            tally.wrong.append(seed)
        elif found.end is Ending.FOUND:
            tally.right.append(seed)
    return tally


def nobody_can_part(history: History, found: Searched) -> bool:
    """Whether all that are suspected are in the same testable commits."""
    below = ancestry.below(history.lineage)
    places = [history.lineage.commits.index(commit) for commit in found.blamed]
    testable = [place for place in range(len(below)) if place not in history.untestable]
    within = {tuple(other for other in testable if below[other] >> place & 1) for place in places}
    return len(places) > 1 and len(within) == 1


def at_most(count: int) -> int:
    """The upper end of the 95 % interval of how many of so many are wrong, where one in a hundred is."""
    reached, wrong = 0.0, -1
    while reached < 0.975:
        wrong += 1
        reached += math.comb(count, wrong) * 0.01**wrong * 0.99 ** (count - wrong)
    return wrong


def test_the_bound_is_that_of_the_binomial_distribution() -> None:
    assert (at_most(FEW), at_most(1000)) == (5, 17)


def test_hardly_ever_is_an_innocent_blamed() -> None:
    tally = searched(range(FEW), FREE)
    assert len(tally.wrong) <= at_most(FEW), tally
    assert len(tally.right) > 0.7 * FEW
    assert tally.several, "no history has ended in what cannot be tested"
    assert len(tally.never_failed) < 0.02 * FEW + 1


def test_one_that_trusts_each_pass_blames_innocents() -> None:
    """What is asserted above can be wrong."""
    assert len(searched(range(FEW), CREDULOUS).wrong) > 2 * at_most(FEW)


@pytest.mark.parametrize("seed", range(3))
def test_git_itself_asks_commits_of_the_worth_that_our_model_of_it_asks(seed: int, tmp_path: Path) -> None:
    """Of what benchmarks/bisecting.py holds a search against; with --git it asks more of git."""
    made = forked(random.Random(seed), 40)
    below = ancestry.below(made)
    culprit = random.Random(seed).randrange(len(below))
    asked, blamed = realbisect.steps(tmp_path, made, lambda place: bool(below[place] >> culprit & 1))
    assert blamed == culprit
    suspects = (1 << len(below)) - 1
    for place in asked:
        most = halving.worth(below, suspects, halving.best(below, suspects))
        assert halving.worth(below, suspects, place) == most
        suspects &= below[place] if below[place] >> culprit & 1 else ~below[place]
    assert suspects == 1 << culprit


@pytest.mark.full("history")
def test_of_a_thousand_histories_seventeen_at_most_blame_an_innocent() -> None:
    tally = searched(range(1000), FREE)
    assert len(tally.wrong) <= 17, tally
    assert len(tally.right) > 700 and len(tally.never_failed) < 20


@pytest.mark.full("history")
def test_where_builds_cost_time_no_more_innocents_are_blamed() -> None:
    tally = searched(range(1000), Settings(confidence=0.99, boots=5000))
    assert len(tally.wrong) <= 17, tally
