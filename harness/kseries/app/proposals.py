# SPDX-License-Identifier: GPL-2.0-only
"""What a run advises, made with git: the series with patches squashed, or in another order."""

import msgspec

from kseries.judge import cures, partners
from kseries.model import Advice, Finding, Plan
from kseries.plan import scenarios
from kseries.sources import TreeStore

Findings = tuple[Finding, ...]


def with_orders(given: Findings, planned: Plan, trees: TreeStore) -> Findings:
    """The findings, with an order for each hole that one closes: the first that git can make."""
    findings = list(given)
    for at, orders in cures.orders(planned, given):
        possible = (order for order in orders if scenarios.reorder(planned.patches, order, trees) is not None)
        order = next(possible, None)
        if order is not None:
            findings[at] = msgspec.structs.replace(findings[at], advice=Advice(order=order))
    return tuple(findings)


def with_neighbours(findings: Findings) -> Findings:
    """The findings, with a squash for each silent break of what always worked whose two patches are neighbours.

    Of others the changelog is to tell (an undocumented dependency): to move patches for it would be too much.
    """
    return tuple(
        msgspec.structs.replace(finding, advice=Advice(squash=(finding.patch, finding.partner)))
        if of_neighbours(finding) and finding.patch is not None and finding.partner is not None
        else finding
        for finding in findings
    )


def only_proved(finding: Finding) -> Finding:
    """A finding without a squash of neighbours that was not seen to cure it."""
    proved = finding.advice is None or finding.advice.verified is True
    return finding if proved or not of_neighbours(finding) else msgspec.structs.replace(finding, advice=None)


def of_neighbours(finding: Finding) -> bool:
    """True of a silent break without a contract where one patch follows the other."""
    return partners.sought(finding) and finding.patch is not None and finding.partner == finding.patch + 1


def plan_of(advice: Advice, planned: Plan, names: tuple[str, ...], trees: TreeStore) -> Plan | None:
    """The plan of the changed series; None where git cannot make it."""
    if advice.squash:
        patches = scenarios.squash(planned.patches, advice.squash, trees)
    else:
        patches = scenarios.reorder(planned.patches, advice.order, trees)
    if patches is None:
        return None
    return scenarios.plan_of(advice.series, planned.version, patches, planned.base, names, trees)
