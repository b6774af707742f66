# SPDX-License-Identifier: GPL-2.0-only
"""Programs that bring base's machine down: a failed check wherever they do the same, and no death of a patch."""

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from kseries import judge
from kseries.evaluate import downed
from kseries.guest import ending, klog
from kseries.guest.ending import Judged
from kseries.model import Check, Complaint, Ending, FindingKind, Gravity, Job, Observation, Outcome, Probe, Status
from kseries.model.errors import InputError
from kseries.model.probe import Origin
from tests.support.shown import FAIL, IN_TIME, OURS, SLOW, SOUND, Fake, Lab, checks

PANIC = "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000009"
PROBES = (Probe.ours(OURS), Probe.program(SLOW, Origin.SELFTEST), Probe.program(SOUND, Origin.COMMAND))
DOWN = IN_TIME | {f"{SLOW}.exit_status": FAIL}


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


class Dying(Fake):
    """An executor whose machines of some states end in probes."""

    def __init__(self, ends: Mapping[str, tuple[str, ...]], shows: Mapping[str, Mapping[str, Status]]) -> None:
        super().__init__(shows, f"the machine ended in it: {PANIC}")
        self._ends = ends

    def seen(self, job: Job, shown: Observation) -> Observation:
        if job.name not in self._ends:
            return shown
        return died(shown, *self._ends[job.name])


def died(shown: Observation, *probes: str) -> Observation:
    return msgspec.structs.replace(
        shown, outcome=Outcome.CRASHED, ending=Ending.PANIC, detail=PANIC, log_tail=PANIC, ended_in=probes
    )


def test_what_brings_base_down_is_a_failed_check_of_each_state_that_it_brings_down(lab: Lab) -> None:
    states = ("base", "prefix-1", "prefix-2")
    result = lab.run(Dying(dict.fromkeys(states, (SLOW,)), dict.fromkeys(states, DOWN)))
    for state in states:
        assert (result[state].outcome, result[state].ending) == (Outcome.OK, Ending.DONE)
        assert checks(result[state]) == DOWN
    _, findings, _ = judge.judge(lab.plan, result, ())
    assert findings == ()
    (told,) = lab.told
    assert told.endswith("the machine, by kvm.slow") and lab.engine.left_out == frozenset()


def test_a_patch_that_mends_what_brings_base_down_is_seen_to(lab: Lab) -> None:
    result = lab.run(Dying({"base": (SLOW,)}, {"base": DOWN}))
    assert checks(result["base"])[f"{SLOW}.exit_status"] is FAIL and checks(result["prefix-1"]) == IN_TIME
    _, findings, _ = judge.judge(lab.plan, result, ())
    assert findings == ()


def test_a_state_that_dies_of_something_else_dies_of_a_patch(lab: Lab) -> None:
    ends = {"base": (SLOW,), "prefix-1": (SLOW, SOUND), "prefix-2": ()}
    result = lab.run(Dying(ends, {"base": DOWN, "prefix-1": DOWN | {f"{SOUND}.exit_status": FAIL}, "prefix-2": DOWN}))
    assert result["prefix-1"].outcome is result["prefix-2"].outcome is Outcome.CRASHED
    _, findings, _ = judge.judge(lab.plan, result, ())
    assert {(one.kind, one.state) for one in findings} >= {(FindingKind.BISECT_HOLE, "prefix-1")}


def test_a_state_that_dies_where_base_does_not_dies_of_a_patch(lab: Lab) -> None:
    result = lab.run(Dying({"prefix-1": (SLOW,)}, {"prefix-1": DOWN}))
    assert result["prefix-1"].outcome is Outcome.CRASHED and not lab.told


@pytest.mark.parametrize("ends", [(), (OURS,), (SLOW, OURS)])
def test_a_base_that_dies_in_no_program_or_in_our_own_is_none(lab: Lab, ends: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="base does not come through the probes, so no patch can be judged: crashed"):
        lab.run(Dying({"base": ends}, {"base": DOWN}))


