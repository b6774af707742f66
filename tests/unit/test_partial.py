# SPDX-License-Identifier: GPL-2.0-only
"""A run that was interrupted: whatever it did not come to, what it tells is what the whole run would tell, or null."""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import UNSET

from kseries.app import flakiness, rundir, session
from kseries.app.assembly import Proofs, Work, assemble
from kseries.app.knownissues import KnownIssues
from kseries.app.options import Options
from kseries.bisect.partners import Partners
from kseries.cli.compare import whole
from kseries.evaluate import stateresult
from kseries.evaluate.deadline import NEVER, Deadline, UsedUpError
from kseries.judge import certain, judge
from kseries.judge.couplings import couplings
from kseries.judge.early import BY_THREE
from kseries.judge.exercise import PerPatch
from kseries.model import (
    Budget,
    Complaint,
    Contract,
    Exercise,
    Finding,
    FindingKind,
    Gravity,
    Grounds,
    Outcome,
    PatchResult,
    RunResult,
    Stage,
    State,
    StateResult,
    Step,
    TimedStage,
    Variant,
    Verdict,
    events,
)
from kseries.model.errors import InputError
from kseries.report import headline, html, junit, mail, partial, text
from tests.support.engines import SETUP
from tests.support.judged import CAP, FAIL, LOUD, OFF, ON, PASS, SKIP, Seen, nothing, plan_of, result_of
from tests.support.runs import SPLIT, judgement
from tests.support.told import of_lines

STATES = ("base", "prefix-1", "prefix-2", "prefix-3", "without-1", "without-2", "without-3", "without-1+2", "only-2")
PLAN = plan_of(STATES)
CONTRACT = Contract(
    id="feature",
    title="",
    when=CAP,
    checks=("feature.works",),
    optional=("feature.lasts",),
    otherwise=("flag.refused",),
)
STATUSES = st.sampled_from([PASS, FAIL, SKIP])
OOPS = Complaint(gravity=Gravity.OOPS, kind="BUG: x", said="BUG: x", function="f")
WARNS = Complaint(gravity=Gravity.REPORT, kind="WARNING", said="WARNING: at g", function="g")
RARE = msgspec.structs.replace(WARNS, boots=1, of=2)
COMPLAINTS = st.sampled_from([(), (), (OOPS,), (WARNS,), (RARE,), (OOPS, WARNS)])
SEEN = st.one_of(
    st.builds(
        lambda like, works, lasts, refused, other, complains: replace(
            like.but(feature__works=works, feature__lasts=lasts, flag__refused=refused, other__works=other),
            complaints=complains,
        ),
        st.sampled_from([OFF, ON]),
        *[STATUSES] * 4,
        COMPLAINTS,
    ),
    st.sampled_from([OFF, ON, *map(nothing, LOUD)]),
)
RUNS = st.fixed_dictionaries(dict.fromkeys(STATES[1:], SEEN))
LOST = st.sets(st.sampled_from(STATES[1:]))
BASES = st.builds(lambda lasts, other: OFF.but(feature__lasts=lasts, other__works=other), STATUSES, STATUSES) | st.just(
    ON.but(feature__works=SKIP)
)


def judged(seen: dict[str, Seen], lost: set[str]) -> tuple[dict[str, StateResult], tuple[Finding, ...], Verdict]:
    """What is told of these states, where some have not been tried."""
    results = {
        state.id: stateresult.bare(state, outcome=Outcome.NOT_TRIED, detail="")
        if state.id in lost
        else result_of(state, seen[state.id])
        for state in PLAN.states
    }
    states, findings, verdict = judge(PLAN, results, (CONTRACT,))
    return {state.id: state for state in states}, findings, verdict


