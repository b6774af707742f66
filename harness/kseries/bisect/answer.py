# SPDX-License-Identifier: GPL-2.0-only
"""Good, bad or untestable: what one state's result says to whoever bisects. Pure functions."""

from enum import StrEnum

import msgspec

from kseries import judge
from kseries.judge import complaints, evidence, losses
from kseries.judge.losses import GOOD
from kseries.model import (
    AppliedPatch,
    Base,
    Contract,
    ContractVerdict,
    Evidence,
    EvidenceKind,
    FindingKind,
    Outcome,
    Plan,
    Record,
    State,
    StateResult,
    Status,
)
from kseries.model.errors import InfraError


class Answer(StrEnum):
    """In git-bisect(1)'s words; untestable is what it calls skip."""

    GOOD = "good"
    BAD = "bad"
    UNTESTABLE = "untestable"


class Asked(StrEnum):
    """What is asked of a state."""

    PROMISES = "promises"
    """Does it violate a contract, lose a check that base passed, or complain of what base does not?"""
    CHECK = "check"
    """One check or one contract."""
    BUILD = "build"
    BOOT = "boot"


class Question(Record, frozen=True):
    """What a state is tried for; ``id`` names the check or the contract."""

    asked: Asked = Asked.PROMISES
    id: str = ""


class Tried(Record, frozen=True):
    """The answer of a state, and why; ``result`` has the verdicts on its contracts."""

    answer: Answer
    why: tuple[Evidence, ...]
    result: StateResult


def answer(
    question: Question,
    base: StateResult,
    state: StateResult,
    contracts: tuple[Contract, ...],
    tip: StateResult | None = None,
) -> Tried:
    """What a state answers. ``tip`` is asked what a state would have to pass that skips a check.

    Raises InfraError where this host is why there is no answer.
    """
    if state.outcome is Outcome.INFRA_ERROR:
        raise InfraError(f"{state.id}: {state.detail}")
    judged, reasons = _judged(base, state, contracts)
    passed = {check.id: check for check in tip.checks} if tip is not None else {}
    flaky, asked = frozenset(base.flaky), contracts if judged.contracts else ()
    verdicts = tuple(judge.contract_verdict(one, judged, passed, flaky) for one in asked)
    judged = msgspec.structs.replace(judged, contracts=verdicts)
    said, why = _answer(question, base, judged, reasons, _promised(judged, contracts))
    return Tried(answer=said, why=why, result=judged)


def _promised(state: StateResult, contracts: tuple[Contract, ...]) -> frozenset[str]:
    """The checks of the contracts that a state says it keeps."""
    advertised = {verdict.id for verdict in state.contracts if verdict.advertised}
    return frozenset(name for one in contracts if one.id in advertised for name in (*one.checks, *one.optional))


def asks_tip(tried: Tried) -> bool:
    """True where a state promises something and skips a check of it: the tip tells whether it could be had."""
    skipped = {check.id for check in tried.result.checks if check.status is Status.SKIP}
    return any(not skipped.isdisjoint(contract.untested) for contract in tried.result.contracts)


def _judged(
    base: StateResult, state: StateResult, contracts: tuple[Contract, ...]
) -> tuple[StateResult, list[Evidence]]:
    """The state as judged if it were the tip of a series of one patch, and what is then found wrong with it."""
    tree = state.tree or ""
    patch = AppliedPatch(number=1, subject=state.id, tree_before=base.tree or "", tree_after=tree)
    plan = Plan(
        series=state.id,
        version=1,
        patches=(patch,),
        base=Base(name="", version="", tree=base.tree or ""),
        states=(
            State(id="base", scenario="base", applied=(), tree=base.tree),
            State(id="prefix-1", scenario="prefixes", applied=(1,), patch=1, tree=state.tree),
        ),
    )
    as_tip = msgspec.structs.replace(state, id="prefix-1", scenario="prefixes", applied=(1,), patch=1, same_as=None)
    results, findings, _ = judge.judge(plan, {"base": base, "prefix-1": as_tip}, contracts)
    reasons = [
        seen
        for finding in findings
        if finding.kind in (FindingKind.BROKEN_CONTRACT, FindingKind.REGRESSION, FindingKind.KERNEL_COMPLAINT)
        for seen in finding.evidence
    ]
    return msgspec.structs.replace(state, contracts=results[1].contracts), reasons


