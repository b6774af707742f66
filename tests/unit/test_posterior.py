# SPDX-License-Identifier: GPL-2.0-only
"""What a search believes: each sum over classes of suspects is what one finds suspect by suspect, by plain means."""

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kseries.bisect import ancestry, choice
from kseries.bisect.choice import Costs, Field, choose
from kseries.bisect.posterior import Posterior
from kseries.bisect.rates import Counts, Estimate, Rate, Rates
from tests.support.simulated import chain, forked

FLAT = Rates(bad_passes=Rate(hits=1.0, misses=1.0, never=0.25), good_fails=Rate(hits=1.0, misses=3.0))
STEPS = 1000
FINE = 20_000
GRID = [(step + 0.5) / STEPS for step in range(STEPS)]
BOOTS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 4), st.integers(0, 4)), max_size=6)


def integral(hits: int, misses: int, rate: Rate) -> float:
    """How likely a row of boots is, by summing over all probabilities; for whole numbers as in FLAT."""
    flat = math.fsum((1 - at) ** (rate.misses - 1) for at in GRID)
    ever = math.fsum(at**hits * (1 - at) ** (misses + rate.misses - 1) for at in GRID) / flat
    return rate.never * (hits == 0) + (1 - rate.never) * ever


def plainly(below: tuple[int, ...], weights: list[float], boots: list[tuple[int, int, int]]) -> list[float]:
    """The posterior of each suspect, from the definition."""
    found = []
    for suspect, weight in enumerate(weights):
        bad = [0, 0]
        good = [0, 0]
        for place, passed, failed in boots:
            counts = bad if below[place] >> suspect & 1 else good
            counts[0] += passed
            counts[1] += failed
        found.append(
            weight * integral(bad[0], bad[1], FLAT.bad_passes) * integral(good[1], good[0], FLAT.good_fails)
            if weight
            else 0.0
        )
    return [one / sum(found) for one in found]


@given(st.integers(0, 50), BOOTS)
def test_the_posterior_is_that_of_bayes_rule(seed: int, boots: list[tuple[int, int, int]]) -> None:
    rng = random.Random(seed)
    made = forked(rng, 8)
    below = ancestry.below(made)
    boots = [(place % len(below), passed, failed) for place, passed, failed in boots]
    weights = [rng.choice((0.0, 0.25, 1.0, 2.0)) for _ in below]
    weights[-1] = 1.0
    posterior = Posterior.prior(FLAT, weights)
    for place, passed, failed in boots:
        posterior = posterior.after(below[place], Counts(passed, failed))
    found = [posterior.probability(1 << place) for place in range(len(below))]
    assert found == pytest.approx(plainly(below, weights, boots), abs=1e-5)
    assert math.fsum(found) == pytest.approx(1.0)


@given(st.integers(0, 50), BOOTS, st.integers(1, 3))
def test_what_a_kernel_is_expected_to_tell_is_the_mutual_information(
    seed: int, boots: list[tuple[int, int, int]], more: int
) -> None:
    below = ancestry.below(forked(random.Random(seed), 8))
    posterior = Posterior.prior(FLAT, [1.0] * len(below))
    for place, passed, failed in boots:
        posterior = posterior.after(below[place % len(below)], Counts(passed, failed))
    place = seed % len(below)
    gain = choice._Table.of(posterior.alike, FLAT, more).gain(below[place])
    # The same by its other definition: how much less is known before than after, over all rows of boots.
    after = 0.0
    for row in itertools.product((Counts(1, 0), Counts(0, 1)), repeat=more):
        told, likely = posterior, 1.0
        for boot in row:
            likely *= next_boot(told, below[place], boot)
            told = told.after(below[place], boot)
        after += likely * entropy(told)
    assert gain == pytest.approx(entropy(posterior) - after, abs=1e-9)


def next_boot(posterior: Posterior, below: int, boot: Counts) -> float:
    likely = 0.0
    for one in posterior.alike:
        for commits, bad in ((one.commits & below, True), (one.commits & ~below, False)):
            rates = posterior.rates
            after = rates.log_evidence(one.bad.plus(boot), one.good) if bad else None
            after = rates.log_evidence(one.bad, one.good.plus(boot)) if after is None else after
            likely += commits.bit_count() * one.each * math.exp(after - rates.log_evidence(one.bad, one.good))
    return likely


def entropy(posterior: Posterior) -> float:
    return -sum(one.mass * math.log2(one.each) for one in posterior.alike if one.each > 0)


def test_weights_are_rounded_to_powers_of_two_and_none_is_lost() -> None:
    posterior = Posterior.prior(FLAT, [0.0, 1e-9, 0.9, 1.1, 3.9, 1e9])
    assert [posterior.probability(1 << place) > 0 for place in range(6)] == [False, True, True, True, True, True]
    assert posterior.probability(4) == posterior.probability(8) == posterior.probability(16) / 4


