# SPDX-License-Identifier: GPL-2.0-only
"""The order of a schedule, and the states that need no build."""

import itertools
import os
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kseries.kbuild.dependencies import FolderDependencies
from kseries.model import State
from kseries.plan.samebuild import Footprint, Read, SameBuild, between
from kseries.plan.schedule import Place, Schedule
from kseries.plan.telling import Tells
from kseries.sources import Change
from tests.support.notes import noted

ABSENT = ("000000", "0" * 40)


def change(path: str, new: str, old: str = "old") -> Change:
    return Change(path, ("100644", old), ("100644", new))


def state(name: str) -> State:
    return State(id=name, scenario="prefixes", applied=(), tree=f"tree-{name}")


@pytest.fixture
def reads(tmp_path: Path) -> FolderDependencies:
    wide = {f"{name}.o": ("wide.h", f"{name}.c") for name in "abcdef"}
    return noted(tmp_path / "obj", wide)


def now(reads: FolderDependencies) -> Read:
    """What has been read so far, for what is built."""
    return lambda: reads.now


def names(schedule: Schedule, reads: FolderDependencies) -> list[str]:
    order, place = [], Place(reads)
    while schedule.left:
        one, same = schedule.next(place)
        if same is None:
            schedule.built(one, place, now(reads))
        order.append(one.id)
    return order


def test_the_cheapest_comes_next_and_base_comes_first(reads: FolderDependencies) -> None:
    prints = {
        "base": Footprint.of(()),
        "header": Footprint.of([change("wide.h", "1")]),
        "header-and-a": Footprint.of([change("wide.h", "1"), change("a.c", "1")]),
        "a": Footprint.of([change("a.c", "1")]),
    }
    schedule = Schedule([state(name) for name in ("header", "a", "header-and-a", "base")], prints)
    assert names(schedule, reads) == ["base", "a", "header", "header-and-a"]


def in_order(reads: FolderDependencies, **told: Tells) -> list[str]:
    """The order of base, a tip, two cheap states and one that makes all again, by what some of them tell."""
    changes = {"base": (), "tip": ("wide.h", "a.c"), "a": ("a.c",), "b": ("b.c",), "wide": ("wide.h",)}
    prints = {name: Footprint.of(change(path, name) for path in paths) for name, paths in changes.items()}
    states = [state(name) for name in prints]
    return names(Schedule(states, prints, telling=lambda one: told.get(one.id, Tells.SOME)), reads)


def test_what_may_tell_much_comes_before_what_is_cheaper_and_the_tip_before_that(reads: FolderDependencies) -> None:
    assert in_order(reads) == ["base", "a", "b", "tip", "wide"]
    assert in_order(reads, wide=Tells.MUCH) == ["base", "wide", "tip", "a", "b"]
    assert in_order(reads, b=Tells.MUCH, tip=Tells.ALL) == ["base", "tip", "b", "a", "wide"]
    assert in_order(reads, a=Tells.LITTLE, b=Tells.LITTLE) == ["base", "tip", "wide", "a", "b"]


def test_of_those_that_tell_as_much_the_cheapest_comes_next(reads: FolderDependencies) -> None:
    assert in_order(reads, b=Tells.MUCH, wide=Tells.MUCH) == ["base", "b", "wide", "tip", "a"]
    for tells in Tells:
        assert in_order(reads, **dict.fromkeys(("a", "b", "wide", "tip"), tells)) == in_order(reads)


def test_nothing_tells_so_much_that_all_is_made_again_for_it_while_there_is_something_cheap(tmp_path: Path) -> None:
    many = noted(tmp_path / "many", {f"{number}.o": ("wide.h", f"{number}.c") for number in range(1000)})
    assert in_order(many, wide=Tells.MUCH) == ["base", "a", "b", "wide", "tip"]


def test_what_a_state_tells_is_asked_again_once_the_tip_was_seen(reads: FolderDependencies) -> None:
    prints = {name: Footprint.of([change(f"{name}.c", "1")]) for name in "abc"}
    told: dict[str, Tells] = {}
    schedule = Schedule([state(name) for name in prints], prints, telling=lambda one: told.get(one.id, Tells.SOME))
    place = Place(reads)
    assert schedule.next(place)[0].id == "a"
    told["c"] = Tells.MUCH
    assert schedule.next(place)[0].id == "c"


def test_what_differs_only_in_what_is_not_read_is_not_built(reads: FolderDependencies) -> None:
    prints = {
        "tip": Footprint.of([change("a.c", "1"), change("Documentation/x.rst", "1")]),
        "code": Footprint.of([change("a.c", "1")]),
    }
    schedule = Schedule([state("tip"), state("code")], prints)
    place = Place(reads)
    first, same = schedule.next(place)
    assert (first.id, same) == ("tip", None)
    schedule.built(first, place, now(reads))
    second, same = schedule.next(place)
    assert (second.id, same) == ("code", SameBuild("tip", ("Documentation/x.rst",)))


def test_of_a_tip_that_is_watched_only_a_build_that_was_watched_tells(reads: FolderDependencies) -> None:
    prints = {"tip": Footprint.of([change("x.rst", "1")]), "before": Footprint.of(())}
    for seen in (frozenset({"before"}), frozenset[str]()):
        schedule = Schedule([state("tip")], prints, {"before": now(reads)}, watched="tip", seen=seen)
        assert schedule.next(Place(reads))[1] == (SameBuild("before", ("x.rst",)) if seen else None)


