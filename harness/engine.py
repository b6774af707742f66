# SPDX-License-Identifier: GPL-2.0-only
"""Plan -> results: builds and boots what is not known yet, one build ahead of the boots. Prints nothing."""

import asyncio
import tempfile
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from harness import build, events
from harness.arch import Arch
from harness.boot import isolation, machine, repeat
from harness.boot.repeat import Repeated
from harness.errors import InfraError, InputError
from harness.model import Accel, Boot, Build, Outcome, Plan, State, StateResult
from harness.store import Store, key


@dataclass(frozen=True)
class Setup:
    """What every state of a run has in common."""

    arch: Arch
    accel: Accel
    toolchain: str
    config: build.Config
    probes: tuple[str, ...]
    program: str
    repeat: int = 1
    """How often each kernel is booted; twice where it has failed a check."""

    def key(self, tree: str) -> str:
        """The name under which the result of a tree is stored."""
        fixed = (self.arch.name, self.accel.name, self.toolchain, self.config.hash, self.program)
        times = (f"repeat={self.repeat}",) if self.repeat > 1 else ()
        return key(tree, *fixed, *self.probes, *times)


class Engine:
    """Carries out plans with one worker, one store and one listener."""

    def __init__(self, setup: Setup, worker: build.Worker, store: Store, tell: events.Listener) -> None:
        self._setup = setup
        self._worker = worker
        self._store = store
        self._tell = tell

    async def run(self, plan: Plan, out: Path) -> dict[str, StateResult]:
        """The result of every state; logs go to ``out``/states/ID.

        Raises InputError when base does not build or boot: then no patch can be judged.
        """
        distinct = [state for state in plan.states if state.tree is not None and state.same_as is None]
        known = {state.id: found for state in distinct if (found := self._find(state)) is not None}
        todo = [state for state in distinct if state.id not in known]
        self._tell(events.RunStarted(plan.series, len(distinct), len(todo)))
        for result in known.values():
            self._tell(events.StateDone(result, known=True))
        done = known
        if todo:
            with self._worker.locked(lambda: self._tell(events.Waiting())):
                done = known | await self._do(todo)
        _check_base(done["base"])
        return {state.id: self._collect(state, done, out) for state in plan.states}

    def _find(self, state: State) -> StateResult | None:
        assert state.tree is not None
        found = self._store.find(self._setup.key(state.tree))
        return _as(found, state) if found is not None else None

    async def _do(self, todo: list[State]) -> dict[str, StateResult]:
        """Build one after the other; each boots while the next one builds."""
        results: dict[str, StateResult] = {}
        with tempfile.TemporaryDirectory(prefix="kseries-run-") as scratch:
            try:
                async with asyncio.TaskGroup() as boots:
                    for position, state in enumerate(todo, 1):
                        place = Path(scratch) / state.id
                        self._tell(events.StageStarted(state.id, "build", position, len(todo)))
                        built = await self._build(state, place)
                        if state.id == "base":
                            _check_base_build(built)
                        boots.create_task(self._finish(state, built, place, position, len(todo), results))
            except* (InfraError, InputError, OSError) as group:
                raise group.exceptions[0] from None
        return results

    async def _build(self, state: State, place: Path) -> Build | InfraError:
        assert state.tree is not None
        try:
            return await self._worker.build(state.tree, place, lambda what: self._tell(events.Compiled(state.id, what)))
        except InfraError as error:
            return error

    async def _finish(
        self,
        state: State,
        built: Build | InfraError,
        place: Path,
        position: int,
        todo: int,
        results: dict[str, StateResult],
    ) -> None:
        """Boot what was built, and keep the result unless this host is why there is none."""
        assert state.tree is not None
        if isinstance(built, InfraError):
            result = _result(state, outcome=Outcome.INFRA_ERROR, detail=str(built))
        else:
            result = await self._boot(state, built, place, position, todo)
        if result.outcome is not Outcome.INFRA_ERROR:
            self._store.put(self._setup.key(state.tree), result, place)
        results[state.id] = result
        self._tell(events.StateDone(result, known=False))

    async def _boot(self, state: State, built: Build, place: Path, position: int, todo: int) -> StateResult:
        notes = tuple(f"Kconfig dropped {option}" for option in built.config_dropped)
        seconds = {"build": round(built.seconds, 2)}
        if built.kernel is None or built.initrd is None:
            said = built.errors[0] if built.errors else "make failed and said nothing"
            return _result(
                state, outcome=Outcome.BUILD_FAILED, detail=said, seconds=seconds, notes=notes + built.errors[1:]
            )
        self._tell(events.StageStarted(state.id, "boot", position, todo))
        setup = self._setup
        kernel, initrd, console = Path(built.kernel), Path(built.initrd), place / "console.log"

        def boot_once(probes: tuple[str, ...], log: Path) -> Awaitable[Boot]:
            return machine.boot(setup.arch, setup.accel, kernel, initrd, probes, log)

        try:
            # What is told of somebody's patch has been seen twice.
            seen = await repeat.boot(lambda: isolation.boot(boot_once, setup.probes, console), setup.repeat)
        except InfraError as error:
            return _result(state, outcome=Outcome.INFRA_ERROR, detail=str(error), seconds=seconds)
        finally:
            kernel.unlink()
            initrd.unlink()
        result = _booted(state, seen, seconds, notes)
        return msgspec.structs.replace(result, warnings=built.warnings)

    def _collect(self, state: State, done: dict[str, StateResult], out: Path) -> StateResult:
        """The result of a state in the words of this plan, and its logs beside the run's result."""
        if state.tree is None:
            detail = f"does not apply: conflict in {', '.join(state.conflicts)}"
            return _result(state, outcome=Outcome.CONFLICT, detail=detail)
        result = _as(done[state.same_as or state.id], state)
        if state.same_as is None:
            place = out / "states" / state.id
            self._store.copy_logs(self._setup.key(state.tree), place)
            logs = {log.stem: str(log.relative_to(out)) for log in sorted(place.glob("*.log"))}
            result = msgspec.structs.replace(result, logs=logs)
        return result


