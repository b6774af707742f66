# SPDX-License-Identifier: GPL-2.0-only
"""Which patch depends on which: each way of telling, and the real run of the split series."""

import re

import msgspec
import pytest
from msgspec import UNSET

from kseries import inputs
from kseries.evaluate.stateresult import bare
from kseries.host import paths
from kseries.judge import judge
from kseries.judge.couplings import couplings
from kseries.model import Bond, Outcome, Plan, State, StateResult
from tests.support.judged import FAIL, FEATURE, OFF, SILENT, SOUND, Seen, nothing, plan_of, result_of
from tests.support.runs import split_run

SPLIT = paths.project("testcases", "exit-on-missing-split")
ALONE = {"only-1": OFF, "only-2": OFF, "only-3": OFF}
FILES = {1: ("a.c", "b.c"), 2: ("a.c",), 3: ("b.c", "a.c")}
Conflicts = dict[str, tuple[str, ...]]


def coupled(
    changed: dict[str, Seen] | None = None,
    conflicts: Conflicts | None = None,
    details: dict[str, str] | None = None,
    suspects: dict[str, tuple[int, ...]] | None = None,
    files: dict[int, tuple[str, ...]] = FILES,
    renames: dict[int, tuple[str, str]] | None = None,
) -> list[tuple[str, int, int | None]]:
    seen = {**SOUND, **ALONE, **(changed or {})}
    plan = plan_of(tuple(seen))
    moved = {number: (names,) for number, names in (renames or {}).items()}
    plan = msgspec.structs.replace(
        plan,
        patches=tuple(
            msgspec.structs.replace(patch, files=files[patch.number], renames=moved.get(patch.number, UNSET))
            for patch in plan.patches
        ),
        states=tuple(
            msgspec.structs.replace(state, tree=None, conflicts=conflicts[state.id])
            if state.id in (conflicts or {}) and conflicts
            else state
            for state in plan.states
        ),
    )
    results = {
        state.id: bare(state, outcome=Outcome.CONFLICT, detail="does not apply")
        if state.tree is None
        else result_of(state, seen[state.id])
        for state in plan.states
    }
    for name, detail in (details or {}).items():
        results[name] = msgspec.structs.replace(results[name], detail=detail)
    for name, numbers in (suspects or {}).items():
        results[name] = msgspec.structs.replace(results[name], suspects=numbers)
    states, findings, _ = judge(plan, results, (FEATURE,))
    found = couplings(plan, {state.id: state for state in states}, findings)
    assert all(one.state in results for one in found)
    return [(one.kind.value, one.patch, one.needs) for one in found]


def test_a_sound_series_of_patches_that_go_alone_has_no_couplings() -> None:
    assert coupled() == []


def test_the_patch_that_promises_needs_the_one_whose_revert_breaks_the_promise() -> None:
    assert coupled({"without-1": SILENT}) == [("behaviour", 2, 1)]


def test_a_conflict_of_a_revert_and_of_a_pick_in_one_file_is_of_those_two() -> None:
    assert coupled(conflicts={"without-1": ("a.c",), "only-2": ("a.c",)}) == [("textual", 2, 1)]


def test_a_conflict_that_no_pick_explains_is_of_all_that_touch_the_file() -> None:
    assert coupled(conflicts={"without-1": ("a.c",)}) == [("textual", 2, 1), ("textual", 3, 1)]
    assert coupled(conflicts={"only-3": ("b.c",)}) == [("textual", 3, 1)]


def test_a_file_is_the_same_one_under_each_name_that_the_series_gives_it() -> None:
    files, moved = {1: ("a.c",), 2: ("a.c", "b.c"), 3: ("b.c",)}, {2: ("a.c", "b.c")}
    conflicts: Conflicts = {"without-1": ("b.c",), "only-3": ("a.c",)}
    assert coupled(conflicts=conflicts, files=files) == []
    assert coupled(conflicts=conflicts, files=files, renames=moved) == [("textual", 3, 1)]
    there_and_back = {1: ("a.c", "b.c"), 2: ("b.c", "a.c")}
    both = {1: files[2], 2: files[2], 3: files[3]}
    assert coupled(conflicts=conflicts, files=both, renames=there_and_back) == [("textual", 3, 1)]


def test_a_new_file_of_an_old_name_is_no_file_that_was_renamed() -> None:
    files, moved = {1: ("a.c", "b.c"), 2: ("a.c",), 3: ("b.c",)}, {1: ("a.c", "b.c")}
    conflicts: Conflicts = {"without-2": ("a.c",), "only-3": ("b.c",)}
    assert coupled(conflicts=conflicts, files=files, renames=moved) == [("textual", 3, 1)]