def test_a_state_that_hangs_where_base_dies_hangs_of_a_patch() -> None:
    base = died(_observed(), SLOW)
    hung = msgspec.structs.replace(base, outcome=Outcome.TIMED_OUT, ending=Ending.HANG)
    reset = msgspec.structs.replace(base, ending=Ending.RESET)
    assert [downed.shown(one, base, {SLOW}).outcome for one in (base, hung, reset)] == [
        Outcome.OK, Outcome.TIMED_OUT, Outcome.CRASHED,
    ]  # fmt: skip


def test_what_a_program_answered_before_it_brought_the_machine_down_counts(lab: Lab) -> None:
    """Base and the tip pass a part of it, and one revert no longer does, whether or not it dies as base does."""
    lost = DOWN | {f"{SLOW}.part": FAIL}
    states = ("base", "prefix-1", "prefix-2")
    for ends in (dict.fromkeys(states, (SLOW,)), dict.fromkeys(states[:2], (SLOW,))):
        result = lab.run(Dying(ends, {"base": DOWN, "prefix-1": lost, "prefix-2": DOWN}))
        assert checks(result["prefix-1"])[f"{SLOW}.part"] is FAIL
        _, findings, _ = judge.judge(lab.plan, result, ())
        assert {(one.kind, one.state) for one in findings} == {(FindingKind.BISECT_HOLE, "prefix-1")}
        lab.forget()


def test_a_run_that_goes_on_knows_what_brings_base_down(lab: Lab) -> None:
    ends, shows = dict.fromkeys(("base", "prefix-1", "prefix-2"), (SLOW,)), {"base": DOWN, "prefix-1": DOWN}
    first = lab.run(Dying(ends, shows))
    again = Dying({}, {})
    assert lab.run(again) == first and not again.jobs


def test_what_a_kernel_complained_of_in_another_program_is_how_it_ended() -> None:
    of_panic = Complaint(gravity=Gravity.OOPS, kind="panic", said=PANIC, check=f"{SLOW}.exit_status")
    warning = Complaint(gravity=Gravity.REPORT, kind="WARNING", said="WARNING", check=f"{SOUND}.exit_status")
    oops = msgspec.structs.replace(warning, gravity=Gravity.OOPS, check=None)
    for complaints, ended in (
        ((of_panic,), Ending.DONE),
        ((of_panic, warning), Ending.WARNING),
        ((warning, oops), Ending.OOPS),
    ):
        one = msgspec.structs.replace(died(_observed(), SLOW), complaints=complaints)
        shown = downed.shown(one, one, {SLOW})
        assert (shown.ending, shown.outcome, shown.complaints) == (ended, Outcome.OK, complaints)
        assert downed.shown(one, one, {SOUND}) is one


def _observed() -> Observation:
    return Observation(tree="t", outcome=Outcome.OK, checks=(Check(id=f"{SLOW}.exit_status", status=Status.FAIL),))


def test_nothing_is_brought_down_of_a_base_that_came_through() -> None:
    assert downed.on_base(died(_observed(), SLOW), PROBES) == {SLOW}
    assert downed.on_base(msgspec.structs.replace(_observed(), ended_in=(SLOW,)), PROBES) == frozenset()


@pytest.mark.parametrize(
    ("running", "judged", "found"),
    [
        (SLOW, Judged(Ending.PANIC, Outcome.CRASHED), (SLOW,)),
        (SLOW, Judged(Ending.HANG, Outcome.TIMED_OUT), (SLOW,)),
        (SOUND, Judged(Ending.PANIC, Outcome.CRASHED), ()),
        (None, Judged(Ending.PANIC, Outcome.CRASHED), ()),
        (SLOW, Judged(Ending.DEADLINE, Outcome.TIMED_OUT), ()),
        (SLOW, Judged(Ending.OOPS, Outcome.OK), ()),
    ],
)
def test_a_mark_is_believed_of_the_probe_that_ran(running: str | None, judged: Judged, found: tuple[str, ...]) -> None:
    """Another could write it, and so die as base does."""
    log = klog.read(f"kseries: enter {SLOW}.exit_status\n")
    assert log.under_way == f"{SLOW}.exit_status"
    assert ending.ended_in(judged, log, running) == found