WHOLE = rundir.read(SPLIT)[0]
"""A real run."""
SOUND: dict[str, Seen] = {
    **dict.fromkeys(("prefix-1", "without-1", "without-2", "without-1+2", "only-2"), OFF),
    **dict.fromkeys(("prefix-2", "prefix-3", "without-3"), ON),
}
KEPT = ON.but(feature__works=SKIP)
"""What advertises, and skips what only the tip shows to be a loss."""
# What a first draft of such a judgement would get wrong: what base may have had, what another prefix may have brought.
INHERITED = ({**SOUND, "prefix-1": ON.but(feature__works=FAIL)}, KEPT, {"prefix-3"})
OPTIONAL = ({**SOUND, "prefix-2": ON.but(feature__lasts=SKIP)}, OFF, {"prefix-3"})
PARTNER = ({**SOUND, "prefix-1": ON, "without-3": ON.but(feature__works=FAIL)}, OFF, {"prefix-1"})
COMPLAINS = ({**SOUND, "prefix-2": replace(ON, complaints=(OOPS,))}, OFF, {"prefix-1"})
BEFORE = (
    {**SOUND, "prefix-1": replace(OFF, complaints=(OOPS,)), "prefix-3": replace(ON, complaints=(OOPS,))},
    OFF,
    {"prefix-1"},
)
BOTH = ({**SOUND, "without-1+2": ON.but(feature__works=FAIL)}, OFF, {"without-1+2"})
PAIR = ({**SOUND, "without-1": KEPT, "without-1+2": KEPT}, OFF, {"without-1"})


@example(*INHERITED)
@example(*BOTH)
@given(RUNS, BASES, LOST)
def test_a_verdict_is_that_of_the_whole_run_or_null(seen: dict[str, Seen], base: Seen, lost: set[str]) -> None:
    every = {**seen, "base": base}
    _, _, whole_verdict = judged(every, set())
    _, findings, verdict = judged(every, lost)
    for name, scenario in (("bisectable", "prefix-"), ("revert_safe", "without-")):
        told = getattr(verdict, name)
        assert told in (None, getattr(whole_verdict, name)), (name, findings)
        if any((state.startswith(scenario) and "+" not in state) or state == PLAN.tip for state in lost):
            assert told is not True


@example(*INHERITED)
@example(*OPTIONAL)
@example(*PARTNER)
@example(*PAIR)
@example(*COMPLAINS)
@example(*BEFORE)
@given(RUNS, BASES, LOST)
def test_nothing_is_found_that_the_whole_run_would_not_find(seen: dict[str, Seen], base: Seen, lost: set[str]) -> None:
    every = {**seen, "base": base}
    states, findings, _ = judged(every, set())
    some, told, _ = judged(every, lost)
    assert {(one.kind, one.state) for one in told} <= {(one.kind, one.state) for one in findings}
    of_kernel = {(one.state, one.patch) for one in findings if one.kind is FindingKind.KERNEL_COMPLAINT}
    assert {(one.state, one.patch) for one in told if one.kind is FindingKind.KERNEL_COMPLAINT} <= of_kernel
    whose = {(one.kind, one.state, one.contract): one.partner for one in findings}
    assert all(one.state not in lost for one in told)
    assert all(one.partner in (None, whose.get((one.kind, one.state, one.contract))) for one in told)
    of_whole = couplings(PLAN, states, findings)
    known = {(one.kind, one.patch, one.needs) for one in of_whole}
    assert {(one.kind, one.patch, one.needs) for one in couplings(PLAN, some, told)} <= known
    for name, state in some.items():
        for mine, theirs in zip(state.contracts, states[name].contracts, strict=name not in lost):
            assert mine.holds in (None, theirs.holds)


def told_of(findings: Iterable[Finding]) -> set[tuple[object, ...]]:
    """What is told of single reverts and of prefixes by what they came to, but for partners and advice."""
    told = [one for one in findings if one.kind in BY_THREE and "+" not in one.state]
    return {(one.kind, one.state, one.patch, one.contract, one.evidence) for one in told}


