# SPDX-License-Identifier: GPL-2.0-only
"""Selftests that give no answer on base in time: no other state is asked them, unless somebody would miss them."""

import asyncio
from pathlib import Path
from typing import cast

import msgspec
import pytest

from kseries import judge
from kseries.evaluate import overdue
from kseries.evaluate.crew import Fixed
from kseries.evaluate.engine import Engine
from kseries.evaluate.memory import Memory
from kseries.model import Job, Probe, events
from kseries.model.probe import Origin
from kseries.sources import TreeStore
from tests.support.judged import plan_of
from tests.support.shown import (
    ASKED,
    FAIL,
    IN_TIME,
    OURS,
    OVERDUE,
    PASS,
    SLOW,
    SOUND,
    Fake,
    Lab,
    Trees,
    asked,
    checks,
    seen,
)  # fmt: skip


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def test_a_test_that_times_out_on_base_is_asked_of_no_other_state(lab: Lab) -> None:
    executor = Fake({"base": OVERDUE})
    result = lab.run(executor)
    assert asked(executor) == {"base": [OURS, SLOW, SOUND], "prefix-1": [OURS, SOUND], "prefix-2": [OURS, SOUND]}
    assert lab.engine.left_out == {SLOW}
    assert checks(result["prefix-1"]) == {f"{SOUND}.exit_status": PASS, f"{OURS}.a": PASS}
    (told,) = lab.told
    assert told.startswith("out of time on base, so that no other state is asked: kvm.slow;")


def test_all_is_known_of_base_before_another_is_begun(lab: Lab) -> None:
    """Else one would be asked what base is still at."""
    executor = Fake({"base": OVERDUE})
    lab.run(executor)
    assert executor.log[:3] == ["build base", "seen base", "build prefix-2"]


def test_who_asks_for_no_selftest_builds_while_base_boots(lab: Lab) -> None:
    executor = Fake({})
    lab.engine = Engine(
        ASKED.asking((Probe.ours(OURS),)),
        Fixed((executor,)),
        cast(TreeStore, Trees("main.c")),
        lab.store,
        lab.heard.append,
    )
    asyncio.run(lab.engine.run(lab.plan, lab.place / "out"))
    assert executor.log[:2] == ["build base", "build prefix-2"]


def test_what_it_told_before_its_time_was_over_is_lost_by_nobody(lab: Lab) -> None:
    """Base passed a part of it; the others have no such check, and have not lost it."""
    result = lab.run(Fake({"base": OVERDUE}))
    assert checks(result["base"]) == {f"{SLOW}.exit_status": FAIL, f"{SOUND}.exit_status": PASS, f"{OURS}.a": PASS}
    _, findings, _ = judge.judge(lab.plan, result, ())
    assert findings == ()


@pytest.mark.parametrize(
    "said", ["exit status 1", "killed by signal 11", "it was not built", "no answer after 1 s, he said"]
)
def test_what_fails_on_base_stays_in(lab: Lab, said: str) -> None:
    """A fix's test fails there, and passes with the fix."""
    executor = Fake({"base": OVERDUE}, said)
    result = lab.run(executor)
    assert asked(executor)["prefix-1"] == [OURS, SLOW, SOUND] and not lab.told
    assert checks(result["base"]) == OVERDUE and checks(result["prefix-2"]) == IN_TIME


def test_what_somebody_would_miss_is_asked_of_every_state(lab: Lab) -> None:
    executor = Fake({"base": OVERDUE})
    result = lab.run(executor, kept=(SLOW, SOUND))
    assert asked(executor)["prefix-2"] == [OURS, SLOW, SOUND]
    assert checks(result["base"]) == OVERDUE and not lab.told
    assert executor.log[:2] == ["build base", "build prefix-2"]  # nothing is waited for


def test_a_run_that_goes_on_leaves_out_the_same(lab: Lab) -> None:
    """Base is known, one state is, one is not."""
    plan = plan_of(("base", "prefix-1"), patches=(1,))
    lab.run(Fake({"base": OVERDUE}), plan=plan)
    again = Fake({"base": IN_TIME})
    result = lab.run(again)
    assert asked(again) == {"prefix-2": [OURS, SOUND]}
    assert checks(result["base"])[f"{SLOW}.exit_status"] is FAIL and lab.engine.left_out == {SLOW}
    known = [event.result.id for event in lab.heard if isinstance(event, events.StateDone) and event.known]
    assert known == ["base", "prefix-1"]
    assert lab.engine.forecast(lab.plan)[0].known and not any(one.to_build for one in lab.engine.forecast(lab.plan))


def test_a_state_that_no_build_can_tell_from_base_is_not_asked_more_than_the_others(lab: Lab) -> None:
    """What base was asked is more, and is stored for nobody else."""
    executor = Fake({"base": OVERDUE})
    result = lab.run(executor, path="Documentation/x.rst")
    assert asked(executor)["prefix-2"] == [OURS, SOUND] and result["prefix-2"].built_as is None
    assert result["prefix-1"].built_as == "prefix-2"  # with each other they are the same
    assert not any(name.startswith(SLOW) for name in checks(result["prefix-1"]))


def test_where_base_answers_in_time_a_state_may_be_what_base_is(lab: Lab) -> None:
    executor = Fake({})
    result = lab.run(executor, path="Documentation/x.rst")
    assert result["prefix-1"].built_as == "base" and checks(result["prefix-1"]) == IN_TIME
    assert [*executor.jobs] == ["base"]


def test_who_is_asked_less_is_known_by_another_name(lab: Lab) -> None:
    executor = Fake({"base": OVERDUE})
    lab.run(executor)
    memory = Memory(ASKED, lab.store)
    job = executor.jobs["prefix-1"]
    whole = msgspec.structs.replace(job, conditions=ASKED.conditions)
    assert memory.find(job) is not None and memory.find(whole) is None


def test_a_test_that_came_through_in_one_of_two_boots_stays(lab: Lab) -> None:
    job = Job(name="base", tree="t", base="t", series=("t",), conditions=ASKED.conditions)
    both = seen(job, OVERDUE)
    assert overdue.on_base(both, (SLOW, SOUND)) == (SLOW,)
    assert overdue.on_base(seen(job, OVERDUE, flaky=(f"{SLOW}.exit_status",)), (SLOW, SOUND)) == ()


def test_only_the_kernels_own_tests_may_be_left_out() -> None:
    probes = (*ASKED.probes, Probe.program("mine"), Probe(name="run", argv=("/bin/sh",), origin=Origin.COMMAND))
    assert overdue.candidates(probes, {SOUND}) == (SLOW,)


def test_nothing_is_recalled_before_it_is_known_what_is_to_be_asked(lab: Lab) -> None:
    """Base is not known any more, and a state is that was asked everything."""
    memory = Memory(ASKED, lab.store)
    job = Job(name="prefix-1", tree="prefix-1", base="base", series=("1", "2"), conditions=ASKED.conditions)
    memory.keep(job, seen(job, IN_TIME), lab.place)
    executor = Fake({"base": OVERDUE})
    result = lab.run(executor)
    assert executor.log[:2] == ["build base", "seen base"] and asked(executor)["prefix-1"] == [OURS, SOUND]
    assert not any(name.startswith(SLOW) for name in checks(result["prefix-1"]))
    of_all = Fake({"base": OVERDUE})
    assert lab.run(of_all, kept=(SLOW, SOUND))["prefix-1"].checks and "prefix-1" not in of_all.jobs
