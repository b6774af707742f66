# SPDX-License-Identifier: GPL-2.0-only
"""One run from end to end: TARGET -> plan -> results -> judgement -> result.json."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from kseries import inputs
from kseries.app import clangtests, clusters, concluded, flakiness, patchfiles, revertsets, rundir, selftests, suiting
from kseries.app.assembly import Seen, Work, assemble, judgement_of, proofs
from kseries.app.early import Early
from kseries.app.knownissues import KnownIssues
from kseries.app.options import Options
from kseries.app.planning import plan
from kseries.app.premises import at_work, freedom, room
from kseries.app.setup import asked, engine_of, setup_of, variant_of
from kseries.app.single import runner_for
from kseries.app.timeline import Timeline
from kseries.bisect import journeys, partners
from kseries.bisect.staterunner import StateRunner
from kseries.cache import patchindex, runs
from kseries.cache.flakes import Family
from kseries.cache.patchindex import PatchIndex
from kseries.evaluate.deadline import UsedUpError
from kseries.evaluate.engine import Engine
from kseries.evaluate.setup import Setup
from kseries.host import paths, signals
from kseries.host.database import DatabaseError
from kseries.judge.partners import sought as partners_sought
from kseries.kbuild import checkpatch
from kseries.model import RESULT, Checkpatch, ClangTests, Finding, Outcome, Plan, RunResult, Step, events
from kseries.model.errors import InputError
from kseries.report import reproduce
from kseries.sources import TreeStore


def run(target: inputs.Target, options: Options, tell: events.Listener) -> RunResult:
    """Carry out a run, record it, and write its result. Raises InputError or InfraError.

    One that is told to end (signals.py) has a result, too, which is partial, if it came so far as to know its base;
    else it raises KeyboardInterrupt. So has one whose options have a deadline, if that comes before the last state.
    """
    clock = time.monotonic()
    began = datetime.now(UTC).isoformat(timespec="seconds")
    series, options = target.series, options.of(target)
    with contextlib.ExitStack() as held:
        held.enter_context(freedom(unboxed=options.unboxed))
        held.enter_context(room(options.out))
        held.enter_context(rundir.own(options.out))
        held.enter_context(at_work(tell))
        held.enter_context(clusters.joined(options, tell))
        if options.checkpatch:
            checkpatch.require()
        setup = setup_of(options, tell)
        kept = runs.Runs(paths.cache(), tell)
        with kept.recording(series.name, series.version, setup.arch.name, options.out) as recording:
            timeline = Timeline(clock)
            work = _carry_out(target, options, setup, tell, recording, timeline)
            if options.selftest_clang and not work.interrupted:
                work.clang = _clang(work, options, setup, tell)
            guessed = work.judgement.plan.base.guessed
            result = assemble(
                work,
                options,
                _told(work, setup, tell),
                cover_id=series.cover_id,
                words=reproduce.lasting(options.words, target.base, series, guessed),
                began=began,
                seconds=round(time.monotonic() - clock, 1),
                timeline=timeline.stages(),
                first_finding=timeline.first_finding,
            )
            rundir.write(options.out, result)
            recording.ended(exit_status(result), result.verdict, options.out / RESULT)
            _index(result, options.out, tell)
    return result


def _told(work: Work, setup: Setup, tell: events.Listener) -> tuple[Finding, ...]:
    """The findings of a run, with what is known of their checks beside it; of one that is told to end, without what
    takes time.
    """
    planned, marked = work.judgement.plan, work.known.mark(work.findings)
    family = Family.of(planned.base.version, work.accel.name, setup.conditions)
    try:
        signals.check()
        return flakiness.remembered(marked, planned, family, _trees(), tell)
    except KeyboardInterrupt:
        work.interrupted = True
        return marked


def _clang(work: Work, options: Options, setup: Setup, tell: events.Listener) -> ClangTests:
    """What clang says of the tip's tests, which are compiled for it: not after the deadline."""
    if work.is_partial or options.deadline.is_over:
        return ClangTests(compiler=None, missing=f"{options.deadline.words} used up before")
    return clangtests.of_tip(setup, options, _trees(), work.judgement.plan, tell)


def _index(result: RunResult, directory: Path, tell: events.Listener) -> None:
    """Have others find what the run says of a patch. No run fails for want of that."""
    try:
        PatchIndex(paths.cache()).add(result, directory)
    except (DatabaseError, OSError, InputError) as error:
        tell(events.Preparing(f"kseries b4-check will not know of this run: {patchindex.NAME}: {error}"))


