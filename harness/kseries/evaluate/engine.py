# SPDX-License-Identifier: GPL-2.0-only
"""Plan -> results: builds and boots what is not known yet, boots beside builds. Prints nothing."""

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from kseries import kbuild
from kseries.arch import Arch
from kseries.cache import store
from kseries.cache.store import Store, key
from kseries.coverage.tracepoints import MadeOf, Watch, Watched
from kseries.evaluate import images, stateresult
from kseries.evaluate.images import Images
from kseries.guest import isolation, machine, repeat
from kseries.kbuild.brought import Brought
from kseries.kbuild.config import Config
from kseries.model import Accel, Boot, Build, Forecast, Outcome, Plan, State, StateResult, events
from kseries.model.errors import DiskFullError, InfraError, InputError
from kseries.plan.forecast import forecast
from kseries.plan.schedule import Footprint, Place, SameBuild, Visit
from kseries.probes.programs import Program
from kseries.probes.selftests import Selftest

_MOST_UNREAD = 100
"""Files that a state names in which it differs from the one that it is built as."""
_MANY = 50
"""Kernels, from which on it takes more than a moment to tell which of them have to be built."""
_NO_LOGS = (Outcome.CONFLICT, Outcome.NOT_TRIED)
"""What comes of a state that nobody has begun to build."""


@dataclass(frozen=True)
class Setup:
    """What every state of a run has in common."""

    arch: Arch
    accel: Accel
    toolchain: str
    config: Config
    probes: tuple[str, ...]
    program: str
    repeat: int = 1
    """How often each kernel is booted; twice where it has failed a check."""
    programs: tuple[Program, ...] = ()
    """What those of the probes are that are not ours."""
    selftests: tuple[Selftest, ...] = ()
    """Those of them that each state's tree has."""
    unboxed: bool = False
    """What comes from the series may do all that we may: such results are of no use to a run with boxes."""
    emulator: str = ""
    """What boots (boot/emulator.py), as ``toolchain`` is what builds."""

    def key(self, *what: str) -> str:
        """The name under which the result of a tree, or of an image, is stored."""
        host = (self.accel.name, self.emulator, self.toolchain)
        fixed = (self.arch.name, *host, self.config.hash, self.program)
        times = (f"repeat={self.repeat}",) if self.repeat > 1 else ()
        apart = (*times, *(("unboxed",) if self.unboxed else ()))
        return key(*what, *fixed, *self.probes, *(program.digest for program in self.programs), *apart)


@dataclass(frozen=True)
class _Job:
    """A state on its way: where its logs and its kernel are put, and which of how many it is."""

    state: State
    place: Path
    position: int
    todo: int
    out: Path
    """The directory of the run."""


@dataclass(frozen=True)
class _Hand:
    """A worker at work: what its build folder holds, and where what it builds is put."""

    worker: kbuild.Worker
    place: Place
    scratch: Path


