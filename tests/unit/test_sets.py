# SPDX-License-Identifier: GPL-2.0-only
"""The search for a set of patches that go, or come, together: held against brute force over all subsets."""

from collections.abc import Callable, Iterable
from itertools import chain, combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kseries.judge.sets import Numbers, Search, rank
from kseries.model import SetAnswer

COUNT = 7
ALL = range(1, COUNT + 1)
SAFE, BROKEN, LOUD, CONFLICT, UNKNOWN = SetAnswer
Judge = Callable[[frozenset[int]], SetAnswer]
numbers = st.sets(st.integers(1, COUNT))
asked_for = st.sets(st.integers(1, COUNT), min_size=1, max_size=2)
drawn = st.dictionaries(st.integers(1, COUNT), st.frozensets(st.integers(1, COUNT)))


def holding(asked: Iterable[int]) -> list[frozenset[int]]:
    """All sets with some patches, in brute force's order: by size, and the latest first."""
    others = {*ALL} - {*asked}
    sets = chain.from_iterable(combinations(sorted(others), size) for size in range(len(others) + 1))
    return sorted((frozenset({*asked, *some}) for some in sets), key=rank)


def minimal(asked: Iterable[int], judge: Judge) -> list[Numbers]:
    """Brute force: each safe set of which no smaller one is safe."""
    safe = [one for one in holding(asked) if judge(one) is SAFE]
    return [tuple(sorted(one)) for one in safe if not any(other < one for other in safe)]


def carried_out(search: Search, judge: Judge, names: Callable[[frozenset[int]], Iterable[int]]) -> list[Numbers]:
    """A search to its end; what was asked, in turn."""
    asked: list[Numbers] = []
    while (wanted := search.next()) is not None:
        assert wanted not in asked
        asked.append(wanted)
        search.saw(wanted, judge(frozenset(wanted)), names(frozenset(wanted)))
    return asked


def silent(_: frozenset[int]) -> Iterable[int]:
    return ()


@st.composite
def coupled(draw: st.DrawFn) -> Judge:
    """A toy series: patches that conflict, do not build or break silently while some are gone and others are not.

    With several such rules, what is safe need not stay so as more patches go.
    """
    rule = st.tuples(st.sampled_from((CONFLICT, LOUD, BROKEN)), numbers, numbers)
    rules = draw(st.lists(rule, max_size=6))

    def judge(gone: frozenset[int]) -> SetAnswer:
        failing = (answer for answer, without, still in rules if without and without <= gone and still - gone)
        return next(failing, SAFE)

    return judge


@st.composite
def arbitrary(draw: st.DrawFn) -> Judge:
    """Any answer for any set."""
    answers = st.sampled_from((SAFE, BROKEN, BROKEN, LOUD, CONFLICT))
    table = draw(st.fixed_dictionaries(dict.fromkeys(holding(()), answers)))
    return lambda gone: table[gone]


@settings(max_examples=400)
@given(asked_for, coupled() | arbitrary())
def test_without_hints_it_is_brute_forces_first(asked: set[int], judge: Judge) -> None:
    search = Search(asked, COUNT)
    tried = carried_out(search, judge, silent)
    expected = minimal(asked, judge)
    assert search.found == (expected[0] if expected else ())
    assert search.proved is bool(expected)
    order = [tuple(sorted(one)) for one in holding(asked)]
    assert tried == order[: order.index(search.found) + 1 if expected else None]


@settings(max_examples=400)
@given(asked_for, coupled() | arbitrary(), drawn, numbers, st.data())
def test_whatever_the_hints_it_is_a_minimal_set_or_there_is_none(
    asked: set[int], judge: Judge, draws: dict[int, frozenset[int]], within: set[int], data: st.DataObject
) -> None:
    search = Search(asked, COUNT, draws, within)
    named = data.draw(st.lists(numbers, min_size=1, max_size=8))
    tried = carried_out(search, judge, lambda one: named[hash(one) % len(named)])
    expected = minimal(asked, judge)
    assert (search.found in expected) if expected else (search.found == ())
    assert search.proved is bool(expected)
    assert {*search.others} <= {one for one in map(tuple, map(sorted, holding(asked))) if judge(frozenset(one)) is SAFE}
    known = [one for one in expected if one in tried]
    assert not known or search.found == min(known, key=rank), "of those found it is the first by the rule"


