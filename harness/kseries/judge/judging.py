# SPDX-License-Identifier: GPL-2.0-only
"""Findings and verdict: pure functions from what was seen to what it means (docs/how-it-works.md)."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Set

import msgspec

from kseries.judge import (
    announced,
    changelog,
    complaints,
    cures,
    evidence,
    knownissues,
    losses,
    newwarnings,
    partners,
    sandbox,
    suspicions,
)
from kseries.judge.contracts import contract_verdict, is_absent
from kseries.judge.losses import GOOD, Symptom, What
from kseries.model import (
    Advice,
    Check,
    Contract,
    ContractVerdict,
    Evidence,
    Finding,
    FindingKind,
    Inference,
    Outcome,
    Plan,
    Squash,
    StateResult,
    Status,
    Verdict,
)


def judge(
    plan: Plan,
    seen: Mapping[str, StateResult],
    contracts: tuple[Contract, ...],
    inference: Inference = Inference.OFF,
    mark: Callable[[tuple[Finding, ...]], tuple[Finding, ...]] | None = None,
) -> tuple[tuple[StateResult, ...], tuple[Finding, ...], Verdict]:
    """The states with their contract verdicts, the findings, and the verdict of a run; ``inference`` says what is made
    of what no contract speaks of. The verdict is without what ``mark`` makes known issues of (knownissues.agreed); the
    findings are all there, and bear no mark: what follows from them is the same.

    ``seen`` has a result for every state of the plan. Where some of them are unknown, what is told of the others is no
    other than if they were not: a verdict that rests on one is null.
    """
    of_tip = seen[_original(plan, plan.tip)]
    tip = None if of_tip.outcome.unknown else _checks(of_tip)
    flaky = frozenset(seen["base"].flaky)
    results = {state.id: _with_contracts(seen[state.id], contracts, tip, flaky) for state in plan.states}
    of_others = {one.id for one in results[plan.tip].contracts if one.advertised is False}
    results = {name: _without_untested(result, of_others) for name, result in results.items()}
    for name, result in results.items():
        new = newwarnings.since(results["base"], result, newwarnings.touched(plan, {*result.applied}))
        results[name] = msgspec.structs.replace(result, warnings_new=new)
    judged = _Judged(plan, results, {contract.id: contract for contract in contracts})
    findings = (*judged.findings(), *suspicions.findings(plan, results, contracts, inference))
    if not any(result.outcome is Outcome.NOT_TRIED for result in results.values()):  # or the best cure may not be known
        findings = cures.advised(results, findings)
    verdict = judged.verdict(findings)
    if mark is not None:
        marked = mark(findings)
        counted = tuple(one for one in marked if not one.is_known)
        hidden = knownissues.hidden(marked, results.values())
        verdict = knownissues.agreed(verdict, judged.verdict(counted), hidden)
    return tuple(results[state.id] for state in plan.states), findings, verdict


def _original(plan: Plan, state: str) -> str:
    return next(known.same_as or known.id for known in plan.states if known.id == state)


def _checks(result: StateResult) -> dict[str, Check]:
    return {check.id: check for check in result.checks}


def _with_contracts(
    result: StateResult, contracts: tuple[Contract, ...], tip: Mapping[str, Check] | None, flaky: Set[str]
) -> StateResult:
    if result.outcome.loud or result.outcome.unknown:
        return result
    result = announced.with_checks(result, contracts)
    verdicts = tuple(contract_verdict(one, result, tip, flaky) for one in contracts)
    return msgspec.structs.replace(result, contracts=verdicts)


def _without_untested(result: StateResult, of_others: Set[str]) -> StateResult:
    """The same, which nobody has to ask what a kernel without a capability does that this series does not bring."""
    told = tuple(
        msgspec.structs.replace(one, untested=()) if one.id in of_others and one.advertised is False else one
        for one in result.contracts
    )
    return msgspec.structs.replace(result, contracts=told)


class _Judged:
    """A run's states with their contract verdicts, and the rules that read them."""

    def __init__(self, plan: Plan, results: Mapping[str, StateResult], contracts: Mapping[str, Contract]) -> None:
        self._plan = plan
        self._results = results
        self._contracts = contracts
        self._base = results["base"]
        self._tip = results[plan.tip]

    def findings(self) -> Iterator[Finding]:
        yield from self._of_tip()
        yield from newwarnings.findings(self._plan, self._results)
        yield from sandbox.findings(self._plan, self._results)
        yield from complaints.findings(self._plan, self._results)
        for state in self._plan.states:
            result = self._results[state.id]
            if state.scenario == "prefixes" and state.id != self._plan.tip:
                yield from self._bisect_hole(result)
            elif state.scenario == "reverts":
                yield from self._silent_breaks(result)
                yield from self._losses(result)
            elif state.scenario == "pairs" and self._singles_are_tried(result):
                yield from self._silent_breaks(result, self._told_of_single_reverts(result))
                yield from self._losses(result, self._lost_by_single_reverts(result))
            elif state.scenario == "alone":
                yield from self._needs_more(result)
            if state.scenario in ("reverts", "pairs") and state.same_as is None and _ran(self._tip):
                yield from complaints.unsure(self._base, self._tip, result)
            flaky = [name for name in result.flaky if not losses.only_tells(name)]
            flaky += [evidence.END] if losses.ends_at_times(self._base, result) else []
            if flaky and state.same_as is None:
                told = tuple(map(evidence.of_flaky, flaky))
                yield Finding(
                    kind=FindingKind.FLAKY, state=state.id, patch=None, partner=None, contract=None, evidence=told
                )

    def verdict(self, findings: tuple[Finding, ...]) -> Verdict:
        """Null where a state that is needed could not be judged, or nothing was promised."""
        kinds = {finding.kind for finding in findings}
        tip_is_known = known(self._tip) and any(one.advertised and one.holds is not None for one in self._tip.contracts)
        pairs = [self._results[state.id] for state in self._plan.states if state.scenario == "pairs"]
        pairs_are_known = all(map(known, pairs))  # which are reverts, too
        return Verdict(
            bisectable=self._answer("prefixes", self._is_a_hole(findings), tip_is_known),
            revert_safe=self._answer(
                "reverts",
                FindingKind.SILENT_BREAK in kinds or self._counted(findings, "reverts", "pairs"),
                tip_is_known and pairs_are_known,
            ),
        )

    def _counted(self, findings: tuple[Finding, ...], *scenarios: str) -> bool:
        """True where a suspected break of such a state counts as a finding."""
        suspected = [one for one in findings if one.kind is FindingKind.SUSPECTED_BREAK and not one.is_advice]
        return any(self._results[one.state].scenario in scenarios for one in suspected)

    def _is_a_hole(self, findings: tuple[Finding, ...]) -> bool:
        """True where whoever bisects meets a state that fails for a reason of the series' own."""
        before_tip = {patch.number for patch in self._plan.patches} - {len(self._plan.patches)}
        steps = {f"prefix-{number}" for number in before_tip}
        complains = any(one.kind is FindingKind.KERNEL_COMPLAINT and one.state in steps for one in findings)
        breaks = any(one.kind is FindingKind.BISECT_HOLE for one in findings)
        return complains or breaks or self._counted(findings, "prefixes")

    def _answer(self, scenario: str, found: bool, others_are_known: bool) -> bool | None:
        if found:
            return False
        states = [self._results[state.id] for state in self._plan.states if state.scenario == scenario]
        all_seen = len(states) == len(self._plan.patches) and all(known(state) for state in states)
        return True if all_seen and others_are_known and known(self._base) else None

    # --- the rules --------------------------------------------------------------------------

    def _of_tip(self) -> Iterator[Finding]:
        if not _ran(self._tip):
            yield from self._bisect_hole(self._tip)
            return
        broken: set[str] = set()
        for one in self._tip.contracts:
            failed = self._failed_anew(self._tip, one)
            if failed:
                yield self._finding(FindingKind.BROKEN_CONTRACT, self._tip, one.id, _evidence(self._tip, failed))
                broken |= {*failed}
        lost = self._lost(self._tip, {name for one in self._tip.contracts for name in one.failed})
        if lost or (not broken and self._died_anew(self._tip)):
            yield self._finding(FindingKind.REGRESSION, self._tip, None, _evidence(self._tip, lost))

    def _silent_breaks(self, result: StateResult, told: Set[tuple[str, str]] = frozenset()) -> Iterator[Finding]:
        """A revert that goes through, and leaves a promise of the tip's unkept, but for what is told already."""
        for contract, broken in self._broken(result):
            failed = [name for name in broken if (contract, name) not in told]
            if failed:
                found = self._finding(FindingKind.SILENT_BREAK, result, contract, _evidence(result, failed))
                yield found
                yield from partners.undocumented(found, self._plan.patches, self._contracts[contract].when)

    def _told_of_single_reverts(self, result: StateResult) -> set[tuple[str, str]]:
        """What one of the two reverts of a pair breaks by itself, as far as it was tried."""
        singles = (self._results.get(f"without-{number}") for number in self._reverted(result))
        broken = (one for single in singles if single is not None for one in self._broken(single))
        return {(contract, name) for contract, names in broken for name in names}

    def _losses(self, result: StateResult, others: Set[Symptom] = frozenset()) -> Iterator[Finding]:
        """A revert that goes through, and takes what base and the tip have and no contract asks for."""
        lost = [symptom for symptom in self._lost_by(result) if symptom not in others]
        if lost:
            told = tuple(losses.told(symptom, result) for symptom in lost)
            yield self._finding(FindingKind.SILENT_BREAK, result, None, told)

    def _lost_by(self, result: StateResult) -> Iterator[Symptom]:
        """What a state without some patches has lost, but for what is told as the break of a contract.

        A kernel that dies breaks the contract, and loses all that it does not come to by the same death.
        """
        if not _ran(result) or not _ran(self._tip):
            return
        broken = {name for _, names in self._broken(result) for name in names}
        came = {check.id for check in result.checks if check.status is not Status.MISSING}
        died = bool(broken) and result.outcome is not Outcome.OK
        for symptom in losses.of_revert(self._base, self._tip, result, broken, self._not_asked(result)):
            lost = symptom.what is What.CHECK and symptom.name not in came
            if not (died and (lost or symptom.what is What.OUTCOME)):
                yield symptom

    def _lost_by_single_reverts(self, result: StateResult) -> set[Symptom]:
        singles = (self._results.get(f"without-{number}") for number in self._reverted(result))
        return {symptom for single in singles if single is not None for symptom in self._lost_by(single)}

    def _singles_are_tried(self, result: StateResult) -> bool:
        """False where a run was interrupted before it came to what may tell the same of one patch alone."""
        singles = (self._results.get(f"without-{number}") for number in self._reverted(result))
        return not any(single is not None and single.outcome is Outcome.NOT_TRIED for single in singles)

    def _reverted(self, result: StateResult) -> list[int]:
        return [patch.number for patch in self._plan.patches if patch.number not in result.applied]

    def _broken(self, result: StateResult) -> Iterator[tuple[str, list[str]]]:
        """Contracts that the tip honours and a state without some patches does not, each with the checks that tell."""
        if not _ran(result):
            return
        tip = {one.id: one for one in self._tip.contracts}
        kept = {check.id for check in self._tip.checks if check.status in GOOD} - {*self._tip.flaky}
        for one in result.contracts:
            of_tip = tip.get(one.id)
            if of_tip is None or of_tip.advertised is None:
                continue
            failed = [name for name in one.failed if name in kept or (not one.advertised and of_tip.advertised)]
            if failed:
                yield one.id, failed

    def _needs_more(self, result: StateResult) -> Iterator[Finding]:
        """A patch that, alone on base, promises what the tip keeps and it does not: something else is needed."""
        messages = {patch.number: patch.message for patch in self._plan.patches}
        if not _ran(result) or changelog.has_note(messages.get(result.patch or 0, "")):
            return
        yield from self._complains_alone(result)
        tip = {one.id: one for one in self._tip.contracts}
        base = {one.id: one for one in self._base.contracts}
        for one in result.contracts:
            kept = one.id in tip and tip[one.id].holds
            if kept and one.advertised and one.holds is False and not (one.id in base and base[one.id].advertised):
                yield Finding(
                    kind=FindingKind.UNDOCUMENTED_DEPENDENCY,
                    state=result.id,
                    patch=result.patch,
                    partner=None,
                    contract=one.id,
                    evidence=_evidence(result, list(one.failed)),
                )

    def _complains_alone(self, result: StateResult) -> Iterator[Finding]:
        """A patch with which alone the kernel complains, as neither base nor the tip does: others keep it from that."""
        if not _ran(self._tip):
            return
        of_tip = complaints.new_complaints(self._tip, result)
        new = [one for one in complaints.new_complaints(self._base, result) if one.sure and one in of_tip]
        if new:
            yield Finding(
                kind=FindingKind.UNDOCUMENTED_DEPENDENCY,
                state=result.id,
                patch=result.patch,
                partner=None,
                contract=None,
                evidence=tuple(evidence.of_complaint(one, result) for one in new),
            )

    def _bisect_hole(self, result: StateResult) -> Iterator[Finding]:
        """A step of the series at which git bisect would stop for the wrong reason."""
        if result.outcome.unknown:
            return
        if not _ran(result):
            yield self._finding(FindingKind.BISECT_HOLE, result, None, (evidence.of_outcome(result),))
            return
        broken: set[str] = set()
        for one in result.contracts:
            failed = self._failed_anew(result, one)
            if failed:
                yield self._finding(FindingKind.BISECT_HOLE, result, one.id, _evidence(result, failed))
                broken |= {*failed}
        lost = self._lost(result, {name for one in result.contracts for name in one.failed})
        if lost or (not broken and self._died_anew(result)):
            yield self._finding(FindingKind.BISECT_HOLE, result, None, _evidence(result, lost))

    def _died_anew(self, result: StateResult) -> bool:
        """True of a kernel that died, as base does not, and of no complaint that is told for itself."""
        new = complaints.new_complaints(self._base, result)
        of_complaint = any(one.sure and one.said in result.detail for one in new)
        return losses.died(result) and self._base.outcome is Outcome.OK and not of_complaint

    def _failed_anew(self, result: StateResult, of: ContractVerdict) -> list[str]:
        """The checks by which a state violates a contract, but for those by which base does."""
        of_base = next((one for one in self._base.contracts if one.id == of.id), None)
        skipped, skips = ({one.id for one in of.checks if one.status is Status.SKIP} for of in (self._base, result))
        # Base has not failed what it skips: it was not asked.
        inherited = {*(self._inherited(of_base) if of_base is not None else ())} - (skipped - skips)
        return [name for name in of.failed if name not in inherited | self._failing_unpromised(of_base)]

    def _failing_unpromised(self, of_base: ContractVerdict | None) -> set[str]:
        """What base fails while nobody knows whether it promises that, and what it promises and did not come to."""
        if of_base is None:
            return set()
        bad = {one.id for one in self._base.checks if one.status in (Status.FAIL, Status.MISSING)}
        if of_base.advertised is None or is_absent(self._contracts[of_base.id].when, self._base):
            return {name for name in bad if not is_absent(name, self._base)}
        return {name for name in bad if of_base.advertised and not losses.came(name, self._base)}

    def _inherited(self, of_base: ContractVerdict) -> tuple[str, ...]:
        """What base violates of a contract, or may: it skips what the tip would have to pass, which is not known, or
        lacks the test.
        """
        untested = of_base.untested
        if not self._tip.outcome.unknown:
            untested = tuple(name for name in untested if is_absent(name, self._base))
        return (*of_base.failed, *untested)

    def _lost(self, result: StateResult, told: set[str]) -> list[str]:
        """Checks that base passed and this state does not, but for those told already or no longer asked."""
        return [name for name in losses.lost(self._base, result) if name not in told | self._not_asked(result)]

    def _not_asked(self, result: StateResult) -> set[str]:
        """What a contract asks for only of a kernel that does not advertise; of one that may, where no probe tells."""
        return {
            name
            for one in result.contracts
            if one.advertised or self._is_mute(self._contracts[one.id], result)
            for name in self._contracts[one.id].otherwise
        }

    @staticmethod
    def _is_mute(contract: Contract, result: StateResult) -> bool:
        """True where the check was not performed by which a state would advertise."""
        return contract.when in contract.unasked or is_absent(contract.when, result)

    def _finding(
        self, kind: FindingKind, result: StateResult, contract: str | None, told: tuple[Evidence, ...]
    ) -> Finding:
        partner = self._partner(contract) if kind is FindingKind.SILENT_BREAK and contract else None
        if partner in self._reverted(result):
            partner = None
        return Finding(
            kind=kind,
            state=result.id,
            patch=None if kind in (FindingKind.BROKEN_CONTRACT, FindingKind.REGRESSION) else result.patch,
            partner=partner,
            contract=contract,
            evidence=told,
        )

    def _partner(self, contract: str) -> int | None:
        """The first patch whose prefix advertises the contract's capability, where the one before it is known not to;
        None when base does already, or where that cannot be told.
        """
        when = self._contracts[contract].when

        def advertised(state: StateResult) -> bool | None:
            return bool(state.caps[when]) if when in state.caps else None

        return partners.first_showing(self._plan, self._results, advertised)


