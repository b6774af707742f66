# SPDX-License-Identifier: GPL-2.0-only
"""Which patch a warning is told of, and which warnings are nobody's."""

from typing import Any

import msgspec
import pytest

from kseries.judge import judge, newwarnings
from kseries.model import AppliedPatch, Base, FindingKind, Objects, Outcome, Plan, State, StateResult
from kseries.report import text
from tests.support.runs import run, state
from tests.support.told import lines

OLD = "mm/a.c: unused variable 'x' [-Wunused-variable]"
NEW = "mm/a.c: unused variable 'y' [-Wunused-variable]"
ELSEWHERE = "mm/other.c: initialization discards 'const' [-Wdiscarded-qualifiers]"
FILES = {1: ("mm/a.c",), 2: ("mm/a.h", "mm/b.c"), 3: ("Kconfig",)}
STATES = ("base", "prefix-1", "prefix-2", "prefix-3")


def plan(*names: str) -> Plan:
    """A series of three patches, with these states."""
    patches = tuple(
        AppliedPatch(number=number, subject="", tree_before="", tree_after="", files=files)
        for number, files in FILES.items()
    )
    numbers = {name: int(name.partition("-")[2] or 0) for name in names}
    states = tuple(
        State(
            id=name,
            scenario="prefixes" if number else "base",
            applied=tuple(range(1, number + 1)),
            patch=number or None,
            tree=name,
        )
        for name, number in numbers.items()
    )
    return Plan(series="s", version=1, patches=patches, base=Base(name="b", version="6", tree="base"), states=states)


def seen(name: str, *warnings: str, linked: str = "same", **more: Any) -> StateResult:
    number = int(name.partition("-")[2] or 0)
    given = {"warnings": warnings, "linked": linked, "applied": tuple(range(1, number + 1)), **more}
    return state(name, number or None, **given)


def told(*results: StateResult) -> list[tuple[str, int | None, tuple[str, ...]]]:
    """State, patch and evidence of each finding of new warnings in these states."""
    found = newwarnings.findings(plan(*(one.id for one in results)), {one.id: one for one in results})
    return [(one.state, one.patch, lines(one.evidence)) for one in found]


def test_a_warning_is_told_once_of_the_patch_that_brought_it() -> None:
    after = (seen("prefix-2", OLD, NEW), seen("prefix-3", OLD, NEW))
    assert told(seen("base", OLD), seen("prefix-1", OLD), *after) == [("prefix-2", 2, (NEW,))]


def test_what_base_warns_of_is_nobodys() -> None:
    assert told(*(seen(name, OLD, NEW, ELSEWHERE) for name in STATES)) == []


def test_a_warning_in_the_place_of_another_is_new() -> None:
    quiet = (seen("prefix-2", NEW), seen("prefix-3", NEW))
    assert told(seen("base", OLD), seen("prefix-1", NEW), *quiet) == [("prefix-1", 1, (NEW,))]


def test_the_same_words_once_more_in_one_object_are_new() -> None:
    after = (seen("prefix-2", OLD, OLD), seen("prefix-3", OLD, OLD))
    assert told(seen("base", OLD), seen("prefix-1", OLD, OLD), *after) == [("prefix-1", 1, (OLD,))]


def test_a_warning_that_goes_and_comes_again_is_told_of_who_brings_it_again() -> None:
    assert told(seen("base", OLD), seen("prefix-1"), seen("prefix-2"), seen("prefix-3", OLD)) == [
        ("prefix-3", 3, (OLD,))
    ]


def test_a_patch_is_told_of_a_warning_in_a_file_that_it_does_not_touch() -> None:
    """A header can do that, in an object that was there before."""
    after = (seen("prefix-2", ELSEWHERE), seen("prefix-3", ELSEWHERE))
    assert told(seen("base"), seen("prefix-1"), *after) == [("prefix-2", 2, (ELSEWHERE,))]


def test_an_object_that_a_patch_switches_on_warns_of_what_it_would_have_warned_of_before() -> None:
    on = seen("prefix-3", ELSEWHERE, linked="more")
    assert told(seen("base"), seen("prefix-1"), seen("prefix-2"), on) == []
    assert newwarnings.since(seen("base"), on, frozenset()) == ()


def test_an_object_that_a_patch_brings_warns_of_what_is_the_patchs() -> None:
    own = "mm/b.c: unused variable 'z' [-Wunused-variable]"
    after = [seen(name, own, ELSEWHERE, linked="more") for name in ("prefix-2", "prefix-3")]
    assert told(seen("base"), seen("prefix-1"), *after) == [("prefix-2", 2, (own,))]


@pytest.mark.parametrize("outcome", [Outcome.BUILD_FAILED, Outcome.CONFLICT, Outcome.INFRA_ERROR])
def test_nobody_is_blamed_where_the_state_before_was_not_built(outcome: Outcome) -> None:
    """Patch 1 could have brought it, and nobody can tell."""
    failed = seen("prefix-1", linked="", outcome=outcome)
    after = (seen("prefix-2", NEW), seen("prefix-3", NEW))
    assert told(seen("base"), failed, *after) == [("prefix-2", None, (NEW,))]


def test_what_a_build_that_failed_came_to_is_no_finding() -> None:
    assert told(seen("base"), seen("prefix-1", NEW, linked="", outcome=Outcome.BUILD_FAILED)) == []


@pytest.mark.parametrize("outcome", [Outcome.BOOT_FAILED, Outcome.CRASHED, Outcome.TIMED_OUT])
def test_a_kernel_that_was_built_has_its_warnings_whatever_its_boot_did(outcome: Outcome) -> None:
    after = (seen("prefix-2", NEW), seen("prefix-3", NEW))
    assert told(seen("base"), seen("prefix-1", NEW, outcome=outcome), *after) == [("prefix-1", 1, (NEW,))]


def test_a_kernel_that_could_not_be_booted_here_has_its_warnings() -> None:
    not_booted = seen("prefix-1", NEW, outcome=Outcome.INFRA_ERROR, objects=Objects(compiled=1, found=0))
    assert told(seen("base"), not_booted) == [("prefix-1", 1, (NEW,))]


def test_without_the_prefixes_a_series_is_told_of_and_no_patch() -> None:
    assert told(seen("base"), seen("prefix-3", NEW)) == [("prefix-3", None, (NEW,))]


def test_a_judged_run_has_them_among_its_findings_and_with_each_state() -> None:
    results = {one.id: one for one in (seen("base", OLD), *(seen(name, OLD, NEW) for name in STATES[1:]))}
    states, findings, _ = judge(plan(*STATES), results, ())
    assert [(one.kind, one.patch) for one in findings] == [(FindingKind.NEW_WARNING, 1)]
    assert [one.warnings_new for one in states] == [(), (NEW,), (NEW,), (NEW,)]


def test_a_warning_of_nobody_is_told_with_the_patches_that_it_may_be_of() -> None:
    base, tip = seen("base"), seen("prefix-2", NEW)
    (finding,) = newwarnings.findings(plan("base", "prefix-2"), {"base": base, "prefix-2": tip})
    shown = text.render(msgspec.structs.replace(run(base, tip), findings=(finding,)))
    assert "NEW-WARNING: Somewhere up to 2/2 'KVM: Patch 2'" in shown
    assert f"\n    {NEW}\n" in shown
