# SPDX-License-Identifier: GPL-2.0-only
"""How much a state may tell before it is built. What became of the states of our own series is known."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from kseries.evaluate.evaluation import Evaluation
from kseries.evaluate.telling import Telling
from kseries.host import paths
from kseries.model import AppliedPatch, Base, Coverage, Observation, Outcome, Plan, State, Status
from kseries.plan.names import wordings
from kseries.plan.telling import Prospects, Tells
from kseries.sources import Diff, TreeStore
from kseries.sources.hunks import sections
from tests.support import judged
from tests.support.shown import OURS, Fake, Lab


def section(path: str, *lines: str) -> bytes:
    """A file of a diff, with lines that it adds."""
    added = "".join(f"+{line}\n" for line in lines)
    return f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -0,0 +1,{len(lines)} @@\n{added}".encode()


def plan_of(diffs: Sequence[Diff], same: Mapping[str, str] | None = None) -> Plan:
    """The prefixes and reverts of a series, each patch alone, and its first two reverted."""
    files = [tuple((one.names[1] or b"").decode() for one in diff) for diff in diffs]
    patches = tuple(
        AppliedPatch(number=number, subject="", tree_before=f"{number - 1}", tree_after=f"{number}", files=some)
        for number, some in enumerate(files, 1)
    )
    kinds = (("prefixes", "prefix"), ("reverts", "without"), ("alone", "only"))
    states = (
        State(id=f"{name}-{patch.number}", scenario=scenario, applied=(), patch=patch.number, tree="t")
        for scenario, name in kinds
        for patch in patches
    )
    pair = State(id="without-1+2", scenario="pairs", applied=(), tree="t")
    base = State(id="base", scenario="base", applied=(), tree="t")
    told = same or {}
    marked = (
        State(id=one.id, scenario=one.scenario, applied=(), patch=one.patch, tree="t", same_as=told.get(one.id))
        for one in states
    )
    made = Base(name="base", version="6", tree="0")
    return Plan(series="s", version=1, patches=patches, base=made, states=(base, *marked, pair))


def told(*patches: bytes, tip: Coverage | None = None, same: Mapping[str, str] | None = None) -> dict[str, Tells]:
    """What the states of such a series may tell."""
    diffs = [tuple(sections(patch)[0]) for patch in patches]
    return Prospects(plan_of(diffs, same), wordings(diffs), tip).by_state


def of_case(name: str) -> dict[str, Tells]:
    files = sorted(paths.project("testcases", name, "patches").glob("*.patch"))
    return told(*(file.read_bytes() for file in files))


# --- what became of ours ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "breaks", "loud"),
    [
        ("exit-on-missing-split", "without-3", "without-2"),
        ("exit-on-missing-split-7.3", "without-3", "without-2"),
        ("kvm-userfault-split-7.3", "without-2", "without-1"),
        ("eventfd-saturate", "without-2", "without-1"),
        ("ramfs-max-file", "without-3", None),
        ("cmdline-sizes", "without-2", None),
        ("timerfd-semaphore", "without-2", "without-1"),
        ("timerfd-sticky", "without-3", "without-1"),
    ],
)
def test_of_our_series_the_revert_that_breaks_silently_may_tell_much_and_one_that_does_not_build_little(
    case: str, breaks: str, loud: str | None
) -> None:
    found = of_case(case)
    assert found[breaks] is Tells.MUCH
    assert loud is None or found[loud] is Tells.LITTLE


# --- rule by rule -------------------------------------------------------------------------------

ONE, TWO = section("a.c", "\tone();"), section("a.c", "\ttwo();")
OTHER = section("b.c", "\tother();")


def test_the_tip_tells_most_and_a_patch_alone_least() -> None:
    found = told(ONE, OTHER)
    assert found["prefix-2"] is Tells.ALL
    assert (found["prefix-1"], found["without-1+2"], found["only-1"]) == (Tells.SOME, Tells.SOME, Tells.LITTLE)


def test_a_revert_of_what_a_later_patch_changes_too_may_tell_much() -> None:
    found = told(ONE, TWO, OTHER)
    assert (found["without-1"], found["without-2"], found["without-3"]) == (Tells.MUCH, Tells.SOME, Tells.SOME)


def test_two_patches_that_speak_of_one_thing_of_the_series_are_near_each_other() -> None:
    brings = section("x.h", "#define X_SHINY 4")
    found = told(brings, section("a.c", "\tif (flags & X_SHINY)"), section("c.c", "\tflags |= X_SHINY;"), OTHER)
    assert (found["without-1"], found["without-2"]) == (Tells.LITTLE, Tells.MUCH)
    assert (found["without-3"], found["without-4"]) == (Tells.SOME, Tells.SOME)


def test_an_option_is_one_name_in_kconfig_and_in_source() -> None:
    found = told(section("Kconfig", "config SHINY"), section("a.c", "#ifdef CONFIG_SHINY_THING", "#ifdef CONFIG_SHINY"))
    assert found["without-1"] is Tells.SOME  # five letters are a word
    found = told(section("Kconfig", "config SHINIER"), section("a.c", "#ifdef CONFIG_SHINIER"))
    assert found["without-1"] is Tells.LITTLE


def test_a_prefix_that_uses_what_only_a_later_patch_brings_may_tell_much() -> None:
    found = told(section("a.c", "\tshiny_call();"), OTHER, section("c.c", "void shiny_call(void)"), OTHER)
    assert (found["prefix-1"], found["prefix-2"], found["prefix-3"]) == (Tells.MUCH, Tells.SOME, Tells.SOME)


def test_a_name_that_two_patches_bring_is_missing_before_neither() -> None:
    found = told(section("a.c", "static void shiny_call(void)"), section("b.c", "static void shiny_call(void)"))
    assert found["prefix-1"] is Tells.SOME


def test_a_document_tells_nothing_and_nothing_is_brought_by_it() -> None:
    found = told(section("Documentation/x.rst", "shiny_call(void)"), section("a.c", "\tshiny_call();"), TWO)
    assert (found["without-1"], found["without-2"]) == (Tells.LITTLE, Tells.MUCH)
    assert found["prefix-1"] is Tells.SOME


def test_a_state_tells_what_those_tell_that_it_stands_for() -> None:
    found = told(OTHER, ONE, TWO, same={"without-2": "prefix-1", "without-3": "prefix-2"})
    assert found["prefix-1"] is Tells.MUCH and "without-2" not in found


# --- once the tip has been seen -----------------------------------------------------------------


def seen(ran: Sequence[str], code: Sequence[str] = (), **more: object) -> Coverage:
    every = {*ran, *code}
    fields = {"code": dict.fromkeys(every, (1, 2)), "ran": dict.fromkeys(ran, (1,)), "read": ("a.c", "b.c", "x.h")}
    return Coverage(**(fields | more))  # type: ignore[arg-type]


def test_a_patch_of_which_nothing_has_run_tells_little() -> None:
    assert told(ONE, TWO, tip=seen(["a.c"]))["without-1"] is Tells.MUCH
    assert told(ONE, TWO, tip=seen([], ["a.c"]))["without-1"] is Tells.LITTLE


def test_of_what_was_not_watched_it_is_not_known_that_it_did_not_run() -> None:
    header = section("x.h", "/* */")
    for tip in (
        None,
        seen([]),
        seen([], ["a.c"], unknown="the accelerator kvm does not tell what runs"),
        seen([], ["a.c"], modules=("a.c",)),
    ):
        assert told(ONE, TWO, tip=tip)["without-1"] is Tells.MUCH
    assert told(ONE + header, TWO, tip=seen([], ["a.c"]))["without-1"] is Tells.MUCH


class Evaluated:
    """An evaluation of a plan, and git with its diffs, which counts how often it is asked for them."""

    def __init__(self, *patches: bytes) -> None:
        self.diffs_of = [tuple(sections(patch)[0]) for patch in patches]
        self.jobs = SimpleNamespace(plan=plan_of(self.diffs_of))
        self.seen: dict[str, Observation] = {}
        self.asked = 0

    def diffs(self, _pairs: Sequence[tuple[str, str]], _paths: str) -> list[Diff]:
        self.asked += 1
        return self.diffs_of


def test_what_a_run_has_seen_of_its_tip_counts_from_then_on_and_git_is_asked_once() -> None:
    run = Evaluated(ONE, TWO, OTHER)
    telling = Telling(cast(Evaluation, run), cast(TreeStore, run))
    (revert,) = (one for one in run.jobs.plan.states if one.id == "without-1")
    assert run.asked == 0
    assert telling(revert) is Tells.MUCH
    run.seen["prefix-3"] = Observation(tree="t", outcome=Outcome.OK, coverage=seen(["b.c"], ["a.c"]))
    assert telling(revert) is Tells.LITTLE
    assert telling(State(id="another", scenario="reverts", applied=())) is Tells.LITTLE
    assert run.asked == 1


@pytest.mark.parametrize("first", [*itertools.permutations(("prefix-1", "prefix-2", "without-1"))])
def test_in_whichever_order_states_come_a_run_comes_to_the_same(
    first: Sequence[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shows = {"without-1": {f"{OURS}.a": Status.FAIL}}
    plan = judged.plan_of(("base", "prefix-1", "prefix-2", "without-1"), patches=(1, 2))
    usual = Lab(tmp_path / "usual").run(Fake(shows), plan=plan)
    rank = dict(zip(first, (Tells.ALL, Tells.MUCH, Tells.SOME), strict=True))
    monkeypatch.setattr(Telling, "__call__", lambda _, state: rank.get(state.id, Tells.LITTLE))
    executor = Fake(shows)
    assert Lab(tmp_path / "other").run(executor, plan=plan) == usual
    assert [name for name in executor.jobs if name != "base"] == [*first]


def test_what_the_build_of_the_tip_has_not_read_tells_nothing_and_makes_nothing_loud() -> None:
    brings = section("a.c", "void shiny_call(void)")
    elsewhere = section("arch/arm64/a.c", "\tshiny_call();")
    series = (brings, elsewhere, TWO, section("arch/arm64/a.c", "\tmore();"))
    assert told(*series)["without-1"] is Tells.LITTLE
    found = told(*series, tip=seen(["a.c"]))
    assert (found["without-1"], found["without-2"]) == (Tells.MUCH, Tells.LITTLE)


def test_of_a_tip_of_which_it_is_not_known_what_it_read_all_may_have_been() -> None:
    assert told(ONE, TWO, tip=Coverage(unknown="nobody knows"))["without-1"] is Tells.MUCH
