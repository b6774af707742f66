# SPDX-License-Identifier: GPL-2.0-only
"""Several hands at one schedule: each state is had once, and who is near takes what is near."""

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kseries.kbuild.dependencies import can_matter
from kseries.model import Dependencies, State
from kseries.plan import stretches
from kseries.plan.samebuild import Differences, Footprint, between
from kseries.plan.schedule import Place, Schedule, alike
from kseries.plan.stretches import Chart, Stretches
from kseries.plan.telling import Tells
from kseries.sources import Change

ABSENT = ("000000", "0" * 40)
MOST_SECONDS = 8.0
"""Of processor time for a thousand states; it takes two."""


class Reads:
    """A folder in which each file is read by one target, but for those that many read."""

    def __init__(self, wide: Iterable[str] = (), paths: Iterable[str] = ()) -> None:
        self._wide = {*wide}
        self._paths = frozenset(paths)

    def __bool__(self) -> bool:
        return True

    @property
    def now(self) -> Dependencies:
        return Dependencies(paths=self._paths)

    def cost(self, changes: Iterable[Change]) -> int:
        paths = {change.path for change in changes}
        return len(paths) + 100 * len(paths & self._wide)


def state(name: str) -> State:
    return State(id=name, scenario="prefixes", applied=(), tree=f"tree-{name}")


def tree(patches: Iterable[int], wide: int = 0) -> Footprint:
    """What so many patches make of base, each of which changes a file of its own, and every ``wide``-th a header."""
    held: dict[str, str] = {}
    for patch in patches:
        held[f"{patch}.c"] = "new"
        if wide and patch % wide == 0:
            held["wide.h"] = held.get("wide.h", "") + f"+{patch}"
    return Footprint.of(Change(path, ("100644", "old"), ("100644", text)) for path, text in held.items())


def series(patches: int, wide: int = 0) -> dict[str, Footprint]:
    """The footprints of base, of all prefixes, all reverts, and each patch alone."""
    every = range(1, patches + 1)
    return {
        "base": tree(()),
        **{f"prefix-{last}": tree(range(1, last + 1), wide) for last in every},
        **{f"without-{one}": tree([patch for patch in every if patch != one], wide) for one in every},
        **{f"only-{one}": tree([one], wide) for one in every},
    }


# --- whatever hands do, each state is handed out once -------------------------------------------


ACTS = st.lists(st.tuples(st.sampled_from(["join", "next", "next", "done", "lost", "put back"]), st.integers(0, 7)))


class Hands:
    """Hands at a schedule, each of which is at any number of states."""

    def __init__(self, patches: int, watched: str | None) -> None:
        self.prints = series(patches, wide=3)
        tells = [*Tells]
        telling = {name: tells[number % len(tells)] for number, name in enumerate(self.prints)}
        states = [state(name) for name in self.prints]
        self.schedule = Schedule(states, self.prints, watched=watched, telling=lambda one: telling[one.id])
        self.places: list[Place] = []
        self.at_work: list[tuple[Place, State]] = []
        self.done: Counter[str] = Counter()

    def do(self, act: str, number: int) -> None:
        if act == "join" or not self.places:
            held = [*self.prints.values()][number % len(self.prints)]
            self.places.append(Place(Reads(), held))
            self.schedule.join(self.places[-1])
        place = self.places[number % len(self.places)]
        if act == "next" and self.schedule.left:
            one, same = self.schedule.next(place)
            assert same is None
            assert one.id == "base" or self.done["base"] or any(other.id == "base" for _, other in self.at_work)
            self.at_work.append((place, one))
        elif act == "lost":
            self.places = [other for other in self.places if other is not place]
            lost = [one for where, one in self.at_work if where is place]
            self.at_work = [(where, one) for where, one in self.at_work if where is not place]
            for one in lost[: number % 3]:  # some are told before it is known that their host is gone
                self.schedule.put_back(one)
            self.schedule.leave(place)
            for one in lost[number % 3 :]:
                self.schedule.put_back(one)
        elif act == "put back" and self.at_work:
            self.schedule.put_back(self.at_work.pop()[1])
        elif act == "done" and self.at_work:
            where, one = self.at_work.pop(0)
            self.schedule.built(one, where, None)
            self.done[one.id] += 1


@given(st.integers(0, 6), st.booleans(), ACTS)
def test_whatever_hands_do_each_state_is_handed_out_once_and_none_is_left(
    patches: int, watched: bool, acts: list[tuple[str, int]]
) -> None:
    hands = Hands(patches, f"prefix-{patches}" if watched and patches else None)
    for act, number in acts:
        hands.do(act, number)
        names = [one.id for _, one in hands.at_work]
        assert hands.schedule.left + len(names) + sum(hands.done.values()) == len(hands.prints)
        assert len({*names}) == len(names) and not {*names} & {*hands.done}
    for number in range(2 * len(hands.prints) + 1):
        hands.do("next", number)
    while hands.at_work:
        hands.do("done", 0)
    assert hands.done == dict.fromkeys(hands.prints, 1)