def test_what_does_not_build_without_a_patch_needs_it() -> None:
    failed = nothing(Outcome.BUILD_FAILED)
    assert coupled({"without-1": failed}, details={"without-1": "a.c:3: error: no x"}) == [
        ("build", 2, 1),
        ("build", 3, 1),
    ]
    assert coupled({"without-1": failed, "only-2": failed}, details={"without-1": "a.c:3: error: no x"}) == [
        ("build", 2, 1)
    ]
    assert coupled({"without-1": failed}, suspects={"without-1": (3,)}) == [("build", 3, 1)]
    assert coupled({"only-2": failed}) == [("build", 2, None)]


def test_an_error_in_a_file_is_of_none_that_touches_another_whose_path_ends_alike() -> None:
    failed = nothing(Outcome.BUILD_FAILED)
    assert coupled({"without-1": failed}, details={"without-1": "drivers/x/a.c:3: error: no x"}) == []


def test_a_patch_that_fails_alone_needs_those_without_which_its_own_lines_fail() -> None:
    failed = nothing(Outcome.BUILD_FAILED)
    alone = {"without-1": failed, "only-2": failed, "only-3": failed}
    assert coupled(alone, suspects={"without-1": (2,)}) == [("build", 2, 1), ("build", 3, None)]


def test_what_does_not_boot_without_a_patch_is_told_by_the_call_trace() -> None:
    failed = nothing(Outcome.BOOT_FAILED)
    assert coupled({"without-1": failed}, suspects={"without-1": (3, 1)}) == [("boot", 3, 1)]


def test_a_patch_in_front_of_what_it_needs_is_coupled_to_a_later_one() -> None:
    assert coupled({"prefix-1": SILENT}) == [("behaviour", 1, 2)]
    assert coupled({"prefix-2": nothing(Outcome.BUILD_FAILED)}) == [("build", 2, 3)]


def test_a_patch_whose_hole_nobody_has_seen_end_is_coupled_to_none() -> None:
    unbuilt, unknown = nothing(Outcome.BUILD_FAILED), nothing(Outcome.INFRA_ERROR)
    assert coupled({"prefix-1": unbuilt, "prefix-2": unknown}) == []
    assert coupled({"prefix-1": SILENT, "prefix-2": unknown}) == []
    assert coupled({"prefix-1": SILENT, "prefix-2": unbuilt}) == [("build", 2, 3)]
    assert coupled({"prefix-1": OFF.but(other__works=FAIL), "prefix-2": unbuilt}) == [("build", 2, 3)]
    assert coupled({"prefix-1": unbuilt, "prefix-2": nothing(Outcome.NOT_BOOTED)}) == [("build", 1, 2)]


def test_two_holes_that_follow_each_other_have_each_its_own_end() -> None:
    loses = OFF.but(other__works=FAIL)
    assert coupled({"prefix-1": nothing(Outcome.BUILD_FAILED), "prefix-2": loses}) == [
        ("build", 1, 2),
        ("behaviour", 2, 3),
    ]


@pytest.mark.parametrize(
    ("kind", "pairs"),
    [
        (Bond.BEHAVIOUR, {(4, 3)}),
        (Bond.BUILD, {(4, 2), (6, 2)}),  # by the files alone: that run kept no suspects
        (Bond.TEXTUAL, set()),
    ],
)  # fmt: skip
def test_the_split_series_is_coupled_as_it_was_seen_to_be(kind: Bond, pairs: set[tuple[int, int]]) -> None:
    result = split_run()
    diffs = {patch.number: (patch.diff or b"").decode() for patch in inputs.load(str(SPLIT)).series.patches}
    plan = Plan(
        series=result.series.name,
        version=1,
        patches=tuple(
            msgspec.structs.replace(
                patch, files=tuple(re.findall(r"^\+\+\+ b/(\S+)", diffs[patch.number], re.MULTILINE))
            )
            for patch in result.series.patches
        ),
        base=result.base,
        states=tuple(planned(state) for state in result.states),
    )
    found = couplings(plan, {state.id: state for state in result.states}, result.findings)
    assert {(one.patch, one.needs) for one in found if one.kind is kind} == pairs


def planned(state: StateResult) -> State:
    conflicts = state.detail.partition(" conflict in ")[2].split(", ") if state.tree is None else []
    return State(
        id=state.id,
        scenario=state.scenario,
        applied=state.applied,
        patch=state.patch,
        tree=state.tree,
        conflicts=tuple(conflicts),
        same_as=state.same_as,
    )