@example(*INHERITED[:2])
@example(*OPTIONAL[:2])
@example(*PARTNER[:2])
@example(*PAIR[:2])
@given(RUNS, BASES)
def test_what_base_and_the_tip_and_one_state_tell_is_all_that_the_whole_run_tells_of_it(
    seen: dict[str, Seen], base: Seen
) -> None:
    """In whichever order the others come."""
    every = {**seen, "base": base}
    results = {state.id: result_of(state, every[state.id]) for state in PLAN.states}
    _, findings, _ = judged(every, set())
    for name in STATES:
        three = {one: results[one] for one in ("base", PLAN.tip, name)}
        early = certain(PLAN, name, three, (CONTRACT,))
        assert told_of(early) == told_of(one for one in findings if one.state == name)
        assert len(told_of(early)) == len(early) and all(one.advice is None is one.partner for one in early)


# --- what shows it ------------------------------------------------------------------------------


@pytest.fixture
def part() -> RunResult:
    """A real run, of which two states were tried, and nothing was found in them."""
    result, _ = rundir.read(SPLIT)
    states = tuple(
        state
        if state.id in ("base", "prefix-1")
        else stateresult.bare(
            msgspec.convert(msgspec.to_builtins(state), type=State), outcome=Outcome.NOT_TRIED, detail="interrupted"
        )
        for state in result.states
    )
    nobody = Verdict(bisectable=None, revert_safe=None)
    return msgspec.structs.replace(
        result, states=states, findings=(), squashes=(), couplings=(), patches=(), verdict=nobody, partial=True
    )


def test_each_report_says_that_it_is_a_part(part: RunResult) -> None:
    said = f"the run was interrupted when 2 of {len(part.states)} states were tried"
    assert f"PARTIAL: {said}" in text.render(part)
    assert "No findings so far." in text.render(part)
    assert headline.headline(part).startswith(f"Partial: {said}. Nothing was found so far")
    page = html.render(part, SPLIT)
    assert f"<strong>Partial:</strong> {said}" in page and "none so far" in page and "safe to land" not in page
    found = msgspec.structs.replace(part, findings=(_finding(part),))
    assert "The run was interrupted, so that is not all." in " ".join(mail.render(found).split())
    assert "Not ready" in headline.headline(found)


def test_junit_has_an_error_for_each_state_that_was_not_tried(part: RunResult) -> None:
    suites = ET.fromstring(junit.render(part, SPLIT))
    errors = {suite.get("name"): suite.get("errors") for suite in suites}
    assert errors == {state.id: "1" if state.outcome is Outcome.NOT_TRIED else "0" for state in part.states}
    assert all(one.get("value") == "yes" for one in suites.iter("property") if one.get("name") == "partial")


def test_a_part_is_read_again_and_compared_with_nothing(part: RunResult, tmp_path: Path) -> None:
    for one, why in ((part, "that was interrupted"), (in_budget(part), "whose budget was used up")):
        rundir.write(tmp_path, one)
        assert rundir.read(tmp_path)[0] == one
        with pytest.raises(InputError, match=why):
            whole(tmp_path)


# --- of a run whose budget is used up -----------------------------------------------------------


def in_budget(run: RunResult, **more: Any) -> RunResult:
    """The same run, for want of time."""
    left_out = tuple(one.id for one in run.states if one.outcome is Outcome.NOT_TRIED)
    timeline = (TimedStage(state="prefix-1", stage=Stage.BUILD, began=1, ended=2),)
    budget = Budget(seconds=1200, left_out=left_out, **more)
    return msgspec.structs.replace(run, budget=budget, timeline=timeline)


def test_each_report_names_what_the_budget_has_left_out(part: RunResult) -> None:
    run = in_budget(part)
    total, names = len(run.states), [one.id for one in run.states[2:]]
    said = f"budget of 20m used up: {total - 2} of {total} states not tried: {', '.join(names[:5])} and"
    printed = text.render(run)
    assert f"PARTIAL: {said}" in printed and "run it again to go on" in printed
    assert said in printed.splitlines()[-2], "beside the verdict, where a log of a CI ends"
    assert headline.headline(run).startswith(f"Partial: {said}")
    page = html.render(run, SPLIT)
    assert f"<strong>Partial:</strong> {said}" in page and "the run was interrupted" not in page
    found = msgspec.structs.replace(run, findings=(_finding(run),))
    assert "The budget of 20m was used up, so that is not all." in " ".join(mail.render(found).split())


