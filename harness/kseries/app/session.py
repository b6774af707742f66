# SPDX-License-Identifier: GPL-2.0-only
"""One run from end to end: TARGET -> plan -> results -> judgement -> result.json and reports."""

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from kseries import arch as archs
from kseries import inputs, judge, kbuild
from kseries.app import proposals, rundir
from kseries.bisect import journeys, partners, pick
from kseries.bisect.staterunner import Bench
from kseries.cache import runs, store
from kseries.coverage.tracepoints import Watch
from kseries.evaluate import stateresult
from kseries.evaluate.engine import Engine, Setup
from kseries.guest import emulator
from kseries.host import cachelock, disk, paths, processes, signals
from kseries.host.box import layout
from kseries.inputs import preimages
from kseries.judge import changelog, contracts, couplings, suspects
from kseries.judge import partners as judge_partners
from kseries.judge.exercise import with_patches
from kseries.kbuild import checkpatch
from kseries.kbuild.config import Config
from kseries.model import (
    RESULT,
    SCHEMA_VERSION,
    Advice,
    AppliedPatch,
    Base,
    Checkpatch,
    Contract,
    Finding,
    Forecast,
    Outcome,
    Plan,
    RunResult,
    Series,
    SeriesSummary,
    Squash,
    StateResult,
    Verdict,
    events,
)
from kseries.model.errors import InfraError, InputError, in_words
from kseries.model.sanitize import few
from kseries.plan import prerequisites, rebase, scenarios
from kseries.probes import programs, selftests
from kseries.report import fuzzed, reproduce
from kseries.sources import TreeStore, corruption, guess, kernels, repository
from kseries.sources.history import History


@dataclass(frozen=True)
class Options:
    """What the command line asks for; None where the TARGET or the architecture decides."""

    out: Path
    tree: str | None = None
    base: str | None = None
    prerequisites: tuple[str, ...] = ()
    """What the series is made on top of, each as a TARGET is named."""
    arch: str = field(default_factory=archs.default)
    scenarios: tuple[str, ...] = scenarios.DEFAULT
    probes: tuple[str, ...] | None = None
    jobs: int = os.cpu_count() or 1
    workers: int = 1
    config: tuple[Path, ...] = ()
    make: tuple[str, ...] = ()
    debug: bool = False
    repeat: int = 1
    quick: bool = False
    checkpatch: bool = False
    unboxed: bool = False
    strict: bool = False
    """What is not judged exits 1."""
    programs: tuple[Path, ...] = ()
    """Probes that are not ours: C source, or static binaries."""
    contracts: tuple[Path, ...] = ()
    """Contracts beside ours."""
    selftests: tuple[str, ...] = ()
    """Tests of the kernel's own, as TARGET:TEST."""
    reverts: tuple[str, ...] = ()
    """Patches that are reverted together, beside the scenarios': "2+3"."""
    fuzz: int = 0
    """Lines of context at either end of a hunk that may be wrong, as patch(1) counts them."""
    words: tuple[str, ...] = ()
    """TARGET and these options as they were typed, for whoever wants to see a state again."""

    def of(self, target: inputs.Target) -> "Options":
        """These, with what a TARGET brings: probes and contracts of its own, and which of ours it is about."""
        case = target.testcase
        asked = case.probes if case is not None and self.probes is None else self.probes
        return replace(
            self,
            probes=asked,
            programs=tuple(dict.fromkeys((*self.programs, *target.programs))),
            contracts=tuple(dict.fromkeys((*self.contracts, *target.contracts))),
        )


_CAPABILITIES = "capabilities"
_SLOW = "_slow"
"""What the name of a probe ends in whose checks take more than a second each; ``quick`` leaves it out."""


def known_probes() -> tuple[str, ...]:
    """The probes that we have, capabilities first: the others are read in its light."""
    names = sorted(source.stem for source in paths.project("guests", "probes").glob("*.c"))
    return tuple(sorted(names, key=lambda name: name != _CAPABILITIES))


def asked(setup: Setup, options: Options) -> tuple[Contract, ...]:
    """What is asked of the kernels of a run, as far as its probes can tell. Raises InputError.

    Without the probe that tells of our contracts whether they are advertised, none of them can be judged.
    """
    ours = contracts.ours() if _CAPABILITIES in setup.probes else ()
    every = (*ours, *contracts.read(options.contracts))
    contracts.check(every, frozenset((*known_probes(), *setup.probes)))
    return tuple(judge.asked(contract, setup.probes) for contract in every)


