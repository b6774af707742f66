# SPDX-License-Identifier: GPL-2.0-only
"""What was seen of a plan -> the result of its run, with what it advises made and proved."""

import contextlib
from collections.abc import Callable, Mapping

import msgspec

from kseries import judge
from kseries.app import proposals
from kseries.app.options import Options
from kseries.bisect import partners
from kseries.bisect.staterunner import StateRunner
from kseries.evaluate import stateresult
from kseries.evaluate.engine import Engine
from kseries.evaluate.setup import Setup
from kseries.host import signals
from kseries.judge import couplings, suspects
from kseries.judge import partners as judge_partners
from kseries.model import SCHEMA_VERSION, Advice, Contract, Finding, Plan, RunResult, SeriesSummary, Squash, StateResult
from kseries.sources import TreeStore

Seen = dict[str, StateResult]
"""The result of every state of a plan, by its id."""


def assembled(planned: Plan, seen: Seen, setup: Setup, asked: tuple[Contract, ...], trees: TreeStore) -> RunResult:
    """What was built and booted, judged."""
    states, findings, verdict = judge.judge(planned, seen, asked)
    with contextlib.suppress(KeyboardInterrupt):  # to ask git whom to suspect takes time
        signals.check()
        states = suspects.with_suspects(planned, states, trees)
    return RunResult(
        schema=SCHEMA_VERSION,
        series=SeriesSummary(name=planned.series, version=planned.version, patches=planned.patches),
        base=planned.base,
        arch=setup.arch.name,
        accel=setup.accel,
        machine=setup.machine,
        toolchain=setup.toolchain,
        config_fragment_hash=setup.config.hash,
        states=states,
        findings=findings,
        verdict=verdict,
        couplings=couplings.couplings(planned, {state.id: state for state in states}, findings),
    )


def with_partners(result: RunResult, planned: Plan, state_runner: Callable[[], StateRunner]) -> RunResult:
    """The result with the partner of each revert that breaks what always worked, and so with what depends on what."""
    if not any(map(judge_partners.sought, result.findings)):
        return result
    result = partners.found(result, state_runner())
    states = {state.id: state for state in result.states}
    return msgspec.structs.replace(result, couplings=couplings.couplings(planned, states, result.findings))


def verified(
    result: RunResult,
    planned: Plan,
    engine: Engine,
    asked: tuple[Contract, ...],
    trees: TreeStore,
    options: Options,
) -> RunResult:
    """The result with each change of the series that it advises made, built and judged."""
    result = proposals.with_neighbours(proposals.with_orders(result, planned, trees))
    tried: dict[Advice, Squash] = {}
    for advice in dict.fromkeys(finding.advice for finding in result.findings if finding.advice):
        changed = proposals.plan_of(advice, planned, options.scenarios, trees)
        if changed is not None:
            seen = signals.run(engine.run(changed, options.out / changed.series))
            seen = {name: stateresult.in_folder(one, changed.series) for name, one in seen.items()}
            states, findings, verdict = judge.judge(changed, seen, asked)
            tried[advice] = Squash(
                id=changed.series,
                patches=changed.patches,
                states=suspects.with_suspects(changed, states, trees),
                findings=findings,
                verdict=verdict,
            )
    findings = tuple(_proved(one, result, tried, {*options.scenarios}) for one in result.findings)
    return msgspec.structs.replace(result, findings=findings, squashes=tuple(tried.values()))


def _proved(finding: Finding, result: RunResult, tried: Mapping[Advice, Squash], asked: set[str]) -> Finding:
    """A finding with what came of its advice; a squash of neighbours is advised only where it was seen to cure."""
    if not proposals.of_neighbours(finding):
        return judge.with_proof(finding, result.findings, tried, asked)
    seen = {state.id: state for state in result.states}
    return proposals.only_proved(judge_partners.with_proof(finding, result.findings, seen, tried, asked))
