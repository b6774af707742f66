# SPDX-License-Identifier: GPL-2.0-only
"""When states were built and booted, as a run hears it."""

import pytest
from msgspec import UNSET

from kseries.app import timeline
from kseries.app.timeline import Timeline
from kseries.model import Finding, FindingKind, Outcome, Stage, StateResult, TimedStage, events


def _done(state: str, known: bool = False) -> events.StateDone:
    result = StateResult(
        id=state, scenario="prefixes", applied=(), patch=None, tree="t", same_as=None, outcome=Outcome.OK
    )
    return events.StateDone(result, known)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Timeline:
    """One that began at 100, and hears a second later each time."""
    clock = iter(range(101, 200))
    monkeypatch.setattr("time.monotonic", lambda: float(next(clock)))
    return Timeline(100.0)


def _tell(timeline: Timeline, *told: events.Event) -> tuple[TimedStage, ...]:
    for event in told:
        timeline(event)
    return timeline.stages() or ()


def _stage(state: str, stage: str, began: float, ended: float, where: str = "", series: str = "") -> TimedStage:
    return TimedStage(state=state, stage=Stage(stage), began=began, ended=ended, where=where, series=series)


def test_the_first_finding_is_noted_when_it_is_told_and_no_later_one(heard: Timeline) -> None:
    finding = Finding(
        kind=FindingKind.REGRESSION, state="prefix-1", patch=None, partner=None, contract=None, evidence=()
    )
    _tell(heard, events.StageStarted("base", "build"))
    noted = [heard.first_finding]
    for _ in range(2):
        _tell(heard, events.Found(finding))
        noted.append(heard.first_finding)
    heard.found()
    assert [*noted, heard.first_finding] == [UNSET, 3.0, 3.0, 3.0]


def test_a_build_ends_where_another_may_begin_and_a_boot_with_the_state(heard: Timeline) -> None:
    told = (
        events.RunStarted("series", 2, 2),
        events.StageStarted("base", "build", where="alpha"),
        events.Compiled("base", "a.o", where="alpha"),
        events.Built("base", well=True),
        events.StageStarted("base", "boot", where="alpha"),
        _done("base"),
    )
    assert _tell(heard, *told) == (
        _stage("base", "build", 1.0, 2.0, "alpha"),
        _stage("base", "boot", 3.0, 4.0, "alpha"),
    )


def test_who_does_not_tell_of_the_end_of_a_build_has_it_end_with_the_boot_that_follows(heard: Timeline) -> None:
    told = (events.StageStarted("base", "build"), events.StageStarted("base", "boot"), _done("base"))
    assert _tell(heard, *told) == (_stage("base", "build", 1.0, 2.0), _stage("base", "boot", 3.0, 4.0))


def test_who_tells_late_that_a_build_has_ended_ends_no_boot(heard: Timeline) -> None:
    told = (events.StageStarted("base", "build"), events.StageStarted("base", "boot"), events.Built("base", well=True))
    assert _tell(heard, *told, _done("base"))[1:] == (_stage("base", "boot", 3.0, 4.0),)


def test_states_that_overlap_stand_in_the_order_in_which_they_began(heard: Timeline) -> None:
    told = (
        events.StageStarted("prefix-1", "build", where="alpha"),
        events.StageStarted("prefix-2", "build", where="beta"),
        _done("prefix-2"),
        _done("prefix-1"),
    )
    assert [(one.state, one.began, one.ended) for one in _tell(heard, *told)] == [
        ("prefix-1", 1.0, 4.0),
        ("prefix-2", 2.0, 3.0),
    ]


def test_a_host_that_was_lost_was_at_a_state_until_another_has_it(heard: Timeline) -> None:
    told = (
        events.StageStarted("prefix-1", "build", where="alpha"),
        events.StageStarted("prefix-1", "build", where="beta"),
        _done("prefix-1"),
    )
    assert [(one.where, one.began, one.ended) for one in _tell(heard, *told)] == [
        ("alpha", 1.0, 2.0),
        ("beta", 3.0, 4.0),
    ]


def test_a_changed_series_has_states_of_the_same_names(heard: Timeline) -> None:
    told = (
        events.RunStarted("series", 2, 2),
        events.StageStarted("prefix-1", "build"),
        _done("prefix-1"),
        events.RunStarted("squash-1+2", 2, 1),
        events.StageStarted("prefix-1", "build"),
        _done("prefix-1"),
        events.RunStarted("series", 2, 0),
        events.StageStarted("only-1", "build"),
        _done("only-1"),
    )
    assert [(one.series, one.state) for one in _tell(heard, *told)] == [
        ("", "prefix-1"),
        ("squash-1+2", "prefix-1"),
        ("", "only-1"),
    ]


def test_what_goes_on_when_a_run_is_interrupted_ends_then(heard: Timeline) -> None:
    assert _tell(heard, events.StageStarted("base", "build")) == (_stage("base", "build", 1.0, 2.0),)


def test_a_run_that_knows_all_from_before_has_none(heard: Timeline) -> None:
    heard(events.RunStarted("series", 1, 0))
    heard(_done("base", known=True))
    assert heard.stages() is UNSET


def test_no_more_is_kept_than_is_read_in_a_moment(heard: Timeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "_MOST", 3)
    states = [f"prefix-{number}" for number in range(5)]
    told = [one for state in states for one in (events.StageStarted(state, "build"), _done(state))]
    told += [events.StageStarted("base", "build")]
    assert [one.state for one in _tell(heard, *told)] == states[:3]
