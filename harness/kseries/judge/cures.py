# SPDX-License-Identifier: GPL-2.0-only
"""What to do about a run's findings: the smallest set of squashes, and the orders that close its holes. Pure."""

import itertools
import math
from collections.abc import Iterator, Mapping

import msgspec

from kseries.judge.couplings import Hole, holes
from kseries.model import Advice, Finding, FindingKind, Plan, StateResult

_CHOICES = 4096
"""Ways to choose partners that are all looked at; of more, the nearest partner is taken for each patch."""

Break = tuple[int, tuple[int, ...]]
"""A patch whose revert breaks a promise silently, and those with each of which it could be made one, the best first."""


def advised(states: Mapping[str, StateResult], findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings, each with the squash that it calls for; a hole has its order from ``orders``."""
    breaks = {
        at: (finding.patch, partners)
        for at, finding in enumerate(findings)
        if finding.kind is FindingKind.SILENT_BREAK
        and finding.patch is not None
        and (partners := _partners(finding, states))
    }
    groups = squashes(tuple(dict.fromkeys(breaks.values())))
    return tuple(
        msgspec.structs.replace(
            finding, advice=Advice(squash=next(group for group in groups if breaks[at][0] in group))
        )
        if at in breaks
        else finding
        for at, finding in enumerate(findings)
    )


def _partners(finding: Finding, states: Mapping[str, StateResult]) -> tuple[int, ...]:
    """The patches that take the promise back when they are reverted, and so do it for this one too if they are one.

    The nearest come first: a squash of neighbours moves no other patch. Of two as near, the one that makes the promise.
    """
    assert finding.patch is not None
    patch = finding.patch
    found = {finding.partner} if finding.partner is not None else set()
    for state in states.values():
        verdict = next((one for one in state.contracts if one.id == finding.contract), None)
        withdrawn = verdict is not None and verdict.advertised is False and verdict.holds is not False
        if finding.partner is not None and state.scenario == "reverts" and withdrawn and state.patch is not None:
            found.add(state.patch)
    near = sorted(found - {patch}, key=lambda other: (abs(other - patch), other != finding.partner))
    return tuple(near)


def squashes(breaks: tuple[Break, ...]) -> tuple[tuple[int, ...], ...]:
    """The fewest patches made one, so that each of these breaks has one of its partners beside it; of as few, those
    that lie nearest to each other.
    """
    ways = math.prod(len(partners) for _, partners in breaks)
    choices = itertools.product(*(partners if ways <= _CHOICES else partners[:1] for _, partners in breaks))
    pairs = ([(patch, other) for (patch, _), other in zip(breaks, chosen, strict=True)] for chosen in choices)
    return min((_joined(of) for of in pairs), key=_cost, default=())


def _cost(groups: tuple[tuple[int, ...], ...]) -> tuple[int, int]:
    """How many patches go into others, and how far they are from each other."""
    return sum(len(group) - 1 for group in groups), sum(group[-1] - group[0] for group in groups)


def _joined(pairs: list[tuple[int, int]]) -> tuple[tuple[int, ...], ...]:
    """The patches in groups, so that each pair is in one."""
    groups: list[set[int]] = []
    for pair in pairs:
        touching = [group for group in groups if not group.isdisjoint(pair)]
        groups = [*(group for group in groups if group not in touching), set(pair).union(*touching)]
    return tuple(tuple(sorted(group)) for group in groups)


def orders(plan: Plan, findings: tuple[Finding, ...]) -> Iterator[tuple[int, tuple[tuple[int, ...], ...]]]:
    """For each finding of a hole that a later patch closes, by its place: the orders to try, the best first."""
    known = holes(plan, findings)
    for at, finding in enumerate(findings):
        if finding.kind is not FindingKind.BISECT_HOLE or finding.patch is None:
            continue
        hole = _of(finding, finding.patch, known)
        if hole is not None:
            yield at, tuple(dict.fromkeys(hole.order(len(plan.patches))))


def _of(finding: Finding, patch: int, known: tuple[Hole, ...]) -> Hole | None:
    """The hole that a finding tells of: its own contract's, or where a kernel did not come so far."""
    fitting = [hole for hole in known if hole.first <= patch < hole.mended_by]
    return next((hole for hole in fitting if hole.contract == finding.contract), None)