def test_junit_skips_what_the_budget_has_left_out(part: RunResult) -> None:
    """It is no error: nothing is wrong with the host, and who gave the budget knows of it."""
    run = in_budget(part)
    suites = ET.fromstring(junit.render(run, SPLIT))
    assert {suite.get("errors") for suite in suites} == {"0"}
    assert run.budget
    for suite in suites:
        if suite.get("name") in run.budget.left_out:
            assert suite.get("failures") == "0" and int(suite.get("skipped") or 0) >= 3
    (values,) = {tuple(one.get("value") for one in suite.iter("property") if one.get("name") == "budget_left_out")
                 for suite in suites if suite.get("name") not in ("verdict", "checkpatch")}  # fmt: skip
    assert values == (" ".join(run.budget.left_out),)


def test_what_a_budget_has_left_of_a_run_is_said_in_its_words(part: RunResult) -> None:
    run = in_budget(part)
    nothing_begun = msgspec.structs.replace(run, timeline=UNSET)
    assert "no state was begun within it: run it again with a longer one" in text.render(nothing_begun)
    shared = in_budget(part, share=600.0)
    assert partial.how_far(shared).startswith("share of 10m in the budget of 20m used up: ")
    base, *others = part.states
    alone = [msgspec.structs.replace(one, outcome=Outcome.NOT_TRIED) for one in others]
    of_base = in_budget(msgspec.structs.replace(part, states=(base, *alone)))
    assert partial.how_far(of_base).endswith("it did for base alone, without which there is no result")
    assert "base alone" not in partial.how_far(run)
    late = in_budget(msgspec.structs.replace(WHOLE, partial=True), unfinished=Step.REVERT_SETS)
    said = "budget of 20m used up after the last state: the search for revert sets was not finished"
    assert partial.how_far(late) == said


@pytest.mark.parametrize("strict", [False, True])
def test_a_run_whose_budget_is_used_up_exits_by_what_it_has_found(part: RunResult, strict: bool) -> None:
    run = in_budget(msgspec.structs.replace(part, strict=strict))
    assert not run.interrupted and session.exit_status(run) == (1 if strict else 0)
    judged = msgspec.structs.replace(run, verdict=Verdict(bisectable=True, revert_safe=True))
    assert session.exit_status(judged) == (1 if strict else 0), "not all that was asked for is judged"
    assert session.exit_status(msgspec.structs.replace(run, findings=(_finding(run),))) == 1
    broken = msgspec.structs.replace(run.states[1], outcome=Outcome.INFRA_ERROR)
    failed = msgspec.structs.replace(run, states=(run.states[0], broken, *run.states[2:]))
    assert session.exit_status(failed) == 3
    interrupted = msgspec.structs.replace(run, budget=Budget(seconds=1200))
    assert interrupted.interrupted and session.exit_status(interrupted) == 130


def test_a_state_that_a_budget_names_is_there(part: RunResult, tmp_path: Path) -> None:
    """A result.json may come from anywhere."""
    assert part.states
    run = msgspec.structs.replace(part, budget=Budget(seconds=1200, left_out=("prefix-99",)))
    rundir.write(tmp_path, run)
    with pytest.raises(InputError, match="it has no state prefix-99"):
        rundir.read(tmp_path)


def _finding(run: RunResult) -> Finding:
    return Finding(
        kind=FindingKind.REGRESSION,
        state=run.states[1].id,
        patch=None,
        partner=None,
        contract=None,
        evidence=of_lines(FindingKind.REGRESSION, "a: fail"),
    )


# --- how it comes about -------------------------------------------------------------------------


def told_to_end() -> None:
    raise KeyboardInterrupt


