# SPDX-License-Identifier: GPL-2.0-only
"""A test that the series brings: what nobody has asked of a state whose tree does not have it is not known of it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

import msgspec
import pytest
from msgspec import UNSET

from kseries import inputs, judge
from kseries.app import planning
from kseries.app.options import Options
from kseries.evaluate.evaluation import Evaluation
from kseries.evaluate.jobs import Jobs
from kseries.evaluate.memory import Memory
from kseries.judge import promises
from kseries.judge.promises import Promise
from kseries.model import (
    CAPABILITY,
    Contract,
    Finding,
    Inference,
    Observation,
    Outcome,
    Part,
    StateResult,
    Status,
    Verdict,
    events,
)
from kseries.plan import scenarios
from kseries.probes import absent, selftests, targets
from kseries.report import html, text
from kseries.report import selftests as told
from kseries.sources import TreeStore
from tests.support.engines import SETUP
from tests.support.gitrepo import Repository
from tests.support.judged import CAP, FAIL, PASS, SKIP, Seen, nothing, plan_of, result_of
from tests.support.runs import run

PROBE = "kvm.my_feature_test"
TEST = f"{PROBE}.exit_status"
PLACE = "tools/testing/selftests"
CONTRACT = Contract(id="my-feature", title="", when=CAP, checks=(TEST,))
OFF = Seen({CAP: 0}, {TEST: FAIL, "other.works": PASS}, details={TEST: "it was not built"})
ON = OFF.with_cap(CAP, 1)
TIP = Seen({CAP: 1}, {TEST: PASS, "other.works": PASS})
GONE = Seen({CAP: 0}, {TEST: SKIP, "other.works": PASS})
UNBUILT = nothing(Outcome.BUILD_FAILED)
SERIES = {
    "base": OFF,
    "prefix-1": OFF,
    "prefix-2": ON,
    "prefix-3": TIP,
    "without-1": UNBUILT,
    "without-2": GONE,
    "without-3": ON,
    "only-1": OFF,
    "only-2": UNBUILT,
    "only-3": GONE,
}
"""Patch 1 brings behaviour, 2 advertises it, and 3 is the selftest of it."""
LACKING = {"base", "prefix-1", "prefix-2", "without-3", "only-1"}


def judged(
    states: Mapping[str, Seen], lacking: set[str], contract: Contract = CONTRACT
) -> tuple[tuple[StateResult, ...], tuple[Finding, ...], Verdict]:
    plan = plan_of(tuple(states))
    results = {one.id: result_of(one, states[one.id]) for one in plan.states}
    results |= {name: msgspec.structs.replace(results[name], absent=(PROBE,)) for name in lacking}
    return judge.judge(plan, results, (contract,), Inference.INFERRED)


def kinds(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(one.kind.value, one.state) for one in findings if not one.is_advice]


# --- what it means --------------------------------------------------------------------------------


def test_a_kernel_whose_tree_has_no_such_test_is_not_known_to_break_what_a_contract_asks_of_it() -> None:
    states, findings, verdict = judged(SERIES, LACKING)
    loud = ("without-1", "only-2")
    assert [one for one in kinds(findings) if one[1] not in loud] == []
    assert (verdict.bisectable, verdict.revert_safe) == (None, None)
    (of_prefix,) = next(one for one in states if one.id == "prefix-2").contracts
    assert (of_prefix.advertised, of_prefix.holds, of_prefix.failed, of_prefix.untested) == (True, None, (), (TEST,))


def test_one_that_has_it_and_fails_it_breaks_it() -> None:
    _, findings, verdict = judged(SERIES, LACKING - {"prefix-2", "without-3"})
    assert ("bisect-hole", "prefix-2") in kinds(findings) and ("silent-break", "without-3") in kinds(findings)
    assert (verdict.bisectable, verdict.revert_safe) == (False, False)


def test_a_tip_that_fails_the_test_that_the_series_brings_breaks_its_promise() -> None:
    """Nobody has asked base, by its tree or, with --selftest-from tip, before there was a promise."""
    failing = SERIES | {"prefix-2": OFF, "prefix-3": ON, "without-2": OFF, "without-3": OFF}
    for lacking in ({"base", "prefix-1", "without-2"}, set[str]()):
        _, findings, _ = judged(failing, lacking)
        assert kinds(findings) == [("broken-contract", "prefix-3")]


def test_a_state_without_the_test_by_which_it_would_advertise_is_asked_nothing() -> None:
    contract = Contract(id="f", title="", when=f"{PROBE}.case", checks=("other.works",), otherwise=("flag.refused",))
    off = Seen({}, {f"{PROBE}.case": FAIL, "other.works": PASS, "flag.refused": PASS})
    takes = Seen({}, {f"{PROBE}.case": FAIL, "other.works": PASS, "flag.refused": FAIL})
    tip = Seen({}, {f"{PROBE}.case": PASS, "other.works": PASS, "flag.refused": FAIL})
    states = SERIES | {name: off for name in SERIES if SERIES[name] is not UNBUILT}
    states |= {"prefix-2": takes, "without-3": takes, "prefix-3": tip}
    _, findings, _ = judged(states, {"base", "prefix-1", "prefix-2", "without-2", "without-3", "only-1"}, contract)
    assert not any("prefix-2" in one or "without-3" in one for one in kinds(findings))
    _, findings, _ = judged(states, set(), contract)
    assert any("without-3" in one for one in kinds(findings)), "one that has it, and fails it, is asked"


@pytest.mark.parametrize("when", [FAIL, SKIP])
def test_a_tip_breaks_no_promise_that_base_may_make_and_fails_as_well(when: Status) -> None:
    """Base lacks the test by which it would advertise, or skips it; it fails the check itself."""
    contract = Contract(id="f", title="", when=f"{PROBE}.case", checks=("other.works",))
    without, tip = (Seen({}, {f"{PROBE}.case": status, "other.works": FAIL}) for status in (when, PASS))
    states = SERIES | {name: without for name in SERIES if SERIES[name] is not UNBUILT} | {"prefix-3": tip}
    loud = {"without-1": without, "only-2": without}
    _, findings, _ = judged(states | loud, {*states} - {"prefix-3"} if when is FAIL else set(), contract)
    assert kinds(findings) == []


def test_what_else_a_state_fails_is_told_all_the_same() -> None:
    contract = msgspec.structs.replace(CONTRACT, checks=(TEST, "other.works"))
    _, findings, _ = judged(SERIES | {"without-3": ON.but(other__works=FAIL)}, LACKING, contract)
    assert ("silent-break", "without-3") in kinds(findings)


def test_no_prefix_is_blamed_for_what_base_was_not_asked() -> None:
    fails = Seen({CAP: 1}, {TEST: FAIL, "other.works": PASS})
    states = {"base": ON, "prefix-1": fails, "prefix-2": TIP, "prefix-3": TIP}
    _, findings, _ = judged(states, {"base"})
    assert kinds(findings) == []


def test_no_promise_is_suspected_to_be_broken_by_it() -> None:
    promise = Promise(parts=(Part(kind=CAPABILITY, name=CAP),), checks=(TEST,))
    state = result_of(plan_of(("base",)).states[0], ON)
    assert list(promises.broken([promise], state)) == [(promise, (TEST,))]
    assert list(promises.broken([promise], msgspec.structs.replace(state, absent=(PROBE,)))) == []


# --- who has it -----------------------------------------------------------------------------------


@pytest.fixture
def linux(tmp_path: Path) -> Repository:
    """A series of three patches, of which the last brings a test of KVM and a script."""
    repository = Repository(tmp_path / "linux")
    repository.commit("base", {"Makefile": "VERSION = 6\n", f"{PLACE}/kvm/x86/old_test.c": "old\n"})
    repository.commit("implement", {"a.c": "a\n"})
    repository.commit("advertise", {"a.h": "a\n"})
    repository.commit("test", {f"{PLACE}/kvm/my_feature_test.c": "new\n", f"{PLACE}/kvm/new.sh": "new\n"})
    return repository


ASKED = ("kvm:my_feature_test,old_test,nobody_has_it", "kvm:new.sh", "kvm")


def test_a_state_lacks_the_tests_that_the_tip_has_and_its_own_tree_does_not(linux: Repository, tmp_path: Path) -> None:
    trees = TreeStore(tmp_path / "trees.git")
    found = inputs.load("HEAD~3..HEAD", str(linux.path))
    trees.add_repository(linux.path)
    calls, whole = selftests.parse(targets.programs(ASKED)), targets.parse(ASKED)
    probes = tuple(call.probe for call in calls)
    setup = replace(SETUP, probes=probes, selftests=selftests.tests(calls), targets=whole)
    base = planning.base_of(found, Options(out=tmp_path).of(found), trees, lambda _: None)
    plan = scenarios.make_plan(found.series, base, scenarios.DEFAULT, trees)
    evaluation = Evaluation(Jobs(setup, plan), cast(Memory, None), trees, lambda _: None, tmp_path)
    evaluation.seen = {one.id: Observation(tree=one.tree or "", outcome=Outcome.OK) for one in plan.states}
    lacking = {name: one.absent for name, one in evaluation.known().items() if one.absent is not UNSET}
    assert lacking == dict.fromkeys(
        ("base", "prefix-1", "prefix-2", "without-3", "only-1", "only-2"), (PROBE, "kvm.new_sh")
    )
    assert absent.Absent({}, "no tree", trees).of("no tree") == ()


# --- what is told ---------------------------------------------------------------------------------

CURE = "--selftest-from tip"


def test_a_report_names_the_states_and_the_cure() -> None:
    states, _, _ = judged(SERIES, LACKING)
    result = run(*states)
    line = (
        f"{PROBE} is not in the tree of prefix-2, without-3: what a contract asks of it is not known there;"
        f" {CURE} asks every state"
    )
    assert list(told.lines(result)) == [line]
    assert line in text.render(result).splitlines() and f"{line}." in html.render(result, Path())
    assert list(told.lines(run(*judged(SERIES, set())[0]))) == []


@pytest.mark.parametrize(
    ("asked", "whose", "names"),
    [
        (("kvm:my_feature_test,old_test",), "state", f"{PROBE}"),
        (("kvm:new.sh", "kvm:my_feature_test"), "state", f"{PROBE}, kvm.new_sh"),
        (("kvm:my_feature_test",), "tip", ""),
        (("kvm:old_test",), "state", ""),
    ],
)
def test_a_plan_names_them_before_anything_is_built(
    asked: tuple[str, ...], whose: str, names: str, linux: Repository, tmp_path: Path
) -> None:
    found, heard = inputs.load("HEAD~3..HEAD", str(linux.path)), list[events.Event]()
    options = Options(out=tmp_path, selftests=asked, selftests_from=whose).of(found)
    planning.plan(found, options, TreeStore(tmp_path / "trees.git"), heard.append)
    said = [event.what for event in heard if isinstance(event, events.Preparing) and CURE in event.what]
    assert said == ([f"the series brings {names}: no state without it is asked; add {CURE}"] if names else [])