def _result(
    state: State,
    *,
    outcome: Outcome,
    detail: str,
    seconds: dict[str, float] | None = None,
    notes: tuple[str, ...] = (),
) -> StateResult:
    return StateResult(
        id=state.id,
        scenario=state.scenario,
        applied=state.applied,
        patch=state.patch,
        tree=state.tree,
        same_as=state.same_as,
        outcome=outcome,
        detail=detail,
        seconds=seconds or {},
        notes=notes,
    )


def _booted(state: State, seen: Repeated, seconds: dict[str, float], notes: tuple[str, ...]) -> StateResult:
    """A state after its boots."""
    boot = seen.boot
    timed = seconds | {"boot": round(seen.seconds, 2)}
    if boot.seconds_to_first_check is not None:
        timed["first_check"] = round(boot.seconds_to_first_check, 2)
    result = _result(state, outcome=boot.outcome, detail=boot.detail, seconds=timed, notes=notes)
    return msgspec.structs.replace(
        result,
        ending=boot.ending,
        caps=boot.caps,
        checks=boot.checks,
        flaky=seen.flaky,
        log_tail=boot.log_tail,
        trace=boot.trace,
    )


def _as(result: StateResult, state: State) -> StateResult:
    """A result that was found for a tree, as the result of this plan's state with that tree."""
    return msgspec.structs.replace(
        result,
        id=state.id,
        scenario=state.scenario,
        applied=state.applied,
        patch=state.patch,
        tree=state.tree,
        same_as=state.same_as,
    )


def _check_base_build(built: Build | InfraError) -> None:
    if isinstance(built, InfraError):
        raise built
    if not built.ok:
        raise InputError("base does not build, so no patch can be judged:\n  " + "\n  ".join(built.errors[:3]))
    if built.config_dropped:
        raise InputError(
            f"base's Kconfig drops what the config fragment asks for: {', '.join(built.config_dropped)}\n"
            "  the fragment does not fit this kernel"
        )


def _check_base(base: StateResult) -> None:
    if base.outcome is Outcome.INFRA_ERROR:
        raise InfraError(base.detail)
    if base.outcome is not Outcome.OK:
        raise InputError(
            f"base does not come through the probes, so no patch can be judged: {base.outcome}: {base.detail}"
        )