@pytest.mark.parametrize("hands", range(1, 9))
@pytest.mark.parametrize("wide", [0, 3])
def test_hands_that_take_turns_have_all_states_between_them(hands: int, wide: int) -> None:
    orders = taken_in_turn(hands, series(10, wide), Reads(["wide.h"]))
    assert sorted(itertools.chain(*orders)) == sorted(series(10))


def taken_in_turn(
    hands: int,
    prints: dict[str, Footprint],
    reads: Reads,
    costs: list[int] | None = None,
    telling: Callable[[State], Tells] = alike,
) -> list[list[str]]:
    """What each of some hands builds who are all as quick."""
    schedule = Schedule([state(name) for name in prints], prints, telling=telling)
    places = [Place(reads) for _ in range(hands)]
    orders: list[list[str]] = [[] for _ in places]
    for place in places:
        schedule.join(place)
    for number in itertools.cycle(range(hands)):
        if not schedule.left:
            return orders
        one, _ = schedule.next(places[number])
        if costs is not None:
            costs.append(schedule.cost(one, places[number]))
        schedule.built(one, places[number], None)
        orders[number].append(one.id)
    raise AssertionError


# --- who takes which ----------------------------------------------------------------------------


def test_two_hands_go_through_what_is_wide_no_oftener_than_once_each() -> None:
    """Half of the patches come after the one that changes a header; with one list for both, each went to and fro."""
    prints = {"base": tree(()), **{f"prefix-{last}": tree(range(1, last + 1), 10) for last in range(1, 19)}}
    costs: list[int] = []
    first, second = taken_in_turn(2, prints, Reads(["wide.h"]), costs)
    assert sum(cost > 100 for cost in costs) == 1
    assert {*second} == {f"prefix-{number}" for number in range(1, 10)}
    assert first == ["base", *(f"prefix-{number}" for number in range(10, 19))]


def test_several_hands_make_hardly_more_again_than_one() -> None:
    prints = series(40, wide=8)
    costs: dict[int, list[int]] = {1: [], 4: [], 8: []}
    for hands, found in costs.items():
        taken_in_turn(hands, prints, Reads(["wide.h"]), found)
    assert sum(costs[4]) < 1.5 * sum(costs[1]) and sum(costs[8]) < 2 * sum(costs[1])


def test_what_may_tell_much_is_taken_by_whoever_is_free_in_whosever_stretch_it_is() -> None:
    """And each hand then goes on with a stretch of its own."""
    prints = {"base": tree(()), **{f"prefix-{last}": tree(range(1, last + 1)) for last in range(1, 19)}}
    telling_much = {"prefix-16", "prefix-17", "prefix-18"}
    states = [state(name) for name in prints]
    schedule = Schedule(states, prints, telling=lambda one: Tells.MUCH if one.id in telling_much else Tells.SOME)
    hands = [Place(Reads()) for _ in range(3)]
    assert schedule.next(hands[0])[0].id == "base"
    for hand in hands:
        schedule.join(hand)
    assert {schedule.next(hand)[0].id for hand in hands} == telling_much
    found = [schedule.next(hands[number % 3])[0].id for number in range(15)]
    assert {*found} == {f"prefix-{number}" for number in range(1, 16)}


def test_nobody_goes_far_for_what_may_tell_much_in_another_s_stretch() -> None:
    """Two headers: each hand makes all again for one of them, and for no other."""
    prints = {"base": tree(())}
    for side in "ab":
        changed = (("wide.h", side), *((f"{side}{number}.c", "new") for number in range(3)))
        for last in range(2, 5):
            prints[f"{side}-{last}"] = Footprint.of(
                Change(path, ("", "old"), ("", text)) for path, text in changed[:last]
            )
    costs: list[int] = []
    tells = {"a-3": Tells.MUCH, "a-4": Tells.MUCH}
    orders = taken_in_turn(2, prints, Reads(["wide.h"]), costs, lambda one: tells.get(one.id, Tells.SOME))
    assert sum(cost > 100 for cost in costs) == 2, orders


def one_hand_alone(prints: dict[str, Footprint], hands: int) -> tuple[Stretches, Chart]:
    chart = Chart(prints.values(), lambda _: 1)
    return Stretches([state(name) for name in prints], prints, chart, hands), chart


def prefixes(count: int) -> dict[str, Footprint]:
    return {f"prefix-{last}": tree(range(1, last + 1)) for last in range(1, count + 1)}


def numbers(states: Sequence[State]) -> list[int]:
    return [int(one.id.removeprefix("prefix-")) for one in states]


def test_a_warm_folder_has_the_stretch_that_it_is_in() -> None:
    prints = prefixes(12)
    made, _ = one_hand_alone(prints, 3)
    assert numbers(made.of(1, prints["prefix-6"])) == [5, 6, 7, 8]
    assert numbers(made.of(2, prints["prefix-6"])) in ([1, 2, 3, 4], [9, 10, 11, 12])


