# SPDX-License-Identifier: GPL-2.0-only
"""One run from end to end: TARGET -> plan -> results -> judgement -> result.json."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from datetime import UTC, datetime

import msgspec

from kseries import inputs
from kseries.app import rundir
from kseries.app.assembly import Seen, assembled, verified, with_partners
from kseries.app.options import Options
from kseries.app.planning import plan
from kseries.app.premises import at_work, freedom, room
from kseries.app.setup import asked, engine_of, executors_of, setup_of
from kseries.app.single import runner_for
from kseries.bisect import journeys
from kseries.bisect.staterunner import StateRunner
from kseries.cache import runs
from kseries.evaluate.setup import Setup
from kseries.host import paths, signals
from kseries.judge import changelog
from kseries.judge.exercise import with_patches
from kseries.kbuild import checkpatch
from kseries.model import RESULT, Checkpatch, Outcome, RunResult, Verdict, events
from kseries.report import reproduce
from kseries.sources import TreeStore


def run(target: inputs.Target, options: Options, tell: events.Listener) -> RunResult:
    """Carry out a run, record it, and write its result. Raises InputError or InfraError.

    One that is told to end (signals.py) has a result, too, which is partial, if it came so far as to know its base;
    else it raises KeyboardInterrupt.
    """
    clock = time.monotonic()
    began = datetime.now(UTC).isoformat(timespec="seconds")
    series, options = target.series, options.of(target)
    with freedom(options), room(options.out), at_work(tell):
        options.out.mkdir(parents=True, exist_ok=True)
        if options.checkpatch:
            checkpatch.require()
        setup = setup_of(options)
        kept = runs.Runs(paths.cache(), lambda what: tell(events.Preparing(what)))
        with kept.recording(series.name, series.version, setup.arch.name, options.out) as recording:
            result = _recorded(target, options, setup, tell, recording)
            seconds = round(time.monotonic() - clock, 1)
            result = msgspec.structs.replace(
                result,
                began=began,
                seconds=seconds,
                words=reproduce.lasting(options.words, target.base, target.series, result.base.guessed),
            )
            result = reproduce.with_commands(result)
            rundir.write(options.out, result)
            recording.ended(exit_status(result), result.verdict, options.out / RESULT)
    return result


def _recorded(
    target: inputs.Target, options: Options, setup: Setup, tell: events.Listener, recording: runs.Recording
) -> RunResult:
    def heard(event: events.Event) -> None:
        recording(event)
        tell(event)

    wanted = asked(setup, options)
    trees = TreeStore(paths.cache("trees.git"))
    planned = changelog.with_symbols(plan(target, options, trees, tell), trees)
    executors = executors_of(setup, options, trees, planned)
    engine = engine_of(setup, trees, heard, planned, executors)
    recording.on(planned.base)
    remarks = checkpatch.check(target.series, planned.base, trees) if options.checkpatch else None
    rundir.begin(options.out)
    with engine.keeping():
        try:
            seen, said = signals.run(_carried_out(engine.run(planned, options.out), remarks))
        except KeyboardInterrupt:
            seen = engine.so_far()
            if seen["base"].outcome is Outcome.NOT_TRIED:
                raise
            said = Checkpatch(missing="the run was interrupted") if remarks is not None else None
        result = assembled(planned, seen, setup, wanted, trees)
        series = msgspec.structs.replace(result.series, cover_id=target.series.cover_id)
        result = msgspec.structs.replace(
            result, series=series, quick=options.quick, checkpatch=said, unboxed=options.unboxed, strict=options.strict
        )

        def beside() -> StateRunner:
            return runner_for(target, options, setup, planned, trees, heard, executors)

        steps: list[Callable[[RunResult], RunResult]] = [
            lambda result: with_patches(result, planned, trees),
            lambda result: with_partners(result, planned, beside),
            lambda result: verified(result, planned, engine, wanted, trees, options),
        ]
        if "journey" in options.scenarios:
            steps.append(lambda result: journeys.walked(result, beside(), tell))
        return _with_each(result, steps)


def _with_each(result: RunResult, steps: Iterable[Callable[[RunResult], RunResult]]) -> RunResult:
    """A result that each step adds to; those that a signal leaves no time for are left out, and it is partial."""
    try:
        for step in steps:
            signals.check()
            result = step(result)
    except KeyboardInterrupt:
        # Before anybody has looked what ran of each patch, no patch is known to be in order.
        verdict = result.verdict if result.patches else _no_yes(result.verdict)
        return msgspec.structs.replace(result, partial=True, verdict=verdict)
    return result


def _no_yes(verdict: Verdict) -> Verdict:
    return Verdict(
        bisectable=None if verdict.bisectable else verdict.bisectable,
        revert_safe=None if verdict.revert_safe else verdict.revert_safe,
    )


async def _carried_out(
    states: Coroutine[None, None, Seen], remarks: Coroutine[None, None, Checkpatch] | None
) -> tuple[Seen, Checkpatch | None]:
    """The results of all states, and what checkpatch says meanwhile, where it was asked for."""
    if remarks is None:
        return await states, None
    checking = asyncio.create_task(remarks)
    try:
        return await states, await checking
    finally:
        checking.cancel()
        await asyncio.gather(checking, return_exceptions=True)


def exit_status(result: RunResult) -> int:
    """130 of a run that was interrupted, 3 where a state could not be had, 1 where something was found, else 0.

    Of a strict one, 1 too where something was not judged.
    """
    if result.partial:
        return runs.INTERRUPTED_STATUS
    if any(state.outcome is Outcome.INFRA_ERROR for state in result.states):
        return 3
    found = any(not finding.kind.advice for finding in result.findings)
    return 1 if found or (result.strict and not judged(result)) else 0


def judged(result: RunResult) -> bool:
    """True where each question of the verdict has an answer."""
    return None not in (result.verdict.bisectable, result.verdict.revert_safe)