def test_how_often_a_bad_kernel_passes_is_told_with_an_interval() -> None:
    def told(passed: int, failed: int) -> Estimate:
        rates = Rates(bad_passes=Rate(hits=1.0, misses=1.0, never=0.5))
        return Posterior.prior(rates, [1.0]).after(1, Counts(passed, failed)).bad_passes

    for passed, failed in ((30, 70), (1, 1), (3, 200), (500, 4)):
        flaky = told(passed, failed)
        assert flaky.mean == pytest.approx((passed + 1) / (passed + failed + 2))
        assert below(flaky.low, passed, failed) == pytest.approx(0.025, abs=1e-4)
        assert below(flaky.high, passed, failed) == pytest.approx(0.975, abs=1e-4)
    steady = told(0, 10)
    assert steady.low == 0.0
    assert steady.mean == pytest.approx(1 / 12 / 12), "one of twelve that it is flaky, and then one of twelve"


def below(at: float, passed: int, failed: int) -> float:
    """How likely a probability is below a value after so many boots of a flaky check, by summing over a fine grid."""

    def mass(until: float) -> float:
        places = (until * (part + 0.5) / FINE for part in range(FINE))
        logs = (passed * math.log(place) + failed * math.log1p(-place) for place in places)
        return until * math.fsum(math.exp(log - most) for log in logs) / FINE

    peak = passed / (passed + failed)
    most = passed * math.log(peak) + failed * math.log1p(-peak)
    return mass(at) / mass(1.0)


def test_what_is_remembered_of_good_kernels_is_as_if_it_had_been_booted() -> None:
    remembered = Rates().with_memory(failed=3, boots=212)
    more, bad = Counts(passed=5, failed=1), Counts(passed=2, failed=9)
    whole = Rates().log_evidence(bad, Counts(passed=209 + 5, failed=3 + 1))
    before = Rates().log_evidence(Counts(), Counts(passed=209, failed=3))
    assert remembered.log_evidence(bad, more) == pytest.approx(whole - before)
    steady = Rates(bad_passes=FLAT.bad_passes, good_fails=FLAT.bad_passes).with_memory(failed=0, boots=212)
    assert FLAT.bad_passes.never < steady.good_fails.never < 1


def test_suspects_that_are_all_but_ruled_out_still_count_in_the_posterior() -> None:
    posterior = Posterior.prior(Rates(), [1.0] * 50)
    for _ in range(6):
        posterior = posterior.after((1 << 25) - 1, Counts(0, 1))
    unlikely = posterior.probability(1 << 40)
    assert 0 < unlikely < 1e-6
    assert posterior.probability((1 << 50) - 1) == pytest.approx(1.0)


# --- which kernel is next -----------------------------------------------------------------------


def field(below: tuple[int, ...], **how: object) -> Field:
    return Field(**({"below": below, "built": None, "tested": set(), "untestable": set(), "closed": set()} | how))  # type: ignore[arg-type]


def test_of_equals_the_first_is_chosen_and_a_kernel_that_is_built_before_it() -> None:
    below = ancestry.below(chain(8))
    posterior = Posterior.prior(Rates(), [1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0])
    assert [choose(posterior, field(below), Costs()) for _ in range(3)] == [2, 2, 2]
    assert choose(posterior, field(below, built=4), Costs()) == 4


@pytest.mark.parametrize("commits", range(3, 100, 2))
def test_of_two_that_halve_the_suspects_the_first_is_chosen_whatever_a_sum_is_rounded_to(commits: int) -> None:
    steady = Rates(bad_passes=Rate(hits=1.0, misses=1e9), good_fails=Rate(hits=1.0, misses=1e9))
    posterior = Posterior.prior(steady, [1.0] * commits)
    assert choose(posterior, field(ancestry.below(chain(commits))), Costs(build=0.0)) == commits // 2 - 1


def test_nothing_is_chosen_where_nothing_can_be_told() -> None:
    below = ancestry.below(chain(3))
    assert choose(Posterior.prior(Rates(), [1.0] * 3), field(below, closed={0, 1, 2}), Costs()) is None
    assert choose(Posterior.prior(Rates(), [0.0, 1.0, 0.0]), field(below), Costs()) is None


def test_a_commit_beside_one_that_cannot_be_tested_is_less_likely_asked() -> None:
    below = ancestry.below(chain(101))
    posterior = Posterior.prior(Rates(), [1.0] * 101)
    middle = choose(posterior, field(below), Costs())
    assert middle is not None
    skipped = {middle, middle - 1, middle + 1}
    other = choose(posterior, field(below, closed=skipped, untestable=skipped), Costs())
    assert other is not None and 5 < abs(other - middle) < 40
    near = choose(posterior, field(below, closed=skipped, untestable=skipped, tested={middle + 2}), Costs())
    assert near == middle + 2, "one that was booted can be"


# --- what nobody can part -----------------------------------------------------------------------


@given(st.integers(0, 300), st.floats(0.0, 1.0))
def test_commits_that_are_in_the_same_testable_ones_are_found(seed: int, share: float) -> None:
    rng = random.Random(seed)
    made = forked(rng, rng.randint(1, 20))
    below = ancestry.below(made)
    untestable = {place for place in range(len(below) - 1) if rng.random() < share}
    by_testable: dict[tuple[int, ...], int] = {}
    for place in range(len(below)):
        within = tuple(other for other in range(len(below)) if other not in untestable and below[other] >> place & 1)
        by_testable[within] = by_testable.get(within, 0) | 1 << place
    several = sorted(commits for commits in by_testable.values() if commits.bit_count() > 1)
    assert sorted(ancestry.inseparable(made, below, untestable)) == several
