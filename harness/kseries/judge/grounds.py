# SPDX-License-Identifier: GPL-2.0-only
"""What a verdict rests on, counted: without it, a kernel of which nobody has asked anything looks like a sound one."""

from collections.abc import Iterable

from kseries.judge.losses import GOOD, only_tells
from kseries.model import Exercise, Grounds, PatchResult, StateResult


def of_run(tip: StateResult, patches: tuple[PatchResult, ...]) -> Grounds:
    """What the verdict of a run rests on: what was asked of its tip, and what ran there of the patches of which that
    is known.
    """
    seen = [one for one in patches if one.exercise is not Exercise.UNKNOWN]
    return Grounds(
        contracts=_contracts(tip),
        checks=_checks([tip]),
        lines=sum(one.lines for one in seen),
        lines_ran=sum(one.lines_ran for one in seen),
        other_arch=sum(one.exercise is Exercise.OTHER_ARCH for one in patches),
    )


def of_patch(states: Iterable[StateResult], tip: StateResult, patch: PatchResult) -> Grounds:
    """What the verdict of a patch rests on: what passed in the states that were made to ask about it."""
    own = [one for one in states if one.patch == patch.number]
    return Grounds(contracts=_contracts(tip), checks=_checks(own), lines=patch.lines, lines_ran=patch.lines_ran)


def _contracts(tip: StateResult) -> int:
    """Those that the tip advertises and keeps: what no kernel promises, nobody has asked for."""
    return sum(bool(one.advertised and one.holds) for one in tip.contracts)


def _checks(states: Iterable[StateResult]) -> int:
    """Checks that passed in any of some states, each counted once."""
    passed = {check.id for one in states for check in one.checks if check.status in GOOD and check.id not in one.flaky}
    return sum(not only_tells(name) for name in passed)