def plan(target: inputs.Target, options: Options, trees: TreeStore, tell: events.Listener) -> Plan:
    """The states of a run; fetches and imports the base when it is not in the cache. Raises InputError."""
    scenarios.check(options.scenarios)
    base = base_of(target, options, trees, tell)
    with _explained(target, base, trees):
        made = scenarios.make_plan(
            target.series, base, options.scenarios, trees, lambda *step: tell(events.Planning(*step)), options.fuzz
        )
    _tell_fuzz(made.patches, tell)
    return pick.with_reverts(made, options.reverts, trees)


def _tell_fuzz(patches: Iterable[AppliedPatch], tell: events.Listener) -> None:
    for note in fuzzed.notes(patches):
        tell(events.Preparing(note))


def base_of(
    target: inputs.Target, options: Options, trees: TreeStore, tell: events.Listener, *, new: bool = False
) -> Base:
    """The kernel under the series; fetches and imports it when it is not in the cache. Raises InputError.

    ``new`` is another than it was made for: what its files match is not looked for.
    """
    if options.base is not None and target.base is not None:
        raise InputError(f"--base {options.base}: a range of commits brings its own base")

    def say(what: str) -> None:
        tell(events.Preparing(what))

    others = prerequisites.given(options.prerequisites, options.tree)
    for note in (note for one in (target, *others) for note in one.notes):
        say(note)
    if others and target.base is not None:
        raise InputError("--prerequisite: a range of commits brings its own base\n  rebase it onto its prerequisites")
    tree = kernels.called(options.tree or target.tree or kernels.DEFAULT)
    kernels.check_readable(tree)
    revision = options.base or target.base
    if revision is None and target.base_commit is not None:
        revision = kernels.base_commit(tree, target.base_commit, say)
    found = kernels.guess(tree, _made_from(target, others), trees, say) if revision is None and not new else None
    revision = found.name if found is not None else revision
    base = kernels.get(tree, revision, trees, paths.cache(), say)
    if found is not None:
        base = msgspec.structs.replace(base, guessed=found.commit or "")
    history = kernels.history(tree, revision or "HEAD") if target.prerequisites else None
    return prerequisites.applied(base, target, others, trees, history, say)


def _made_from(target: inputs.Target, others: Sequence[inputs.Target]) -> dict[str, str]:
    """The blobs that a series, on top of its prerequisites, was made from."""
    patches = (*prerequisites.patches(target, others), *target.series.patches)
    return preimages.of(patch.diff for patch in patches if patch.diff is not None)


@contextlib.contextmanager
def _explained(target: inputs.Target, base: Base, trees: TreeStore) -> Iterator[None]:
    """Tell, of a series that does not apply, what it lacks: a prerequisite, or files as it was made from them."""
    try:
        yield
    except InputError as error:
        what, _, cure = str(error).partition("\n  ")
        diffs = [patch.diff for patch in target.series.patches if patch.diff is not None]
        why = ""
        if base.lacking:
            why = f"its prerequisites are not here, give them with --prerequisite: {few(base.lacking)}"
        elif not trees.holds(base.tree, diffs[:1]):
            why = guess.differing(trees, base.tree, preimages.of(diffs))
        cures = "; ".join(filter(None, (why, cure)))
        raise InputError(f"{what}\n  {cures}" if cures else what) from error


def rebased(target: inputs.Target, options: Options, trees: TreeStore, tell: events.Listener) -> rebase.Rebase:
    """What becomes of each patch on the base that ``options`` name, a range's, too. Raises InputError."""
    moved = target if options.base is None else msgspec.structs.replace(target, base=None)
    base = base_of(moved, options, trees, tell, new=True)
    series, place = target.series, Path(options.tree or target.tree or "")
    if target.tree is not None and target.base is not None and any(patch.diff is None for patch in series.patches):
        before = trees.tree_of(repository.tree_of(Path(target.tree), target.base) or target.base)
        series = rebase.as_diffs(series, before, trees)
    history = _history(base, place, options.base, target.base or target.base_commit, series, trees)
    return rebase.report(series, base, trees, options.fuzz, history, lambda *step: tell(events.Planning(*step)))


def _history(
    base: Base, place: Path, named: str | None, fork: str | None, series: Series, trees: TreeStore
) -> History | None:
    """What is below a base that is a commit of a repository, down to where the series left it, if that is known."""

    def tree_of(revision: str | None) -> str | None:
        return repository.tree_of(place, revision) if revision and place.is_dir() else None

    revision = next((one for one in (named, fork, "HEAD") if one and tree_of(one) == base.tree), None)
    since = fork if tree_of(fork) not in (None, base.tree) else None
    return History(place, revision, trees, series.patches, since) if revision is not None else None


