# SPDX-License-Identifier: GPL-2.0-only
"""Whether a set of patches may go, or come: what one state says to it. Pure functions (docs/patch-sets.md)."""

from collections.abc import Mapping

import msgspec

from kseries import judge
from kseries.bisect import answer
from kseries.bisect.answer import Answer, Question
from kseries.judge import evidence, losses
from kseries.judge.losses import GOOD
from kseries.model import (
    Base,
    Contract,
    Evidence,
    EvidenceKind,
    Finding,
    FindingKind,
    Outcome,
    Plan,
    Record,
    SetAnswer,
    State,
    StateResult,
    Status,
)
from kseries.model.errors import InfraError
from kseries.plan.scenarios import Patches


class Asked(Record, frozen=True):
    """What a set's state is held against. ``base`` is what lies under it, ``tip`` the whole series."""

    base: StateResult
    tip: StateResult
    contracts: tuple[Contract, ...]
    patches: Patches


class Brought(Record, frozen=True):
    """What some patches bring: capabilities that are shown, and checks that pass, from one of them on.

    ``by`` tells for each which patch that is. ``unclear`` names those of which nobody can tell.
    """

    capabilities: dict[str, int] = msgspec.field(default_factory=dict)
    checks: dict[str, int] = msgspec.field(default_factory=dict)
    unclear: tuple[int, ...] = ()


class Judged(Record, frozen=True):
    """What came of a set in one variant; ``capabilities`` are those of the promises that it does not keep."""

    answer: SetAnswer
    why: tuple[Evidence, ...] = ()
    capabilities: tuple[str, ...] = ()


def of(asked: Asked, state: StateResult, brought: Brought | None = None) -> Judged:
    """What a set's state says; of picked patches, ``brought`` is what they have to bring here, too."""
    outcome = (evidence.of_outcome(state),)
    if state.outcome is Outcome.CONFLICT:
        return Judged(answer=SetAnswer.CONFLICT, why=outcome)
    if state.outcome.loud:
        return Judged(answer=SetAnswer.LOUD, why=outcome)
    if state.outcome.unknown:
        return Judged(answer=SetAnswer.UNKNOWN, why=outcome)
    broken = _silent_breaks(asked, state, picked=brought is not None)
    if broken.why:
        return broken
    try:
        tried = answer.answer(Question(), asked.base, state, asked.contracts, asked.tip)
    except InfraError:
        return Judged(answer=SetAnswer.UNKNOWN, why=outcome)
    unkept = tuple(one.capability for one in tried.result.contracts if one.holds is False)
    if tried.answer is Answer.BAD:
        return Judged(answer=SetAnswer.BROKEN, why=tried.why, capabilities=unkept)
    missing = _missing(state, brought) if brought is not None else ()
    if missing:
        return Judged(answer=SetAnswer.BROKEN, why=missing)
    unsure = (*tried.why, *_unknown(asked, tried.result, brought))
    return Judged(answer=SetAnswer.UNKNOWN if unsure else SetAnswer.SAFE, why=unsure)


def _silent_breaks(asked: Asked, state: StateResult, *, picked: bool) -> Judged:
    """What judge/judging.py has of a revert: the promises, and all that base and the tip have, that it breaks.

    Of picked patches, what the kernel under them breaks in the same way is not theirs.
    """
    base = State(id="base", scenario="base", applied=(), tree=asked.base.tree)
    gone = State(id="without", scenario="reverts", applied=state.applied, tree=state.tree)
    tip = State(id=f"prefix-{len(asked.patches)}", scenario="prefixes", applied=(), tree=asked.tip.tree)
    under = Base(name="", version="", tree=asked.base.tree or "")
    plan = Plan(series="", version=1, patches=asked.patches, base=under, states=(base, gone, tip))
    seen = {base.id: asked.base, gone.id: state, tip.id: asked.tip}
    as_planned = {one.id: _as(seen[one.id], one) for one in plan.states}
    states, findings, _ = judge.judge(plan, as_planned, asked.contracts)
    broken = [one for one in findings if one.kind is FindingKind.SILENT_BREAK and one.state == gone.id]
    if picked:
        broken = [one for one in broken if not _inherited(one, {state.id: state for state in states})]
    when = {one.id: one.when for one in asked.contracts}
    return Judged(
        answer=SetAnswer.BROKEN,
        why=tuple(dict.fromkeys(seen for one in broken for seen in one.evidence)),
        capabilities=tuple(dict.fromkeys(when[one.contract] for one in broken if one.contract is not None)),
    )