def test_no_build_of_a_series_stands_for_base(reads: FolderDependencies) -> None:
    """Where that is nobody's, it is kept for all: it was the base of this series by a guess before, and is no more."""
    prints = {"base": Footprint.of(()), "document": Footprint.of([change("x.rst", "1")])}
    schedule = Schedule([state("base")], prints, {"document": now(reads)})
    assert schedule.next(Place(reads)) == (state("base"), None)


def test_a_build_that_failed_stands_for_no_other(reads: FolderDependencies) -> None:
    prints = {"tip": Footprint.of([change("x.rst", "1")]), "code": Footprint.of(())}
    schedule = Schedule([state("tip"), state("code")], prints)
    place = Place(reads)
    first, _ = schedule.next(place)
    schedule.built(first, place, None)
    assert schedule.next(place)[1] is None


Contents = dict[str, str | None]
CONTENTS = st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["1", "2", None]))


def print_of(contents: Contents) -> Footprint:
    new = {name: ABSENT if now is None else ("100644", now) for name, now in contents.items()}
    return Footprint.of(Change(name, ("100644", "old"), now) for name, now in new.items())


@given(CONTENTS, CONTENTS)
def test_two_footprints_tell_what_lies_between_their_trees(
    one: dict[str, str | None], two: dict[str, str | None]
) -> None:
    base: Contents = dict.fromkeys("abcd", "old")
    differ = {name for name in base if (base | one)[name] != (base | two)[name]}
    found = between(print_of(one), print_of(two))
    assert {change.path for change in found} == differ
    assert all(change.old != change.new for change in found)


def test_what_is_watched_comes_after_base_and_is_built_whatever_others_are(reads: FolderDependencies) -> None:
    prints = {
        "base": Footprint.of(()),
        "a": Footprint.of([change("a.c", "1")]),
        "document": Footprint.of([change("document.c", "1")]),
        "tip": Footprint.of([change("wide.h", "1"), change("document.c", "2")]),
        "same": Footprint.of([change("wide.h", "1"), change("document.c", "3")]),
    }
    states = [state(name) for name in ("a", "document", "tip", "same", "base")]
    assert names(Schedule(states, prints, watched="tip"), reads)[:2] == ["base", "tip"]
    like_base = Schedule([state("document")], prints, {"base": now(reads)}, watched="document")
    assert like_base.next(Place(reads)) == (state("document"), None)


# --- each build is compared by what it has read itself -----------------------------------------


def build(reads: FolderDependencies, obj: Path, tree: str, notes: Mapping[str, Iterable[str]]) -> None:
    """Make some objects anew, of which each has read some paths, in the build of a tree."""
    for target, paths in notes.items():
        (obj / f".{target}.cmd").write_text("".join(f"  {obj}/source/{path} \\\n" for path in paths))
        os.utime(obj / f".{target}.cmd", ns=(len(tree), next(MOMENTS)))
    reads.update(tree)


MOMENTS = itertools.count(10**18)


def test_a_state_is_not_taken_for_one_whose_last_reader_was_made_again_without_it(tmp_path: Path) -> None:
    """Patch 1 drops the only include of a header, patch 2 breaks the header: without-1 includes what is broken."""
    obj = tmp_path / "obj"
    reads = noted(obj, {})
    prints = {
        "base": Footprint.of(()),
        "prefix-2": Footprint.of([change("a.c", "drops"), change("a.h", "broken")]),
        "without-1": Footprint.of([change("a.h", "broken")]),
    }
    schedule = Schedule([state(name) for name in prints], prints)
    place = Place(reads)
    for name, read in (("base", ("a.c", "a.h")), ("prefix-2", ("a.c",))):
        one = next(state for state in map(state, prints) if state.id == name)
        schedule._waiting.remove(one)
        build(reads, obj, f"tree-{name}", {"a.o": read})
        schedule.built(one, place, partial(reads.of, f"tree-{name}"))
    assert schedule.next(place) == (state("without-1"), None)


def test_of_what_an_earlier_run_has_built_the_same_is_true(tmp_path: Path) -> None:
    """Its second version is its first and a change to a header whose last reader was made again without it."""
    obj = tmp_path / "obj"
    reads = noted(obj, {})
    build(reads, obj, "tree-v1", {"a.o": ("a.c", "a.h")})
    build(reads, obj, "tree-between", {"a.o": ("a.c",)})
    again = FolderDependencies(obj, obj / "source", obj)
    known = {"tree-v1": (), "tree-between": (change("a.c", "drops"),), "tree-v2": (change("a.h", "broken"),)}
    built = {state(name): partial(again.of, f"tree-{name}") for name in ("v1", "between")}
    schedule = Schedule.of([state("v2")], built, "base", lambda _, tree: known[tree])
    assert schedule.next(Place(again)) == (state("v2"), None)


def test_a_folder_that_is_emptied_takes_its_states_out_of_a_visit(tmp_path: Path) -> None:
    obj = tmp_path / "obj"
    reads = noted(obj, {})
    build(reads, obj, "tree-base", {"a.o": ("a.c",)})
    prints = {"base": Footprint.of(()), "header": Footprint.of([change("a.h", "1")])}

    def asked() -> SameBuild | None:
        schedule = Schedule([state("header")], prints, {"base": partial(reads.of, "tree-base")})
        (obj / "x").touch()
        if emptied:
            reads.forget()
        return schedule.next(Place(reads))[1]

    emptied = False
    assert asked() == SameBuild("base", ("a.h",))
    emptied = True
    assert asked() is None
