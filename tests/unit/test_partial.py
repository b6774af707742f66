# SPDX-License-Identifier: GPL-2.0-only
"""A run that was interrupted: whatever it did not come to, what it tells is what the whole run would tell, or null."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kseries.app import rundir, session
from kseries.app.assembly import Proofs, Work, assemble
from kseries.app.options import Options
from kseries.bisect.partners import Partners
from kseries.cli.compare import whole
from kseries.evaluate import stateresult
from kseries.judge import judge
from kseries.judge.couplings import couplings
from kseries.judge.exercise import PerPatch
from kseries.model import (
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
    State,
    StateResult,
    Variant,
    Verdict,
)
from kseries.model.errors import InputError
from kseries.report import headline, html, junit, mail, text
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
    rundir.write(tmp_path, part)
    assert rundir.read(tmp_path)[0] == part
    with pytest.raises(InputError, match="interrupted"):
        whole(tmp_path)


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
    return Work(Variant(label="", arch=run.arch, toolchain=""), run.accel, judgement(run), **more)


def assembled(work: Work) -> RunResult:
    return assemble(work, Options(out=Path("out")), cover_id="", words=("series",), began="", seconds=1.5)


def test_the_steps_after_the_last_state_are_carried_out_up_to_a_signal() -> None:
    done: list[int] = []
    steps = [lambda: done.append(1), told_to_end, lambda: done.append(2)]
    assert not session._in_turn(*steps) and done == [1]
    assert session._in_turn(*steps[::2]) and done == [1, 1, 2]


def test_an_end_after_the_last_state_leaves_what_is_certain(part: RunResult) -> None:
    """A patch of which nothing ran has no verdict: until that is looked at, no series is in order."""
    fine = msgspec.structs.replace(
        part, verdict=Verdict(bisectable=True, revert_safe=False), findings=(_finding(part),)
    )
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
