# SPDX-License-Identifier: GPL-2.0-only
"""Findings told as soon as they are certain, while the states of a run still come."""

from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec.structs import replace

from kseries import judge
from kseries.app.knownissues import KnownIssues
from kseries.model import Contract, KnownIssue, Plan, StateResult, events


class Early:
    """A listener to the states of the first plan of a run, which tells of what is found in them and is no known issue.

    Where all of them are known from before it tells nothing: the whole judgement is there at once.
    """

    def __init__(
        self, plan: Plan, contracts: tuple[Contract, ...], issues: Sequence[KnownIssue], tell: events.Listener
    ) -> None:
        self._plan = plan
        self._contracts = contracts
        self._tell = tell
        self._seen: dict[str, StateResult] = {}
        """By their ids, the states that have come."""
        self._known = KnownIssues(issues, datetime.now(UTC).date(), self._seen)
        self._asked: set[str] = set()
        self._listens = False
        self._plans = 0

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.RunStarted(todo=todo):
                self._plans += 1
                self._listens = todo > 0 and self._plans == 1  # those that follow are of cures, and of searches
            case events.StateDone(result) if self._listens:
                self._come(result)

    def _come(self, result: StateResult) -> None:
        alike = (one for one in self._plan.states if result.id in (one.id, one.same_as))
        for one in alike:
            self._seen[one.id] = replace(
                result, id=one.id, scenario=one.scenario, applied=one.applied, patch=one.patch, same_as=one.same_as
            )
        if {"base", self._plan.tip} <= self._seen.keys():
            new = self._seen.keys() - self._asked
            self._asked |= new
            for name in [one for one in self._seen if one in new]:
                self._find(name)

    def _find(self, name: str) -> None:
        for finding in self._known.mark(judge.certain(self._plan, name, self._seen, self._contracts)):
            if finding.counts:
                self._tell(events.Found(finding))
