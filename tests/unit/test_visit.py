# SPDX-License-Identifier: GPL-2.0-only
"""The order of a visit, and the states that need no build."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.build.reads import Reads
from harness.model import State
from harness.trees import Change
from harness.visit import Footprint, Place, SameBuild, Visit, between

ABSENT = ("000000", "0" * 40)


def change(path: str, new: str, old: str = "old") -> Change:
    return Change(path, ("100644", old), ("100644", new))


def state(name: str) -> State:
    return State(id=name, scenario="prefixes", applied=())


def noted(obj: Path, notes: Mapping[str, Iterable[str]]) -> Reads:
    """A build folder in which each target has read some paths."""
    obj.mkdir(exist_ok=True)
    for target, paths in notes.items():
        (obj / f".{target}.cmd").write_text("".join(f"  {obj}/source/{path} \\\n" for path in paths))
    reads = Reads(obj, obj / "source", obj)
    reads.update("tree")
    return reads


@pytest.fixture
def reads(tmp_path: Path) -> Reads:
    wide = {f"{name}.o": ("wide.h", f"{name}.c") for name in "abcdef"}
    return noted(tmp_path / "obj", wide)


def names(visit: Visit, reads: Reads) -> list[str]:
    order, place = [], Place(reads)
    while visit.left:
        one, same = visit.next(place)
        if same is None:
            visit.built(one, place, well=True)
        order.append(one.id)
    return order


def test_the_cheapest_comes_next_and_base_comes_first(reads: Reads) -> None:
    prints = {
        "base": Footprint.of(()),
        "header": Footprint.of([change("wide.h", "1")]),
        "header-and-a": Footprint.of([change("wide.h", "1"), change("a.c", "1")]),
        "a": Footprint.of([change("a.c", "1")]),
    }
    visit = Visit([state(name) for name in ("header", "a", "header-and-a", "base")], prints)
    assert names(visit, reads) == ["base", "a", "header", "header-and-a"]


def test_what_differs_only_in_what_is_not_read_is_not_built(reads: Reads) -> None:
    prints = {
        "tip": Footprint.of([change("a.c", "1"), change("Documentation/x.rst", "1")]),
        "code": Footprint.of([change("a.c", "1")]),
    }
    visit = Visit([state("tip"), state("code")], prints)
    place = Place(reads)
    first, same = visit.next(place)
    assert (first.id, same) == ("tip", None)
    visit.built(first, place, well=True)
    second, same = visit.next(place)
    assert (second.id, same) == ("code", SameBuild("tip", ("Documentation/x.rst",)))


def test_of_a_tip_that_is_watched_only_a_build_that_was_watched_tells(reads: Reads) -> None:
    prints = {"tip": Footprint.of([change("x.rst", "1")]), "before": Footprint.of(())}
    for seen in (frozenset({"before"}), frozenset[str]()):
        visit = Visit([state("tip")], prints, {"before": reads}, watched="tip", seen=seen)
        assert visit.next(Place(reads))[1] == (SameBuild("before", ("x.rst",)) if seen else None)


def test_a_build_that_failed_stands_for_no_other(reads: Reads) -> None:
    prints = {"tip": Footprint.of([change("x.rst", "1")]), "code": Footprint.of(())}
    visit = Visit([state("tip"), state("code")], prints)
    place = Place(reads)
    first, _ = visit.next(place)
    visit.built(first, place, well=False)
    assert visit.next(place)[1] is None


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


def test_what_is_watched_comes_after_base_and_is_built_whatever_others_are(reads: Reads) -> None:
    prints = {
        "base": Footprint.of(()),
        "a": Footprint.of([change("a.c", "1")]),
        "document": Footprint.of([change("document.c", "1")]),
        "tip": Footprint.of([change("wide.h", "1"), change("document.c", "2")]),
        "same": Footprint.of([change("wide.h", "1"), change("document.c", "3")]),
    }
    states = [state(name) for name in ("a", "document", "tip", "same", "base")]
    assert names(Visit(states, prints, watched="tip"), reads)[:2] == ["base", "tip"]
    like_base = Visit([state("document")], prints, {"base": reads}, watched="document")
    assert like_base.next(Place(reads)) == (state("document"), None)
