# SPDX-License-Identifier: GPL-2.0-only
"""What a run came to, step by step, and the result that is made of it once, at the end."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

from msgspec import UNSET, UnsetType

from kseries import judge
from kseries.app import concluded, proposals
from kseries.app.knownissues import KnownIssues
from kseries.app.options import Options
from kseries.bisect.partners import Partners
from kseries.evaluate import folders, stateresult
from kseries.evaluate.deadline import Deadline
from kseries.evaluate.engine import Engine
from kseries.host import signals
from kseries.judge import couplings
from kseries.judge import partners as judge_partners
from kseries.judge.exercise import PerPatch
from kseries.judge.judgement import Judgement
from kseries.model import (
    Accel,
    Advice,
    Budget,
    Checkpatch,
    ClangTests,
    Contract,
    Finding,
    Inference,
    Journey,
    Outcome,
    PatchSet,
    Plan,
    Record,
    RunResult,
    SelftestNote,
    SeriesSummary,
    Squash,
    StateResult,
    Step,
    TimedStage,
    Variant,
    Verdict,
)
from kseries.report import reproduce
from kseries.sources import TreeStore

Seen = dict[str, StateResult]
"""The result of every state of a plan, by its id."""


class Proofs(Record, frozen=True):
    """The findings with what they advise, and each change of the series that was made, built and judged for that."""

    findings: tuple[Finding, ...]
    squashes: tuple[Squash, ...]


@dataclass
class Work:
    """What a run has come to so far. What nobody asked for, or was not come to, is None."""

    variant: Variant
    accel: Accel
    judgement: Judgement
    known: KnownIssues
    checkpatch: Checkpatch | None = None
    selftests: tuple[SelftestNote, ...] = ()
    clang: ClangTests | UnsetType = UNSET
    per_patch: PerPatch | None = None
    partners: Partners | None = None
    proofs: Proofs | None = None
    revert_sets: tuple[PatchSet, ...] = ()
    journeys: tuple[Journey, ...] | None = None
    interrupted: bool = False
    unfinished: Step | None = None
    """The step that wanted another state when the budget was used up."""

    @property
    def not_tried(self) -> tuple[str, ...]:
        """The states of the series that a signal, or the budget, has left no time for."""
        return tuple(one.id for one in self.judgement.states if one.outcome is Outcome.NOT_TRIED)

    @property
    def is_partial(self) -> bool:
        return self.interrupted or self.unfinished is not None or bool(self.not_tried)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings, as the last step has left them."""
        return (self.proofs or self.partners or self.judgement).findings


def judgement_of(
    planned: Plan, seen: Seen, asked: tuple[Contract, ...], trees: TreeStore, inference: Inference, known: KnownIssues
) -> Judgement:
    """What was built and booted, judged; with suspects, where a signal leaves the time to ask git for them."""
    states, findings, verdict = judge.judge(planned, seen, asked, inference, known.mark)
    with contextlib.suppress(KeyboardInterrupt):
        signals.check()
        states = concluded.with_suspects(planned, states, trees)
    return Judgement(plan=planned, states=states, findings=findings, verdict=verdict)


def proofs(work: Work, engine: Engine, asked: tuple[Contract, ...], trees: TreeStore, options: Options) -> Proofs:
    """Each change of the series that the findings advise, made, built and judged."""
    planned = work.judgement.plan
    findings = proposals.with_neighbours(proposals.with_orders(work.findings, planned, trees))
    tried: dict[Advice, Squash] = {}
    for advice in dict.fromkeys(finding.advice for finding in findings if finding.advice):
        changed = proposals.plan_of(advice, planned, options.scenarios, trees)
        if changed is not None:
            tried[advice] = _squash(changed, engine, asked, trees, options)
    seen, scenarios = work.judgement.by_id, {*options.scenarios}
    proved = tuple(_proved(one, findings, seen, tried, scenarios) for one in findings)
    return Proofs(findings=proved, squashes=tuple(tried.values()))


