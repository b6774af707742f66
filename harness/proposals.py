# SPDX-License-Identifier: GPL-2.0-only
"""What a run advises, made with git: the series with patches squashed, or in another order."""

import msgspec

from harness import scenarios
from harness.judge import cures
from harness.model import Advice, Plan, RunResult
from harness.trees import TreeStore


def with_orders(result: RunResult, planned: Plan, trees: TreeStore) -> RunResult:
    """The result with an order for each hole that one closes: the first that git can make."""
    findings = list(result.findings)
    for at, orders in cures.orders(planned, result.findings):
        possible = (order for order in orders if scenarios.reorder(planned.patches, order, trees) is not None)
        order = next(possible, None)
        if order is not None:
            findings[at] = msgspec.structs.replace(findings[at], advice=Advice(order=order))
    return msgspec.structs.replace(result, findings=tuple(findings))


def plan_of(advice: Advice, planned: Plan, names: tuple[str, ...], trees: TreeStore) -> Plan | None:
    """The plan of the changed series; None where git cannot make it."""
    if advice.squash:
        patches = scenarios.squash(planned.patches, advice.squash, trees)
    else:
        patches = scenarios.reorder(planned.patches, advice.order, trees)
    if patches is None:
        return None
    return scenarios.plan_of(advice.series, planned.version, patches, planned.base, names, trees)
