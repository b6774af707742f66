# SPDX-License-Identifier: GPL-2.0-only
"""What a plan came to: the record that goes from the rules to all that follows from them."""

from kseries.model import Finding, Plan, Record, StateResult, Verdict


class Judgement(Record, frozen=True):
    """The states of a plan with their verdicts on contracts, the findings, and the verdict, as ``judge`` has them."""

    plan: Plan
    states: tuple[StateResult, ...]
    findings: tuple[Finding, ...]
    verdict: Verdict

    @property
    def by_id(self) -> dict[str, StateResult]:
        return {state.id: state for state in self.states}