@settings(max_examples=200)
@given(asked_for, arbitrary(), st.sets(st.sampled_from(holding(()))))
def test_what_is_not_known_proves_nothing(asked: set[int], judge: Judge, unknown: set[frozenset[int]]) -> None:
    search = Search(asked, COUNT)
    carried_out(search, lambda one: UNKNOWN if one in unknown else judge(one), silent)
    if search.proved:
        below = [one for one in holding(asked) if one < frozenset(search.found)]
        assert not any(one in unknown or judge(one) is SAFE for one in below)
    elif search.found:
        assert any(one in unknown for one in holding(asked) if one < frozenset(search.found))


def without(*rules: tuple[int, int]) -> Judge:
    """Each second patch of a pair does not build without the first one."""
    return lambda gone: LOUD if any(need in gone and user not in gone for need, user in rules) else SAFE


def test_right_hints_lead_straight_to_the_set() -> None:
    search = Search({3}, COUNT, {3: frozenset({4})})
    assert carried_out(search, without((3, 4)), silent) == [(3,), (3, 4)]
    assert (search.found, search.proved, search.others) == ((3, 4), True, ())


def test_names_of_a_failure_are_followed_one_after_the_other() -> None:
    search = Search({2}, COUNT)
    rules = ((2, 4), (4, 6))
    judge = without(*rules)
    tried = carried_out(search, judge, lambda gone: [user for need, user in rules if need in gone])
    assert tried[:3] == [(2,), (2, 4), (2, 4, 6)]
    assert {*tried[3:]} == {(2, 6)}
    assert (search.found, search.proved) == ((2, 4, 6), True)


def test_each_step_of_a_chain_is_a_part_of_the_proof() -> None:
    draws = {2: frozenset({4}), 4: frozenset({6})}
    search = Search({2}, COUNT, draws)
    assert carried_out(search, without((2, 4)), silent) == [(2,), (2, 4)]


def test_where_hints_lead_nowhere_what_comes_after_is_thinned() -> None:
    asked = {2}
    search = Search(asked, 40, {}, range(2, 41))
    tried = carried_out(search, lambda gone: SAFE if {2, 17} <= gone else BROKEN, silent)
    assert (search.found, search.proved) == ((2, 17), True)
    assert len(tried) < 25


def test_where_there_is_little_hope_hints_and_what_comes_before_are_all_that_is_tried() -> None:
    search = Search({13}, 13, {13: frozenset({4})}, range(1, 14), few=True)
    assert carried_out(search, lambda _: CONFLICT, silent) == [(13,), (4, 13), tuple(range(1, 14))]
    search = Search({13}, 13, {}, range(1, 14), few=True)
    tried = carried_out(search, lambda one: SAFE if {5, 13} <= one else CONFLICT, silent)
    assert (search.found, search.proved) == ((5, 13), True) and len(tried) > 2, "one that is safe is thinned"


def test_of_two_that_were_found_the_smaller_one_is_taken_and_the_other_named() -> None:
    search = Search({3}, COUNT)
    safe = {frozenset({3, 5, 6}), frozenset({3, 4, 7}), frozenset({1, 3})}
    for one in safe:
        search.saw(one, SAFE)
    carried_out(search, lambda gone: SAFE if gone in safe else BROKEN, silent)
    assert search.found == (1, 3)
    assert search.others == ((3, 4, 7), (3, 5, 6))


@pytest.mark.parametrize(
    ("first", "second"), [((3,), (3, 4)), ((3, 8), (3, 4)), ((2, 5, 8), (3, 4, 8)), ((1, 7), (5, 6))]
)
def test_the_rule_of_who_comes_first(first: Numbers, second: Numbers) -> None:
    assert rank(first) < rank(second)
