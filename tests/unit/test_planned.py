# SPDX-License-Identifier: GPL-2.0-only
"""What `kseries plan` says: a forecast made of what builds have read, and how it is told."""

import re
from functools import partial
from pathlib import Path

import msgspec
import pytest

from kseries.kbuild.dependencies import FolderDependencies
from kseries.kbuild.timing import Timing
from kseries.model import Forecast, Objects, Observation, Outcome, State
from kseries.plan.forecast import forecast
from kseries.plan.samebuild import Footprint
from kseries.plan.schedule import Place, Schedule
from kseries.report import plans
from kseries.sources import Change
from tests.support.judged import plan_of
from tests.support.notes import noted

PATHS = {
    "prefix-1": ("wide.h",),
    "prefix-2": ("wide.h", "a.c"),
    "prefix-3": ("wide.h", "a.c", "unread.c"),
    "old": ("b.c",),
}


def changes(old: str, new: str) -> tuple[Change, ...]:
    differ = sorted(set(PATHS.get(old, ())) ^ set(PATHS.get(new, ())))
    return tuple(Change(path, ("100644", "before"), ("100644", "after")) for path in differ)


def state(name: str) -> State:
    return State(id=name, scenario="prefixes", applied=(), tree=name)


def schedule_of(*names: str) -> Schedule:
    return Schedule.of([state(name) for name in names], {}, "base", changes)


@pytest.fixture
def reads(tmp_path: Path) -> FolderDependencies:
    return noted(tmp_path / "obj", {"a.o": ("a.c", "wide.h"), "b.o": ("b.c", "wide.h"), "c.o": ("c.c",)})


def built(seconds: float) -> Observation:
    objects = Objects(compiled=1, found=0)
    return Observation(tree="t", outcome=Outcome.OK, objects=objects, seconds={"build": seconds})


@pytest.fixture
def pace(tmp_path: Path) -> Timing:
    told = Timing(tmp_path)
    told.note(0, built(2.0))
    told.note(1, built(3.0))
    return told


def test_the_visit_is_told_in_its_order_with_what_it_compiles(reads: FolderDependencies, pace: Timing) -> None:
    told = forecast((), schedule_of("base", "prefix-2", "prefix-1", "prefix-3"), Place(reads), pace.seconds)
    assert told == (
        Forecast(state="base", targets=0, seconds=2.0),
        Forecast(state="prefix-2", targets=2, seconds=4.0),
        Forecast(state="prefix-3", built_as="prefix-2", unread=("unread.c",)),
        Forecast(state="prefix-1", targets=1, seconds=3.0),
    )


def test_a_state_that_was_built_before_stands_for_one_that_no_build_can_tell_from_it(
    reads: FolderDependencies, pace: Timing
) -> None:
    reads.update("prefix-2")
    schedule = Schedule.of([state("prefix-3")], {state("prefix-2"): partial(reads.of, "prefix-2")}, "base", changes)
    told = forecast(("prefix-2",), schedule, Place(reads), pace.seconds)
    assert told == (
        Forecast(state="prefix-2", known=True),
        Forecast(state="prefix-3", built_as="prefix-2", unread=("unread.c",)),
    )


def test_where_the_build_folder_is_decides_what_is_cheap(reads: FolderDependencies, pace: Timing) -> None:
    place = Place(reads, Footprint.of(changes("base", "old")))
    assert forecast((), schedule_of("base", "prefix-1"), place, pace.seconds)[0].targets == 1


def test_nothing_is_foretold_where_nothing_was_built(tmp_path: Path, pace: Timing) -> None:
    empty = FolderDependencies(tmp_path / "none", tmp_path / "source", tmp_path / "none")
    assert forecast((), schedule_of("base", "prefix-3"), Place(empty), pace.seconds) == (
        Forecast(state="base"),
        Forecast(state="prefix-3"),
    )


@pytest.mark.parametrize(
    ("costs", "told"),
    [
        (
            (Forecast(state="base", known=True), Forecast(state="prefix-1", known=True)),
            ["0 of 2 kernels to build and boot (2 known from before)"],
        ),
        (
            (Forecast(state="base", known=True), Forecast(state="prefix-1", targets=1, seconds=3.4)),
            [
                "to build, 1 target, about 3 s",
                "1 of 2 kernels to build and boot (1 known from before)",
                "in this order: prefix-1",
                "less than a minute",
            ],
        ),
        (
            (Forecast(state="base", targets=900), Forecast(state="prefix-1", targets=40, seconds=130.0)),
            ["in this order: base, prefix-1", "the build of base, and then about 2 min"],
        ),
        ((Forecast(state="base"), Forecast(state="prefix-1")), ["the first is a cold build"]),
        (
            (Forecast(state="base", known=True), Forecast(state="prefix-1", built_as="base", unread=tuple("abcde"))),
            [
                "not rebuilt: a, b, c and 2 more affect no object; base's result reused",
                "0 of 2 kernels to build and boot (1 known from before, 1 that no build can tell from another)",
            ],
        ),
        ((Forecast(state="base", known=True), Forecast(state="prefix-1", targets=4)), ["too few builds to tell by"]),
    ],
)
def test_the_sum_says_what_is_left_to_do(costs: tuple[Forecast, ...], told: list[str]) -> None:
    text = plans.render(plan_of(("base", "prefix-1"), patches=(1,)), costs)
    for words in told:
        assert words in text, text


def test_a_host_that_cannot_build_still_plans() -> None:
    text = plans.render(plan_of(("base", "prefix-1"), patches=(1,)), (), "gcc is not there")
    assert text.splitlines()[-1] == "what they would cost is not known: gcc is not there"


def test_a_long_order_fits_its_line() -> None:
    names = tuple(f"prefix-{number}" for number in range(1, 60))
    costs = tuple(Forecast(state=name, targets=1, seconds=1.0) for name in names)
    order = plans.render(plan_of(("base", *names), patches=tuple(range(1, 60))), costs).splitlines()[-2]
    assert order.startswith("in this order: prefix-1, ") and order.endswith("more")
    assert len(order) < 140


def test_a_patch_that_names_a_file_so_cannot_write_to_the_terminal() -> None:
    made = plan_of(("base", "prefix-1"), patches=(1,))
    hurt = State(id="prefix-1", scenario="prefixes", applied=(1,), conflicts=("a\x1b[2Jb\n0 states, 0 kernels\x9b",))
    made = msgspec.structs.replace(made, series="s\x1b]0;t\x07\u202e", states=(made.states[0], hurt))
    told = plans.render(made, (), "no gcc\x1b[H")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", told)
    assert len(told.splitlines()) == 5 and "0 states, 0 kernels" in told.splitlines()[2]