def _answer(
    question: Question, base: StateResult, state: StateResult, reasons: list[Evidence], asked: frozenset[str]
) -> tuple[Answer, tuple[Evidence, ...]]:
    outcome = evidence.of_outcome(state)
    if question.asked is Asked.BUILD and state.outcome is not Outcome.CONFLICT:
        return (Answer.BAD, (outcome,)) if state.outcome is Outcome.BUILD_FAILED else (Answer.GOOD, ())
    if question.asked is Asked.BOOT and state.outcome is Outcome.BOOT_FAILED:
        return Answer.BAD, (outcome,)
    if state.outcome is Outcome.NOT_BOOTED:  # --build-only, of who asks for more than that
        return Answer.UNTESTABLE, (outcome,)
    if state.outcome.loud:
        return Answer.UNTESTABLE, (outcome,)
    if question.asked is Asked.BOOT:
        return Answer.GOOD, ()
    if question.asked is Asked.CHECK:
        return _of_one(question.id, state)
    return _of_promises(base, state, reasons, outcome, asked)


def _of_promises(
    base: StateResult, state: StateResult, reasons: list[Evidence], outcome: Evidence, asked: frozenset[str]
) -> tuple[Answer, tuple[Evidence, ...]]:
    if losses.died(state):
        return Answer.BAD, (*reasons, *(() if outcome in reasons else (outcome,)))
    told = {reason.name for reason in reasons}
    of_base = {name for contract in base.contracts for name in contract.failed}
    skipped = [name for one in state.contracts for name in one.failed if name not in told | of_base]
    reasons = [*reasons, *(_skipped(name) for name in skipped if _status(state, name) is Status.SKIP)]
    if reasons:
        return Answer.BAD, tuple(reasons)
    # Two boots of one kernel do not agree: either answer would lead a bisection astray.
    passed = {one.id for one in base.checks if one.status in GOOD and not losses.only_tells(one.id)} - {*base.flaky}
    failing = {name for name in asked if _status(state, name) in (Status.FAIL, Status.MISSING)}
    flaky = [name for name in state.flaky if name in passed | asked]
    flaky += [name for name in base.flaky if name in failing]
    unsure = [evidence.of_flaky(name) for name in dict.fromkeys(flaky)]
    unsure += [evidence.of_complaint(one, state) for one in complaints.new_complaints(base, state) if not one.sure]
    if state.outcome is not Outcome.OK:  # it was only too slow, and that may be this host's doing
        unsure.append(outcome)
    if not unsure and evidence.ends_at_times(state):
        unsure.append(evidence.of_flaky(evidence.END))
    return (Answer.UNTESTABLE, tuple(unsure)) if unsure else (Answer.GOOD, ())


def _skipped(name: str) -> Evidence:
    return Evidence(kind=EvidenceKind.CHECK, name=name, status=Status.SKIP, said="the tip passes it")


def _of_one(name: str, state: StateResult) -> tuple[Answer, tuple[Evidence, ...]]:
    """The answer as to one contract or one check."""
    contract = next((one for one in state.contracts if one.id == name), None)
    if contract is not None:
        return _of_contract(contract, state)
    if name in state.flaky:
        return Answer.UNTESTABLE, (evidence.of_flaky(name),)
    status = _status(state, name)
    if status in GOOD:
        return Answer.GOOD, ()
    why = (evidence.of_check(name, state),)
    if status is Status.MISSING and (losses.died(state) or not losses.came(name, state)):
        return Answer.UNTESTABLE, (*why, evidence.of_outcome(state))  # it ended before, and in something else
    return (Answer.UNTESTABLE, why) if status is Status.SKIP else (Answer.BAD, why)


def _of_contract(contract: ContractVerdict, state: StateResult) -> tuple[Answer, tuple[Evidence, ...]]:
    if contract.holds is False:
        why = tuple(evidence.of_check(name, state) for name in contract.failed)
        if losses.died(state) and all(_status(state, name) is Status.MISSING for name in contract.failed):
            return Answer.UNTESTABLE, (*why, evidence.of_outcome(state))  # as above, in something else
        return Answer.BAD, why
    if contract.holds is None and contract.advertised is not False:
        return Answer.UNTESTABLE, (
            Evidence(kind=EvidenceKind.CONTRACT, name=contract.id, said="not judged"),
            *(evidence.of_check(name, state) for name in contract.untested),
        )
    return Answer.GOOD, ()


def _status(state: StateResult, name: str) -> Status:
    return next((check.status for check in state.checks if check.id == name), Status.MISSING)