def _carry_out(
    target: inputs.Target,
    options: Options,
    setup: Setup,
    tell: events.Listener,
    recording: runs.Recording,
    timeline: Timeline,
) -> Work:
    def heard(event: events.Event) -> None:
        recording(event)
        timeline(event)
        tell(event)

    def listened(event: events.Event) -> None:
        heard(event)
        early(event)

    if not options.kunit:
        asked(setup, options)  # what is wrong with a contract is told before sources are looked for
    trees = _trees()
    planned = concluded.with_symbols(plan(target, options, trees, tell), trees)
    planned = concluded.with_ids(planned, target.series, trees)
    setup = suiting.suited(setup, options, planned, trees, tell)
    wanted = asked(setup, options)
    setup, crew = clusters.crew_of(setup, target, options, trees, planned, tell)
    early = Early(planned, wanted, options.known_issues, heard)
    engine = engine_of(setup, trees, listened, planned, crew, options)
    recording.on(planned.base)
    remarks = checkpatch.check(target.series, planned.base, trees) if options.checkpatch else None
    rundir.begin(options.out)
    patchfiles.write(options.out, planned.patches, trees)
    with engine.keeping():
        try:
            seen, said = signals.run(_states(_in_time(engine, planned, options, heard), remarks))
        except KeyboardInterrupt:
            seen = engine.so_far(planned, options.out, "the run was interrupted before")
            if seen["base"].outcome is Outcome.NOT_TRIED:
                raise
            said = Checkpatch(missing="the run was interrupted") if remarks is not None else None
        known = KnownIssues(options.known_issues, datetime.now(UTC).date(), seen)
        judgement = judgement_of(planned, seen, wanted, trees, options.inference, known)
        if any(finding.counts for finding in known.mark(judgement.findings)):
            timeline.found()
        told = selftests.notes(setup.probes, selftests.asked(options), seen["base"].checks, engine.left_out)
        work = Work(variant_of(setup, options.label), setup.accel, judgement, known, checkpatch=said, selftests=told)

        def beside() -> StateRunner:
            return runner_for(target, options, setup, planned, trees, heard, crew)

        def look() -> None:
            marked = replace(work.judgement, findings=known.mark(work.judgement.findings))
            work.per_patch = concluded.per_patch(marked, setup.arch.name, trees)

        def prove() -> None:
            work.proofs = proofs(work, engine, wanted, trees, options)

        _in_turn(work, look, _steps(work, prove, beside, options, heard), heard)
        return work


def _steps(
    work: Work,
    prove: Callable[[], None],
    beside: Callable[[], StateRunner],
    options: Options,
    tell: events.Listener,
) -> dict[Step, Callable[[], None]]:
    """What follows from the judgement of all states, in its order; nothing where some were not tried."""

    def find_partners() -> None:
        if any(map(partners_sought, work.findings)):
            work.partners = partners.find(work.judgement, beside())

    def find_sets() -> None:
        revertsets.find(work, beside, options, tell)

    def walk() -> None:
        work.journeys = journeys.walk(work.judgement, beside(), tell)

    if work.not_tried:
        return {}
    walks = {Step.JOURNEYS: walk} if "journey" in options.scenarios else {}
    return {Step.PARTNERS: find_partners, Step.CURES: prove, Step.REVERT_SETS: find_sets, **walks}


def _trees() -> TreeStore:
    return TreeStore(paths.cache("trees.git"))


def _in_turn(
    work: Work, look: Callable[[], None], steps: Mapping[Step, Callable[[], None]], tell: events.Listener
) -> None:
    """Look what ran, and carry out each step. Where a signal or the budget leaves no time for one, ``work`` says so,
    and what comes after is left out.
    """
    try:
        signals.check()
        look()
        for step, carry_out in steps.items():
            signals.check()
            work.unfinished = step
            carry_out()
        work.unfinished = None
    except KeyboardInterrupt:
        work.interrupted = True
    except UsedUpError as error:
        tell(events.Preparing(str(error)))


async def _in_time(engine: Engine, planned: Plan, options: Options, tell: events.Listener) -> Seen:
    """The results of all states; of those that are not begun before the deadline none."""
    try:
        return await engine.run(planned, options.out)
    except UsedUpError as error:
        tell(events.Preparing(str(error)))
        return engine.so_far(planned, options.out, f"{options.deadline.words} used up before")


async def _states(
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

    Of a strict one, 1 too where something was not judged, or left out for the budget.
    """
    if result.interrupted:
        return runs.INTERRUPTED_STATUS
    if any(state.outcome is Outcome.INFRA_ERROR for state in result.states):
        return 3
    found = any(finding.counts for finding in result.findings)
    return 1 if found or (result.strict and not judged(result)) else 0


def judged(result: RunResult) -> bool:
    """True where each question of the verdict has an answer, and nothing was left out that could change it."""
    return not result.partial and None not in (result.verdict.bisectable, result.verdict.revert_safe)