def with_proof(
    finding: Finding,
    all_findings: tuple[Finding, ...],
    tried: Mapping[Advice, Squash],
    asked: Set[str] = frozenset(("prefixes", "reverts")),
) -> Finding:
    """A finding whose advice says what came of trying it; ``asked`` are the scenarios of the run.

    The changed series is a cure if it has none of the findings with this advice any more, and none of a kind and
    contract that the series did not have before. What the run asks of the series is what has to be known of it.
    """
    if finding.advice is None or finding.advice not in tried:
        return finding
    changed = tried[finding.advice]
    before = Counter(_symptom(one) for one in all_findings if one.advice != finding.advice)
    after = Counter(_symptom(one) for one in changed.findings if not one.is_advice)
    judged = None not in _answers(changed.verdict, asked)
    verified = False if after - before else True if judged else None
    return msgspec.structs.replace(finding, advice=msgspec.structs.replace(finding.advice, verified=verified))


def _symptom(finding: Finding) -> tuple[FindingKind, str | None]:
    return finding.kind, finding.contract


def _answers(verdict: Verdict, asked: Set[str]) -> Iterator[bool | None]:
    """The answers of a verdict that these scenarios are for."""
    neither = asked.isdisjoint(("prefixes", "reverts"))  # a journey asks for both
    if neither or "prefixes" in asked:
        yield verdict.bisectable
    if neither or "reverts" in asked:
        yield verdict.revert_safe


def known(result: StateResult) -> bool:
    """True where all is known of a state that a verdict needs."""
    if result.outcome is not Outcome.OK and not result.outcome.loud:
        return False  # it died, and in none of the checks that are judged: nobody knows what of
    return all(map(_is_known, result.contracts))


def _is_known(of: ContractVerdict) -> bool:
    """True of a promise that was kept or broken, and of one not made, unless what is asked then was left out."""
    return of.holds is not None or (of.advertised is False and not of.untested)


def _ran(result: StateResult) -> bool:
    """True where probes ran, to their end or not."""
    return not result.outcome.loud and not result.outcome.unknown


def _evidence(result: StateResult, names: list[str]) -> tuple[Evidence, ...]:
    """Each check that tells, and how the kernel ended."""
    seen = [evidence.of_check(name, result) for name in names]
    if result.outcome is not Outcome.OK:
        seen.append(evidence.of_outcome(result))
    return tuple(seen)