def _squash(changed: Plan, engine: Engine, asked: tuple[Contract, ...], trees: TreeStore, options: Options) -> Squash:
    """A changed series, built and judged."""
    place = folders.of(options.out, changed.series)
    seen = signals.run(engine.run(changed, place))
    seen = {name: stateresult.in_folder(one, place.name) for name, one in seen.items()}
    states, findings, verdict = judge.judge(changed, seen, asked, options.inference)
    states = concluded.with_suspects(changed, states, trees)
    return Squash(id=changed.series, patches=changed.patches, states=states, findings=findings, verdict=verdict)


def _proved(
    finding: Finding,
    findings: tuple[Finding, ...],
    seen: Mapping[str, StateResult],
    tried: Mapping[Advice, Squash],
    asked: set[str],
) -> Finding:
    """A finding with what came of its advice; a squash of neighbours is advised only where it was seen to cure."""
    if not proposals.of_neighbours(finding):
        return judge.with_proof(finding, findings, tried, asked)
    return proposals.only_proved(judge_partners.with_proof(finding, findings, seen, tried, asked))


def assemble(
    work: Work,
    options: Options,
    findings: tuple[Finding, ...],
    *,
    cover_id: str,
    words: tuple[str, ...],
    began: str,
    seconds: float,
    timeline: tuple[TimedStage, ...] | UnsetType = UNSET,
    first_finding: float | UnsetType = UNSET,
) -> RunResult:
    """The result of a run; ``findings`` are those of its work, with what else is known of their evidence. ``cover_id``
    is as of Series, the others are as of RunResult.
    """
    judgement, planned = work.judgement, work.judgement.plan
    scenarios = {state.id: state.scenario for state in judgement.states}
    return RunResult(
        variant=work.variant,
        accel=work.accel,
        series=SeriesSummary(name=planned.series, version=planned.version, patches=planned.patches, cover_id=cover_id),
        base=planned.base,
        machine=options.machine,
        states=judgement.states,
        findings=tuple(reproduce.with_command(one, words, scenarios[one.state]) for one in findings),
        verdict=_verdict(work),
        squashes=work.proofs.squashes if work.proofs is not None else (),
        searched=work.partners.searched if work.partners is not None else (),
        couplings=couplings.couplings(planned, judgement.by_id, work.findings),
        journeys=work.journeys or (),
        revert_sets=work.revert_sets or UNSET,
        quick=options.quick,
        checkpatch=work.checkpatch,
        clang=work.clang,
        known_issues=work.known.notes(work.findings) or UNSET,
        began=began,
        seconds=seconds,
        timeline=timeline,
        first_finding=first_finding,
        words=words,
        patches=work.per_patch.patches if work.per_patch is not None else (),
        grounds=work.per_patch.grounds if work.per_patch is not None else None,
        selftests=work.selftests or UNSET,
        partial=work.is_partial,
        budget=_budget(work, options.deadline),
        unboxed=options.unboxed,
        strict=options.strict,
        inference=options.inference if options.inference is not Inference.SUSPECT else UNSET,
    )


def _budget(work: Work, deadline: Deadline) -> Budget | UnsetType:
    """What became of it, where somebody asked for one. Of what a signal has left out it is not the reason."""
    if deadline.seconds is None:
        return UNSET
    return Budget(
        seconds=deadline.seconds,
        share=UNSET if deadline.share is None else deadline.share,
        left_out=() if work.interrupted else work.not_tried,
        unfinished=UNSET if work.interrupted or work.unfinished is None else work.unfinished,
    )


def _verdict(work: Work) -> Verdict:
    """Before anybody has looked what ran of each patch, no patch is known to be in order."""
    if work.per_patch is not None:
        return work.per_patch.verdict
    found = work.judgement.verdict
    return Verdict(
        bisectable=None if found.bisectable else found.bisectable,
        revert_safe=None if found.revert_safe else found.revert_safe,
    )