def test_who_has_none_left_takes_the_half_that_its_owner_is_far_from() -> None:
    prints = prefixes(12)
    for at, kept, taken in (("prefix-1", range(1, 7), range(7, 13)), ("prefix-12", range(7, 13), range(1, 7))):
        made, _ = one_hand_alone(prints, 1)
        made.of(1, prints[at])
        assert numbers(made.of(2, prints["prefix-3"])) == [*taken]
        assert numbers(made.of(1, prints[at])) == [*kept]


def test_who_has_none_left_takes_of_the_largest_and_the_last_state_too() -> None:
    prints = prefixes(9)
    made, _ = one_hand_alone(prints, 1)
    sizes = [len(made.of(hand, prints["prefix-1"])) for hand in (1, 2, 3)]
    assert sizes == [9, 5, 3]
    for one in list(made.of(1, prints["prefix-1"]))[:4] + list(made.of(2, prints["prefix-1"])):
        made.drop(one)
    for one in list(made.of(3, prints["prefix-1"]))[1:]:
        made.drop(one)
    (last,) = made.of(3, prints["prefix-1"])
    assert made.of(2, prints["prefix-1"]) == [last] and made.of(4, prints["prefix-1"]) == [last]


def test_what_nobody_has_goes_before_what_somebody_has() -> None:
    prints = prefixes(12)
    made, _ = one_hand_alone(prints, 2)
    made.of(1, prints["prefix-1"])
    made.of(2, prints["prefix-12"])
    made.leave(1)
    assert numbers(made.of(3, prints["prefix-12"])) == [1, 2, 3, 4, 5, 6]


@given(st.lists(st.integers(0, 5)), st.integers(1, 9))
def test_pieces_are_the_whole_and_of_nearly_one_length(whole: list[int], pieces: int) -> None:
    found = stretches.cut([*map(str, whole)], pieces)
    assert [one for piece in found for one in piece] == [*map(str, whole)]
    lengths = {len(piece) for piece in found}
    assert len(found) == min(pieces, len(whole)) and max(lengths, default=0) - min(lengths, default=0) <= 1


def test_a_tour_begins_at_base_and_goes_by_what_lies_next() -> None:
    prints = {f"prefix-{last}": tree(range(1, last + 1)) for last in (3, 1, 4, 2, 5)}
    chart = Chart(prints.values(), lambda _: 1)
    marks = {name: chart.mark(one) for name, one in prints.items()}
    assert stretches.tour(marks, chart.mark(tree(()))) == [f"prefix-{last}" for last in range(1, 6)]


# --- distances ----------------------------------------------------------------------------------

CONTENTS = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["1", "2", "old", None]), max_size=6)


def print_of(contents: dict[str, str | None]) -> Footprint:
    new = {name: ABSENT if now is None else ("100644", now) for name, now in contents.items()}
    return Footprint.of(Change(name, ("100644", "old"), now) for name, now in new.items())


@given(st.lists(CONTENTS, min_size=2), st.frozensets(st.sampled_from("abcdef")))
def test_what_lies_between_trees_is_told_as_it_is_one_by_one(
    contents: list[dict[str, str | None]], read: frozenset[str]
) -> None:
    prints, differences = [*map(print_of, contents)], Differences()
    every = tuple(Dependencies(paths=frozenset(f"{name}" for name in paths)) for paths in (read, frozenset[str]()))
    for old, new in itertools.product(prints, prints):
        known = between(old, new)
        assert {*differences.between(old, new)} == {*known}
        assert len([*differences.between(old, new)]) == len(known)
        for one in every:
            assert differences.noticed(one, old, new) == any(can_matter(one, change) for change in known)


@given(CONTENTS, CONTENTS, st.integers(1, 50))
def test_a_distance_is_that_of_the_files_in_which_trees_differ(
    one: dict[str, str | None], two: dict[str, str | None], weight: int
) -> None:
    weights = {name: weight * number for number, name in enumerate("abcdef", 1)}
    one, two = ({name: text for name, text in tree.items() if text != "old"} for tree in (one, two))
    old, new = print_of(one), print_of(two)
    chart = Chart([old, new, tree(())], lambda change: weights[change.path])
    distance = (chart.mark(old) ^ chart.mark(new)).bit_count()
    widths = {name: chart.mark(print_of({name: text})).bit_count() for name, text in {**one, **two}.items()}
    assert distance == sum(widths[name] for name in widths if one.get(name, "") != two.get(name, ""))
    for lighter, heavier in itertools.pairwise(sorted(widths)):
        assert widths[lighter] <= widths[heavier]


def test_a_thousand_states_are_planned_for_many_hands_in_a_moment() -> None:
    prints = series(333, wide=20)
    paths = {path for one in prints.values() for path in one.now}
    began = time.process_time()
    schedule = Schedule([state(name) for name in prints], prints)
    places = [Place(Reads(["wide.h"], paths)) for _ in range(32)]
    for place in places:
        schedule.join(place)
    for place in itertools.cycle(places):
        if not schedule.left:
            break
        one, _ = schedule.next(place)
        read = place.dependencies.now
        schedule.built(one, place, partial(lambda read: read, read))
    assert time.process_time() - began < MOST_SECONDS