class Engine:
    """Carries out plans with its workers, one store and one listener.

    The first worker is waited for; each other takes part in a run for which it is free. They are given back after each
    plan, or, within ``keeping``, after the last of several.
    """

    def __init__(
        self,
        setup: Setup,
        workers: tuple[kbuild.Worker, ...],
        store: Store,
        tell: events.Listener,
        watch: Watch | None = None,
    ) -> None:
        self._setup = setup
        self._watch = watch
        self._workers = workers
        self._store = store
        self._tell = tell
        self._images = Images()
        self._kept: contextlib.ExitStack | None = None
        self._results: dict[str, StateResult] = {}
        """Those of the plan that is carried out, as they come. Like what is stored, they name trees."""
        self._names: dict[str, str] = {}
        """What that plan calls a tree."""
        self._plan: Plan | None = None
        self._brought: Brought | None = None
        """What that plan's patches bring to the Kconfig of their base, once something was dropped."""
        self._made_of: dict[str, MadeOf] = {}
        """By the tree of a tip, what it was built of."""

    @property
    def workers(self) -> tuple[kbuild.Worker, ...]:
        """Where it builds: for whoever does so beside it, with the same lock."""
        return self._workers

    @contextlib.contextmanager
    def keeping(self) -> Iterator[None]:
        """Keep each worker from when a plan needs it to the end: else another run could have it in between, and this
        one would find neither its objects nor its turn.
        """
        with contextlib.ExitStack() as kept:
            self._kept = kept
            try:
                yield
            finally:
                self._kept = None

    async def run(self, plan: Plan, out: Path) -> dict[str, StateResult]:
        """The result of every state; logs go to ``out``/states/ID.

        Raises InputError when base does not build or boot: then no patch can be judged.
        """
        distinct = _distinct(plan)
        self._names = {state.tree: state.id for state in distinct if state.tree is not None}
        self._plan, self._brought = plan, None
        known = self._results = self._known(distinct)
        todo = [state for state in distinct if state.id not in known]
        if len(todo) > _MANY:
            self._tell(events.Preparing(f"looking which of {len(todo)} kernels have to be built"))
        costs = self._forecast(plan, known) if todo else ()
        foretold = {one.state for one in costs if one.to_build}
        self._tell(events.RunStarted(plan.series, len(distinct), len(todo), len(todo) - len(foretold)))
        self._use(known, out)
        if todo:
            with contextlib.ExitStack() as stack:
                free = await self._free(self._kept or stack, len(todo))
                late = self._known(todo)  # what another run has found out while this one waited for it
                self._use(late, out)
                known |= late
                hands = [self._hand(worker, plan, stack) for worker in free]
                await self._do(self._visit(plan, known), hands, plan, out, len(foretold - {*late}))
        return self.so_far(plan, out)

    def so_far(self, plan: Plan, out: Path) -> dict[str, StateResult]:
        """The result of every state of the plan that was carried out last; NOT_TRIED of those that have none."""
        return {state.id: self._collect(state, self._results, out) for state in plan.states}

    def forecast(self, plan: Plan) -> tuple[Forecast, ...]:
        """What carrying out a plan would cost, the known states first, then the others in their order."""
        self._plan = plan
        return self._forecast(plan, self._known(_distinct(plan)))

    def _forecast(self, plan: Plan, known: dict[str, StateResult]) -> tuple[Forecast, ...]:
        worker = self._workers[0]
        return forecast(list(known), self._visit(plan, known), _place(worker, plan), worker.pace)

    async def _free(self, stack: contextlib.ExitStack, most: int) -> list[kbuild.Worker]:
        """At most so many workers, locked: the first one, and those that no other run has."""
        first, *others = self._workers
        await first.take(lambda wait: self._tell(events.Waiting(wait)))
        stack.callback(first.give_back)
        free = [first]
        for worker in others[: most - 1]:
            with contextlib.suppress(BlockingIOError):
                await worker.take()
                stack.callback(worker.give_back)
                free.append(worker)
        return free

    def _hand(self, worker: kbuild.Worker, plan: Plan, stack: contextlib.ExitStack) -> _Hand:
        return _Hand(worker, _place(worker, plan), stack.enter_context(worker.scratch()))

    def _known(self, states: list[State]) -> dict[str, StateResult]:
        return {state.id: found for state in states if (found := self._find(state)) is not None}

    def _use(self, known: dict[str, StateResult], out: Path) -> None:
        if "base" in known:
            self._check_base(known["base"], out)
        for result in known.values():
            self._tell_done(result, known=True)

    def _tell_done(self, result: StateResult, *, known: bool) -> None:
        self._tell(events.StateDone(self._named(result), known=known))

    def _named(self, result: StateResult) -> StateResult:
        return stateresult.named(result, self._names, self._bringing(result.config_dropped))

    def _bringing(self, dropped: tuple[str, ...]) -> dict[str, int]:
        """Of the options that Kconfig dropped, those that the series brings, and the first patch that does."""
        if not dropped:
            return {}
        if self._brought is None:
            assert self._plan is not None
            self._brought = self._workers[0].brought(self._plan.base.tree, self._plan.patches)
        return {option: patch for option in dropped if (patch := self._brought.by(option)) is not None}

    def _may_lack(self, dropped: tuple[str, ...]) -> bool:
        return not self._missing(dropped)

    def _missing(self, dropped: tuple[str, ...]) -> tuple[str, ...]:
        """The options that base's Kconfig dropped, and no patch brings: a mistake in the fragment."""
        bringing = self._bringing(dropped)
        return tuple(option for option in dropped if option not in bringing)

    def _visit(self, plan: Plan, known: dict[str, StateResult]) -> Visit:
        """The states of a plan that are not known, and those that are and were built in our folders."""
        distinct = _distinct(plan)
        todo = [state for state in distinct if state.id not in known]
        built = {
            state: worker.reads
            for worker in self._workers
            for state in distinct
            if state.id in known
            and known[state.id].outcome is not Outcome.BUILD_FAILED
            and state.tree is not None
            and worker.reads.knows(state.tree)
        }
        watched = next((state.id for state in todo if self._watch_of(state) is not None), None)
        seen = (
            {state.id for state in built if self._watched_result(state) is not None} if watched is not None else set()
        )
        return Visit.of(todo, built, plan.base.tree, self._workers[0].changes, watched, seen)

    def _watch_of(self, state: State | StateResult) -> Watch | None:
        return self._watch if self._watch is not None and state.tree == self._watch.tip else None

    def _watched_result(self, state: State | StateResult) -> StateResult | None:
        """What is stored of a state that was the tip of a series on the same base, and watched."""
        assert self._watch is not None and state.tree is not None
        return self._store.find(self._setup.key(state.tree, "watched", self._watch.base))

    def _keys(self, state: State | StateResult) -> tuple[str, ...]:
        """The names under which a result is stored: that of its tree, and first one that is of more than the tree.

        That is what was watched in it; and of base that nobody's patches were built beside it. A stranger's series may
        have the same tree in it.
        """
        assert state.tree is not None
        if self._is_nobodys(state):
            return (self._setup.key(state.tree, "base"), self._setup.key(state.tree))
        watch = self._watch_of(state)
        watched = (self._setup.key(state.tree, "watched", watch.base),) if watch is not None else ()
        return (*watched, self._setup.key(state.tree))

    def _is_nobodys(self, state: State | StateResult) -> bool:
        """True of a base on which no prerequisite is: what is built of it, everybody builds upon.

        Nor is one that was found by a series' files: it may be a stranger's branch.
        """
        base = self._plan.base if self._plan is not None else None
        return state.id == "base" and (base is None or not (base.prerequisites or base.guessed))

    def _find(self, state: State) -> StateResult | None:
        found = self._store.find(self._keys(state)[0])
        return stateresult.as_state(found, state) if found is not None else None

    async def _do(self, visit: Visit, hands: list[_Hand], plan: Plan, out: Path, foretold: int) -> None:
        """Each worker builds one state after the other; each state boots while the next one builds.

        ``foretold`` is how many builds that was thought to come to; there may be fewer, or more.
        """
        results = self._results
        same: list[tuple[State, SameBuild]] = []
        begun, total = itertools.count(1), len(_distinct(plan))

        def job_of(state: State, hand: _Hand) -> _Job:
            number = next(begun)
            return _Job(state, hand.scratch / state.id, number, max(number, foretold), out)

        def say() -> None:
            for hand in hands:
                hand.worker.say(plan.series, len(results), total)

        async def step(hand: _Hand) -> None:
            state, like = visit.next(hand.place)
            if like is not None:
                same.append((state, like))
                return
            job = job_of(state, hand)
            built = await self._build(job, hand.worker)
            if isinstance(built, Build) and state.id != "base":  # which may have been a cold build
                hand.worker.pace.note(visit.cost(state, hand.place), built)
            assert state.tree is not None
            well = isinstance(built, Build) and built.ok
            visit.built(state, hand.place, partial(hand.place.reads.of, state.tree) if well else None)
            tasks.create_task(finish(job, built))

        async def finish(job: _Job, built: Build | InfraError) -> None:
            await self._finish(job, built, results)
            say()

        async def work(hand: _Hand) -> None:
            while visit.left:
                await step(hand)

        say()
        try:
            async with asyncio.TaskGroup() as tasks:
                if "base" not in results:  # without which there is no use in any other
                    await step(hands[0])
                for hand in hands:
                    tasks.create_task(work(hand))
        except ExceptionGroup as group:
            # Not except*: up to Python 3.11.3 what it raises comes out in a group again (gh-103590).
            ours = group.subgroup((InfraError, InputError, OSError))
            if ours is None:
                raise
            raise ours.exceptions[0] from None
        for state, like in same:
            if results[like.state].outcome is Outcome.INFRA_ERROR:  # this host's, which is not to be another's too
                job = job_of(state, hands[0])
                await self._finish(job, await self._build(job, hands[0].worker), results)
            else:
                self._keep_same(state, like, results)

    async def _build(self, job: "_Job", worker: kbuild.Worker) -> Build | InfraError:
        state = job.state
        assert state.tree is not None
        self._tell(events.StageStarted(state.id, "build", job.position, job.todo))
        try:
            built = await worker.build(
                state.tree,
                job.place,
                lambda what: self._tell(events.Compiled(state.id, what)),
                trusted=self._is_nobodys(state),
                of_base=state.id == "base",
                may_lack=self._may_lack if state.id == "base" else kbuild.any_lack,
            )
        except InfraError as error:
            if state.id == "base" or isinstance(error, DiskFullError):
                raise
            return error
        if state.id == "base":
            _check_base_build(built, self._missing(built.config_dropped))
        if (watch := self._watch_of(state)) is not None:  # before anything else is built there
            reads = worker.reads
            self._made_of[state.tree] = watch.made_of(lambda path: bool(reads.readers(path)), worker.configuration)
        return built

    async def _finish(self, job: "_Job", built: Build | InfraError, results: dict[str, StateResult]) -> None:
        """Boot what was built, and keep the result unless this host is why there is none."""
        state = job.state
        if isinstance(built, InfraError):
            result = stateresult.bare(state, outcome=Outcome.INFRA_ERROR, detail=str(built))
        elif built.kernel is None or built.symbols is None or built.initrd is None:
            said = built.errors[0] if built.errors else "make failed and said nothing"
            result = stateresult.with_build(
                stateresult.bare(state, outcome=Outcome.BUILD_FAILED, detail=said), built, built.errors[1:]
            )
        else:
            result = await self._boot(
                job, built, machine.Image(*map(Path, (built.kernel, built.symbols, built.initrd)))
            )
        made_of = self._made_of.get(state.tree or "")
        if made_of is not None and result.coverage is not None:
            result = msgspec.structs.replace(result, coverage=made_of.noted(result.coverage))
        if result.outcome is Outcome.INFRA_ERROR:
            store.copy_logs(job.place, job.out / "states" / state.id)
        self._keep(result, job.place)
        results[state.id] = result
        self._tell_done(result, known=False)
        if state.id == "base":
            self._check_base(result, job.out)

    def _check_base(self, base: StateResult, out: Path) -> None:
        """Raise InputError unless base came through; nothing else need be built then."""
        _check_fragment(self._missing(base.config_dropped))
        if base.outcome is Outcome.INFRA_ERROR:
            raise InfraError(base.detail)
        if base.outcome is not Outcome.OK:
            assert base.tree is not None
            logs = out / "states" / "base"
            self._store.copy_logs(self._keys(base)[0], logs)
            raise InputError(
                f"base does not come through the probes, so no patch can be judged: {base.outcome}: {base.detail}\n"
                f"  what it said is in {logs}"
            )

    def _keep(self, result: StateResult, logs: Path) -> None:
        if result.outcome is not Outcome.INFRA_ERROR:
            *watched, plain = self._keys(result)
            for name in watched:
                self._store.put(name, result, logs)
            self._store.put(plain, msgspec.structs.replace(result, coverage=None), logs)

    def _keep_same(self, state: State, like: SameBuild, results: dict[str, StateResult]) -> None:
        """The result of a state whose build would have been another's, file for file."""
        of = results[like.state]
        if self._watch_of(state) is not None:
            of = self._watched_result(of) or of
        result = msgspec.structs.replace(
            stateresult.as_state(of, state), built_as=of.tree, unread=like.paths[:_MOST_UNREAD], seconds={}
        )
        assert of.tree is not None
        self._keep(result, self._store.place(self._setup.key(of.tree)))
        results[state.id] = result
        self._tell_done(result, known=False)

    async def _boot(self, job: "_Job", built: Build, image: machine.Image) -> StateResult:
        """What the kernel did: it is booted unless an image with the same bytes has been, now or in an earlier run."""
        apart = (job.state.tree or "", "alone") if built.irreproducible else ()
        name = self._setup.key("image", await asyncio.to_thread(images.digest, image.kernel, image.initrd), *apart)
        try:
            watch = self._watch_of(job.state)
            seen, fresh = await self._images.result(
                name, lambda: self._boot_image(job, name, image), afresh=watch is not None
            )
        finally:
            for file in (image.kernel, image.symbols, image.initrd):
                file.unlink()
        if fresh and seen.tree == job.state.tree:
            why = f"taken for no other's kernel, nor another's for its: {', '.join(built.irreproducible)} is set"
            notes = (why,) if built.irreproducible else ()
            return stateresult.with_build(stateresult.as_state(seen, job.state), built, notes)
        self._store.copy_logs(name, job.place, ("console.log",))
        whose = seen.tree if seen.tree != job.state.tree else None
        other = msgspec.structs.replace(stateresult.as_state(seen, job.state), seconds={}, booted_as=whose)
        return stateresult.with_build(other, built)

    async def _boot_image(self, job: "_Job", name: str, image: machine.Image) -> StateResult:
        setup = self._setup
        watch = self._watch_of(job.state)
        watched = await Watched.find(watch, image.symbols, setup.arch, setup.accel) if watch is not None else None
        names = (setup.key(name, "watched", watched.digest), name) if watched is not None else (name,)
        known = self._store.find(names[0])
        if known is not None:
            return known
        self._tell(events.StageStarted(job.state.id, "boot", job.position, job.todo))

        def boot_once(probes: tuple[str, ...], log: Path) -> Awaitable[Boot]:
            addresses = watched.addresses if watched is not None else ()
            return machine.boot(setup.arch, setup.accel, image, probes, log, addresses)

        try:
            # What is told of somebody's patch has been seen twice.
            console = job.place / "console.log"
            seen = await repeat.boot(lambda log: isolation.boot(boot_once, setup.probes, log), setup.repeat, console)
        except InfraError as error:
            return stateresult.bare(job.state, outcome=Outcome.INFRA_ERROR, detail=str(error))
        plain = result = stateresult.booted(job.state, seen)
        if watched is not None:
            result = msgspec.structs.replace(plain, coverage=watched.coverage(seen.boot.executed))
        for kept, what in zip(names, (result, plain), strict=False):
            self._store.put(kept, what, job.place)
        return result

    def _collect(self, state: State, done: dict[str, StateResult], out: Path) -> StateResult:
        """The result of a state in the words of this plan, and its logs beside the run's result: no others."""
        place = out / "states" / state.id
        result = self._result(state, done)
        if state.same_as is not None or result.outcome in _NO_LOGS:
            store.remove_logs(place)
            return result
        if result.outcome is not Outcome.INFRA_ERROR:  # of which nothing is stored; what it has said is there already
            self._store.copy_logs(self._keys(state)[0], place)
        there = (place / name for name in store.LOGS if (place / name).exists())
        logs = {log.stem: str(log.relative_to(out)) for log in there}
        return msgspec.structs.replace(result, logs=logs)

    def _result(self, state: State, done: dict[str, StateResult]) -> StateResult:
        if state.tree is None:
            detail = f"does not apply: conflict in {', '.join(state.conflicts)}"
            return stateresult.bare(state, outcome=Outcome.CONFLICT, detail=detail)
        found = done.get(state.same_as or state.id)
        if found is None:
            return stateresult.bare(state, outcome=Outcome.NOT_TRIED, detail="the run was interrupted before")
        return self._named(stateresult.as_state(found, state))


def _place(worker: kbuild.Worker, plan: Plan) -> Place:
    """Where a worker's build folder is, told by how it differs from base."""
    held = worker.holds
    return Place(worker.reads, Footprint.of(worker.changes(plan.base.tree, held) if held is not None else ()))


def _distinct(plan: Plan) -> list[State]:
    """The states with a tree that no other state of the plan stands for."""
    return [state for state in plan.states if state.tree is not None and state.same_as is None]


def _check_base_build(built: Build, missing: tuple[str, ...]) -> None:
    _check_fragment(missing)
    if not built.ok:
        raise InputError("base does not build, so no patch can be judged:\n  " + "\n  ".join(built.errors[:3]))
    if built.unbuilt:
        raise InputError(
            f"the probe {built.unbuilt[0]} does not build with base's headers:\n  "
            + "\n  ".join(built.errors[:3] or ("see the log of the build",))
        )


def _check_fragment(missing: tuple[str, ...]) -> None:
    """Raise InputError for options that a config fragment asks for and nobody has."""
    if missing:
        raise InputError(
            f"base's Kconfig drops what the config fragment asks for, and no patch brings it: {', '.join(missing)}\n"
            "  see what the option depends on, or take it out of the fragment"
        )
