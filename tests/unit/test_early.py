# SPDX-License-Identifier: GPL-2.0-only
"""Findings that are told while the states of a run still come."""

from collections.abc import Iterable, Mapping

import msgspec
import pytest

from kseries.app.early import Early
from kseries.model import Finding, FindingKind, KnownIssue, Plan, StateResult, events
from tests.support.judged import FEATURE, OFF, SILENT, SOUND, Seen, plan_of, result_of

STATES = ("base", "prefix-1", "prefix-2", "prefix-3", "without-1", "without-2", "without-3", "only-2")
PLAN = plan_of(STATES)
BROKEN = {**SOUND, "without-1": SILENT, "only-2": OFF}
ISSUE = KnownIssue(check="feature.works", link="https://bugs.example/1")


def results(shown: Mapping[str, Seen] = BROKEN, plan: Plan = PLAN) -> dict[str, StateResult]:
    return {state.id: result_of(state, shown[state.id]) for state in plan.states if state.same_as is None}


class Heard:
    """What is told of a plan that is carried out, and after which of its states."""

    def __init__(self, plan: Plan = PLAN, issues: tuple[KnownIssue, ...] = ()) -> None:
        self.told: list[tuple[str, Finding]] = []
        self._last = ""
        self._early = Early(plan, (FEATURE,), issues, self._hear)

    def _hear(self, event: events.Event) -> None:
        assert isinstance(event, events.Found)
        self.told.append((self._last, event.finding))

    def run(self, seen: Iterable[StateResult], todo: int = 5, known: bool = False) -> list[tuple[str, str]]:
        """After which state what is found in which."""
        self._early(events.RunStarted("series", len(STATES), todo))
        for one in seen:
            self._last = one.id
            self._early(events.StateDone(one, known))
        return [(last, finding.state) for last, finding in self.told]


def in_order(*names: str, plan: Plan = PLAN) -> list[StateResult]:
    every = results(plan=plan)
    return [every[name] for name in names]


def test_a_silent_break_is_told_with_its_state() -> None:
    heard = Heard()
    order = ("base", "prefix-3", "prefix-1", "without-1", "without-2", "prefix-2")
    assert heard.run(in_order(*order)) == [("without-1", "without-1")]
    ((_, finding),) = heard.told
    assert (finding.kind, finding.patch, finding.contract) == (FindingKind.SILENT_BREAK, 1, "feature")


@pytest.mark.parametrize("late", ["base", "prefix-3"])
def test_nothing_is_told_before_base_and_the_tip_are_there_and_then_all_of_it(late: str) -> None:
    first = [name for name in STATES if name != late]
    assert Heard().run(in_order(*first, late)) == [(late, "without-1")]
    assert Heard().run(in_order(*first)) == []


def test_whatever_the_order_the_same_is_told_once() -> None:
    forth, back = Heard(), Heard()
    forth.run(in_order(*STATES))
    back.run(in_order(*reversed(STATES)))
    assert [finding for _, finding in forth.told] == [finding for _, finding in back.told]


def test_what_is_found_in_a_state_is_found_in_those_that_it_stands_for() -> None:
    plan = plan_of(STATES, same={"without-3": "prefix-2"})
    broken = results({**BROKEN, "prefix-2": SILENT}, plan)
    told = Heard(plan).run(broken[name] for name in ("base", "prefix-3", "prefix-2"))
    assert told == [("prefix-2", "prefix-2"), ("prefix-2", "without-3")]


def test_of_a_run_of_which_all_is_known_nothing_is_told_early() -> None:
    assert Heard().run(in_order(*STATES), todo=0, known=True) == []
    assert Heard().run(in_order(*STATES), todo=1, known=True) != []


def test_what_another_series_shows_that_is_made_of_it_is_none_of_its_own() -> None:
    heard = Heard()
    heard.run(in_order("base", "prefix-3"))
    assert heard.run(in_order("base", "prefix-3", "without-1")) == []


def test_a_known_issue_is_not_told() -> None:
    assert Heard(issues=(ISSUE,)).run(in_order(*STATES)) == []
    other = msgspec.structs.replace(ISSUE, check="other.works")
    assert Heard(issues=(other,)).run(in_order(*STATES)) == [("without-1", "without-1")]