def forecast(planned: Plan, options: Options, trees: TreeStore) -> tuple[Forecast, ...]:
    """What a plan would cost here. Raises InfraError where the compiler is not there that would decide it."""
    return _engine(_setup(options), options, trees, lambda _: None, planned).forecast(planned)


def run(target: inputs.Target, options: Options, tell: events.Listener) -> RunResult:
    """Carry out a run, record it, and write its result and reports. Raises InputError or InfraError.

    One that is told to end (signals.py) has a result, too, which is partial, if it came so far as to know its base;
    else it raises KeyboardInterrupt.
    """
    clock = time.monotonic()
    began = datetime.now(UTC).isoformat(timespec="seconds")
    series, options = target.series, options.of(target)
    with _freedom(options), room(options.out), at_work(tell):
        options.out.mkdir(parents=True, exist_ok=True)
        if options.checkpatch:
            checkpatch.require()
        setup = _setup(options)
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
    engine = _engine(setup, options, trees, heard, planned)
    recording.on(planned.base)
    remarks = checkpatch.check(target.series, planned.base, trees) if options.checkpatch else None
    rundir.begin(options.out)
    with engine.keeping():
        try:
            seen, said = signals.run(_carried_out(engine.run(planned, options.out), remarks))
        except KeyboardInterrupt:
            seen = engine.so_far(planned, options.out)
            if seen["base"].outcome is Outcome.NOT_TRIED:
                raise
            said = Checkpatch(missing="the run was interrupted") if remarks is not None else None
        result = _judged(planned, seen, setup, wanted, trees)
        series = msgspec.structs.replace(result.series, cover_id=target.series.cover_id)
        result = msgspec.structs.replace(
            result, series=series, quick=options.quick, checkpatch=said, unboxed=options.unboxed, strict=options.strict
        )

        def beside() -> Bench:
            return _beside(target, options, setup, planned, trees, heard, engine.workers)

        steps: list[Callable[[RunResult], RunResult]] = [
            lambda result: with_patches(result, planned, trees),
            lambda result: _with_partners(result, planned, beside),
            lambda result: _verified(result, planned, engine, wanted, trees, options),
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


@contextlib.contextmanager
def bench(
    target: inputs.Target, options: Options, out: Path | None, tell: events.Listener, onto: str | None = None
) -> Iterator[Bench]:
    """A bench for a TARGET; logs go to ``out``/states/ID, or nowhere. Raises InputError or InfraError."""
    options = options.of(target)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_freedom(options))
        place = out or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kseries-")))
        stack.enter_context(room(place))
        stack.enter_context(at_work(tell))
        trees = TreeStore(paths.cache("trees.git"))
        base = base_of(target, options, trees, tell)
        with _explained(target, base, trees):
            patches = scenarios.apply_all(
                target.series, base, trees, lambda *step: tell(events.Planning(*step)), options.fuzz
            )
        _tell_fuzz(patches, tell)
        plan = Plan(series=target.series.name, version=target.series.version, patches=patches, base=base, states=())
        beside = _beside(target, replace(options, out=place), _setup(options), plan, trees, tell)
        yield replace(beside, onto=onto)


def _beside(
    target: inputs.Target,
    options: Options,
    setup: Setup,
    planned: Plan,
    trees: TreeStore,
    tell: events.Listener,
    workers: tuple[kbuild.Worker, ...] = (),
) -> Bench:
    """The bench for single states of a series that is planned; with a run's workers, where it is part of one."""
    builds: list[str] = []

    def heard(event: events.Event) -> None:
        if isinstance(event, events.StageStarted) and event.stage == "build":
            builds.append(event.state)
        tell(event)

    engine = _engine(setup, options, trees, heard, planned, workers)
    return Bench(
        series=target.series,
        patches=planned.patches,
        base=planned.base,
        repository=kernels.called(options.tree or target.tree or kernels.DEFAULT),
        trees=trees,
        setup=setup,
        engine=engine,
        worker=engine.workers[0],
        contracts=asked(setup, options),
        out=options.out,
        onto=None,
        builds=builds,
    )


def require(wanted: tuple[Options, ...]) -> None:
    """Raise InfraError unless this host has what every one of these runs needs: before the first begins."""
    for options in wanted:
        _setup(options)