def _inherited(finding: Finding, states: Mapping[str, StateResult]) -> bool:
    """True of a contract that base breaks by the same checks, while it advertises as much."""
    of_base, here = (
        next((one for one in states[name].contracts if one.id == finding.contract), None)
        for name in ("base", finding.state)
    )
    if of_base is None or here is None or of_base.advertised is not here.advertised:
        return False
    names = {seen.name for seen in finding.evidence if seen.kind is EvidenceKind.CHECK}
    return bool(names) and names <= {*of_base.failed}


def _as(result: StateResult, state: State) -> StateResult:
    return msgspec.structs.replace(
        result, id=state.id, scenario=state.scenario, applied=state.applied, patch=None, same_as=None
    )


def _missing(state: StateResult, brought: Brought) -> tuple[Evidence, ...]:
    """What picked patches bring to their own series, and not here."""
    caps = [
        Evidence(kind=EvidenceKind.CONTRACT, name=name, said=f"patch {by} brings it, and it is not shown here")
        for name, by in brought.capabilities.items()
        if state.caps.get(name) == 0
    ]
    known = (name for name in _unpassed(state, brought) if name not in state.flaky and losses.came(name, state))
    return (*caps, *(evidence.of_check(name, state) for name in known))


def _unpassed(state: StateResult, brought: Brought) -> tuple[str, ...]:
    passed = {check.id for check in state.checks if check.status in GOOD}
    return tuple(name for name in brought.checks if name not in passed)


def _unknown(asked: Asked, state: StateResult, brought: Brought | None) -> tuple[Evidence, ...]:
    """What nobody knows of a state that is otherwise well: a promise without all of its checks, what is flaky.

    A capability of which neither base nor the tip tells is no promise of this run.
    """
    told_of = {*asked.base.caps, *asked.tip.caps}
    unjudged = [
        one
        for one in state.contracts
        if (one.advertised is None and one.capability in told_of)
        or (one.advertised and one.holds is None)
        or (one.advertised is False and one.untested and asked.tip.caps.get(one.capability))
    ]
    told = [Evidence(kind=EvidenceKind.CONTRACT, name=one.id, said="not judged") for one in unjudged]
    told += [evidence.of_flaky(name) for name in _lost_of_flaky(asked, state)]
    if brought is None:
        return tuple(told)
    told += [evidence.of_flaky(name) for name in brought.checks if name in state.flaky]
    told += [evidence.of_check(name, state) for name in _unpassed(state, brought) if not losses.came(name, state)]
    mute = (name for name in brought.capabilities if name not in state.caps)
    told += [Evidence(kind=EvidenceKind.CONTRACT, name=name, said="no probe tells of it here") for name in mute]
    said = "its prefix, or the one before it, does not tell what it brings"
    return (*told, *(Evidence(kind=EvidenceKind.ERROR, name=f"patch {one}", said=said) for one in brought.unclear))


def _lost_of_flaky(asked: Asked, state: StateResult) -> list[str]:
    """The checks that base passes at times, the tip always, and a state not at all."""
    passed = {check.id for check in state.checks if check.status in GOOD}
    kept = {check.id for check in asked.tip.checks if check.status in GOOD} - {*asked.tip.flaky}
    return [name for name in asked.base.flaky if name in kept - passed]


def brings(before: StateResult, after: StateResult, tip: StateResult, patch: int) -> Brought:
    """What a patch brings: what its prefix has, the one before it has not, and the tip has still."""
    if any(one.outcome is not Outcome.OK for one in (before, after, tip)):
        return Brought(unclear=(patch,))
    was, now, then = ({one.id: one.status for one in state.checks} for state in (before, after, tip))
    failed = [name for name in now if was.get(name, Status.MISSING) not in GOOD and name not in before.flaky]
    if any(name in after.flaky or (now[name] in GOOD and name in tip.flaky) for name in failed):
        return Brought(unclear=(patch,))
    new = [name for name in failed if now[name] in GOOD and not losses.only_tells(name)]
    return Brought(
        capabilities={
            name: patch
            for name, value in after.caps.items()
            if value and tip.caps.get(name) and not before.caps.get(name)
        },
        checks={name: patch for name in new if then.get(name) in GOOD},
    )


def all_brought(some: tuple[Brought, ...]) -> Brought:
    """What several patches bring together."""
    return Brought(
        capabilities={name: by for one in some for name, by in one.capabilities.items()},
        checks={name: by for one in some for name, by in one.checks.items()},
        unclear=tuple(number for one in some for number in one.unclear),
    )
