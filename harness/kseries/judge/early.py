# SPDX-License-Identifier: GPL-2.0-only
"""What is certain of a state before all are there: what base, the tip and that state alone decide. Pure.

The rules are those of the whole run (judging.py), asked about these three. What a rule tells by other states, too, is
left to the end: a complaint or a warning by the prefixes before it, two reverts by each of them, who the partner is.
"""

from collections.abc import Mapping

import msgspec

from kseries.judge.judging import judge
from kseries.model import Contract, Finding, FindingKind, Plan, StateResult

BY_THREE = (
    FindingKind.BROKEN_CONTRACT,
    FindingKind.REGRESSION,
    FindingKind.BISECT_HOLE,
    FindingKind.SILENT_BREAK,
)
"""What is told of a prefix, or of a single revert, by no other state than these three."""
_SCENARIOS = ("prefixes", "reverts")


def certain(
    plan: Plan, state: str, seen: Mapping[str, StateResult], contracts: tuple[Contract, ...]
) -> tuple[Finding, ...]:
    """What is wrong with a state that was seen, as base and the tip were; no other state takes any of it back."""
    three = tuple(one for one in plan.states if one.id in ("base", plan.tip, state))
    if not any(one.id == state and one.scenario in _SCENARIOS for one in three):
        return ()
    _, findings, _ = judge(msgspec.structs.replace(plan, states=three), seen, contracts)
    told = (one for one in findings if one.state == state and one.kind in BY_THREE)
    return tuple(msgspec.structs.replace(one, partner=None, advice=None) for one in told)