def work_of(run: RunResult, **more: Any) -> Work:
    """A run after its last state, and what followed from that."""
    variant = Variant(label="", arch=run.arch, toolchain="")
    return Work(variant, run.accel, judgement(run), KnownIssues((), date.min, {}), **more)


def assembled(work: Work, deadline: Deadline = NEVER) -> RunResult:
    options = Options(out=Path("out"), deadline=deadline)
    return assemble(work, options, work.findings, cover_id="", words=("series",), began="", seconds=1.5)


def test_a_signal_while_the_memory_is_asked_leaves_the_findings(
    part: RunResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flakiness, "remembered", lambda *_: told_to_end())
    work = work_of(WHOLE)
    assert session._told(work, SETUP, events.unheard) == WHOLE.findings
    assert assembled(work).interrupted


def used_up() -> None:
    raise UsedUpError("budget of 20m used up")


@pytest.mark.parametrize("ends", [told_to_end, used_up])
def test_the_steps_after_the_last_state_are_carried_out_up_to_a_signal_or_the_deadline(
    part: RunResult, ends: Callable[[], None]
) -> None:
    done: list[str] = []
    heard: list[events.Event] = []

    def does(what: str) -> Callable[[], None]:
        return lambda: done.append(what)

    steps = {Step.PARTNERS: does("partners"), Step.CURES: ends, Step.JOURNEYS: does("journeys")}
    work = work_of(WHOLE)
    session._in_turn(work, does("look"), steps, heard.append)
    assert done == ["look", "partners"] and work.is_partial
    assert work.interrupted is (ends is told_to_end)
    assert [str(one) for one in heard] == ([str(events.Preparing("budget of 20m used up"))] * (ends is used_up))
    budget = assembled(work, Deadline.after(1200)).budget
    assert budget == Budget(seconds=1200, unfinished=Step.CURES if ends is used_up else UNSET)
    steps[Step.CURES] = does("cures")
    work = work_of(WHOLE)
    session._in_turn(work, does("look"), steps, heard.append)
    assert done[2:] == ["look", "partners", "cures", "journeys"]
    assert not work.is_partial and assembled(work, Deadline.after(1200)).budget == Budget(seconds=1200)


def test_an_end_after_the_last_state_leaves_what_is_certain(part: RunResult) -> None:
    """A patch of which nothing ran has no verdict: until that is looked at, no series is in order."""
    fine = msgspec.structs.replace(
        part, verdict=Verdict(bisectable=True, revert_safe=False), findings=(_finding(part),)
    )
    fine = msgspec.structs.replace(fine, states=WHOLE.states)
    early = assembled(work_of(fine, interrupted=True))
    assert early.partial and early.verdict == Verdict(bisectable=None, revert_safe=False)
    assert (early.patches, early.grounds, early.squashes, early.journeys) == ((), None, (), ())
    patch = PatchResult(number=1, verdict=fine.verdict, exercise=Exercise.EXERCISED)
    looked = PerPatch(patches=(patch,), verdict=fine.verdict, grounds=Grounds(checks=3))
    for interrupted in (True, False):
        late = assembled(work_of(fine, per_patch=looked, interrupted=interrupted))
        assert (late.partial, late.verdict, late.patches, late.grounds) == (
            interrupted,
            fine.verdict,
            (patch,),
            Grounds(checks=3),
        )
        assert [one.reproduce for one in late.findings] == ["kseries try prefix-1 series"]


def test_a_result_has_the_findings_of_the_last_step_that_was_come_to(part: RunResult) -> None:
    one = _finding(part)
    with_partner, proved = (msgspec.structs.replace(one, patch=number) for number in (2, 3))
    found = Partners(findings=(with_partner,), searched=part.states[:1])
    after = Proofs(findings=(proved,), squashes=())
    for more, patch in (({}, None), ({"partners": found}, 2), ({"partners": found, "proofs": after}, 3)):
        result = assembled(work_of(msgspec.structs.replace(part, findings=(one,)), **more))
        assert [finding.patch for finding in result.findings] == [patch]
        assert result.searched == (part.states[:1] if more else ())