def _setup(options: Options) -> Setup:
    arch = archs.get(options.arch)
    ours = [arch.config, "debug.config"] if options.debug else [arch.config]
    config = Config.read((*(paths.project("kernels", name) for name in ours), *options.config), options.make)
    others = programs.read(options.programs, known_probes())
    tests = selftests.parse(options.selftests)
    probes = (*_chosen(options.probes, options.quick), *(one.name for one in others), *(one.name for one in tests))
    accel = arch.accel()
    return Setup(
        arch,
        accel,
        kbuild.toolchain(arch, config),
        config,
        probes,
        store.program(),
        repeat=options.repeat,
        programs=others,
        selftests=tests,
        unboxed=options.unboxed,
        emulator=emulator.version(arch, accel),
    )


def _engine(
    setup: Setup,
    options: Options,
    trees: TreeStore,
    tell: events.Listener,
    planned: Plan,
    workers: tuple[kbuild.Worker, ...] = (),
) -> Engine:
    """The engine for a plan, and for those that are made of the same tip. Raises InputError for an unknown test."""
    selftests.check(setup.selftests, setup.arch, trees, planned.base.tree, planned.patches[-1].tree_after)
    workers = workers or tuple(worker(setup, options, trees, planned, number) for number in range(options.workers))
    watch = Watch.of(trees, planned.base.tree, planned.patches)
    return Engine(setup, workers, store.Store(paths.cache("results")), tell, watch)


def worker(setup: Setup, options: Options, trees: TreeStore, planned: Plan, number: int = 0) -> kbuild.Worker:
    """A place to build in, which all runs of this host share."""
    return kbuild.Worker(
        paths.cache("workers", str(number)),
        trees,
        setup.arch,
        setup.config,
        max(1, options.jobs // options.workers),
        probes=tuple(name for name in known_probes() if name in setup.probes),
        programs=setup.programs,
        selftests=setup.selftests,
        boxed=not setup.unboxed,
        series="\n".join((planned.base.tree, *(patch.tree_after for patch in planned.patches))),
    )


Seen = dict[str, StateResult]


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


def _judged(planned: Plan, seen: Seen, setup: Setup, asked: tuple[Contract, ...], trees: TreeStore) -> RunResult:
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
        toolchain=setup.toolchain,
        config_fragment_hash=setup.config.hash,
        states=states,
        findings=findings,
        verdict=verdict,
        couplings=couplings.couplings(planned, {state.id: state for state in states}, findings),
    )


def _with_partners(result: RunResult, planned: Plan, bench: Callable[[], Bench]) -> RunResult:
    """The result with the partner of each revert that breaks what always worked, and so with what depends on what."""
    if not any(map(judge_partners.sought, result.findings)):
        return result
    result = partners.found(result, bench())
    states = {state.id: state for state in result.states}
    return msgspec.structs.replace(result, couplings=couplings.couplings(planned, states, result.findings))


def _verified(
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


def _chosen(names: tuple[str, ...] | None, quick: bool) -> tuple[str, ...]:
    known = known_probes()
    for name in names or ():
        if name not in known:
            raise InputError(
                f"no such probe: {name}\n  there are: {', '.join(known)}; a program of yours is named as ./{name}"
            )
        if quick and name.endswith(_SLOW):
            raise InputError(f"--quick leaves out {name}, which --probe asks for\n  drop one of them")
    # Without it nothing is known to be advertised, and none of our contracts could be judged.
    wanted = known if names is None else dict.fromkeys((_CAPABILITIES, *names) if names else ())
    return tuple(name for name in wanted if not (quick and name.endswith(_SLOW)))


@contextlib.contextmanager
def at_work(tell: events.Listener) -> Iterator[None]:
    """Keep kseries gc from removing what we use; wait for one that is at it. What is damaged is made anew."""
    damaged = events.Preparing("the sources that were stored are damaged: reading them again")
    corruption.discard(paths.cache("trees.git"), lambda: tell(damaged))
    said = events.Preparing("another kseries removes what it can spare from the cache: waiting for it to finish")
    with cachelock.shared(paths.cache(), lambda: tell(said)):
        yield


def _freedom(options: Options) -> AbstractContextManager[None]:
    """What the series under test may do. Raises InfraError where what it is built with cannot be as it is."""
    if not options.unboxed:
        return contextlib.nullcontext()
    layout.check_own(paths.cache(), paths.project())
    return processes.unboxed()


@contextlib.contextmanager
def room(*places: Path) -> Iterator[None]:
    """Turn the errors of a disk that is full or not ours into two lines; ``places``: disks beside the cache's."""
    try:
        with disk.named(paths.cache(), *places, Path(tempfile.gettempdir())):
            yield
    except OSError as error:
        where = f"cannot use {error.filename}: " if error.filename else ""
        raise InfraError(f"{where}{in_words(error)}\n  finished states are kept; mend that and run again") from error
