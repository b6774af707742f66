# SPDX-License-Identifier: GPL-2.0-only
"""Several workers at one plan: each builds in its own folder, and together they have every state's result."""

import asyncio
import io
from pathlib import Path

import msgspec
import pytest

from kseries.cache.store import Store
from kseries.coverage.tracepoints import Watch
from kseries.evaluate.jobs import Jobs
from kseries.evaluate.memory import Memory
from kseries.kbuild import Worker
from kseries.kbuild.config import Config
from kseries.model import Coverage, Dependencies, Observation, Outcome, Plan, events
from kseries.model.events import Holder
from kseries.report import plans as planned_view
from kseries.report.live import Progress
from tests.support.engines import engine as engine_for
from tests.support.engines import seen_of
from tests.support.judged import nothing, plan_of, result_of
from tests.support.kbuild import ARCH, FRAGMENT, MAIN, SETUP, Kernel

STATES = 6


def planned(kernel: Kernel) -> Plan:
    """A plan in which base is known and no patch builds, so that nothing has to be booted."""
    plan = plan_of(("base", *(f"prefix-{number}" for number in range(1, STATES))), patches=tuple(range(1, STATES)))
    trees = [kernel.tree(), *(kernel.tree(main=f'{MAIN}#error "patch {number}"\n') for number in range(1, STATES))]
    states = tuple(msgspec.structs.replace(state, tree=tree) for state, tree in zip(plan.states, trees, strict=True))
    base = msgspec.structs.replace(plan.base, tree=trees[0])
    steps = zip(plan.patches, trees, trees[1:], strict=False)
    patches = tuple(msgspec.structs.replace(one, tree_before=old, tree_after=new) for one, old, new in steps)
    return msgspec.structs.replace(plan, states=states, base=base, patches=patches)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "results")


@pytest.fixture
def plan(kernel: Kernel, store: Store, tmp_path: Path) -> Plan:
    made = planned(kernel)
    known = result_of(made.states[0], nothing(Outcome.OK))
    store.put(SETUP.key(made.base.tree, "base"), seen_of(known), tmp_path)
    return made


@pytest.fixture
def workers(kernel: Kernel, tmp_path: Path) -> tuple[Worker, ...]:
    return tuple(
        Worker(tmp_path / "workers" / str(number), kernel.store, ARCH, Config(FRAGMENT), 1, probes=())
        for number in range(3)
    )


def built_in(worker: Path) -> bool:
    return any((place / "obj" / ".config").exists() for place in worker.glob(f"{ARCH.name}-*"))


async def test_each_state_is_built_once_and_each_worker_takes_part(
    plan: Plan, workers: tuple[Worker, ...], store: Store, tmp_path: Path
) -> None:
    told: list[events.Event] = []
    results = await engine_for(SETUP, workers, store, told.append).run(plan, tmp_path / "out")
    assert {name: result.outcome for name, result in results.items() if name != "base"} == {
        f"prefix-{number}": Outcome.BUILD_FAILED for number in range(1, STATES)
    }
    assert all(
        f'#error "patch {name.removeprefix("prefix-")}"' in results[name].detail for name in results if name != "base"
    )
    started = [event for event in told if isinstance(event, events.StageStarted)]
    assert sorted(event.state for event in started) == [f"prefix-{number}" for number in range(1, STATES)]
    assert [event.position for event in started] == list(range(1, STATES))
    assert all(built_in(tmp_path / "workers" / str(number)) for number in range(3))
    assert not list((tmp_path / "workers").glob("*/scratch"))


async def test_a_run_begins_with_the_number_of_kernels_that_its_plan_ends_with(
    kernel: Kernel, plan: Plan, workers: tuple[Worker, ...], store: Store, tmp_path: Path
) -> None:
    """A page that no build reads makes a state of its own, and no kernel to build."""
    async with workers[0].locked():
        await workers[0].build(plan.base.tree, tmp_path / "base", lambda _: None, trusted=True)
    seen = Observation(tree=plan.base.tree, outcome=Outcome.OK, dependencies=workers[0].dependencies.of(plan.base.tree))
    store.put(SETUP.key(plan.base.tree, "base"), seen, tmp_path)
    page = kernel.tree(**{"Documentation/page.rst": "A page."})
    # A file that is new may be found by any search, so that these are states that a build may tell from base.
    others = [kernel.tree(main=f"{MAIN}#error\n", new=f"{number}") for number in range(2, STATES)]
    changed = zip(plan.states[1:], (page, *others), strict=True)
    states = (plan.states[0], *(msgspec.structs.replace(state, tree=tree) for state, tree in changed))
    plan = msgspec.structs.replace(plan, states=states)
    told: list[events.Event] = []
    engine = engine_for(SETUP, workers[:1], store, told.append)
    foretold = [one.state for one in engine.forecast(plan) if one.to_build]
    planned_words = planned_view.render(plan, engine.forecast(plan)).splitlines()

    await engine.run(plan, tmp_path / "out")
    (begun,) = (event for event in told if isinstance(event, events.RunStarted))
    stream = io.StringIO()
    Progress(stream)(begun)
    words = "4 of 6 kernels to build and boot (1 known from before, 1 that no build can tell from another)"
    assert stream.getvalue().strip().endswith(words)
    assert f"6 states: {words}" in planned_words
    started = [event for event in told if isinstance(event, events.StageStarted)]
    assert [event.state for event in started] == foretold
    assert [(event.position, event.todo) for event in started] == [(number, 4) for number in range(1, 5)]


async def test_what_a_build_elsewhere_claims_to_have_read_takes_no_state_out_of_a_plan(
    kernel: Kernel, plan: Plan, workers: tuple[Worker, ...], store: Store, tmp_path: Path
) -> None:
    """A stranger's Makefile may have written the notes, and the same tree may have been built here, too."""
    changed = kernel.tree(main=f"{MAIN}\n")
    plan = msgspec.structs.replace(plan, states=(plan.states[0], msgspec.structs.replace(plan.states[1], tree=changed)))
    await workers[0].build_alone(plan.base.tree, tmp_path / "base")
    theirs = Dependencies(paths=frozenset({"other.c"}))
    store.put(
        SETUP.key(plan.base.tree, "base"),
        Observation(tree=plan.base.tree, outcome=Outcome.OK, dependencies=theirs),
        tmp_path,
    )
    foretold = engine_for(SETUP, workers[:1], store, lambda _: None).forecast(plan)
    assert [one.state for one in foretold if one.to_build] == ["prefix-1"]


async def test_a_worker_that_another_run_has_takes_no_part(
    kernel: Kernel, plan: Plan, workers: tuple[Worker, ...], store: Store, tmp_path: Path
) -> None:
    async with Worker(tmp_path / "workers" / "1", kernel.store, ARCH, Config(FRAGMENT), 1).locked():
        results = await engine_for(SETUP, workers, store, lambda _: None).run(plan, tmp_path / "out")
    assert len(results) == STATES
    assert [built_in(tmp_path / "workers" / str(number)) for number in range(3)] == [True, False, True]


async def test_no_more_workers_than_states_are_left(
    plan: Plan, workers: tuple[Worker, ...], store: Store, tmp_path: Path
) -> None:
    few = msgspec.structs.replace(plan, states=plan.states[:2])
    await engine_for(SETUP, workers, store, lambda _: None).run(few, tmp_path / "out")
    assert [built_in(tmp_path / "workers" / str(number)) for number in range(3)] == [True, False, False]


async def test_what_another_run_found_while_this_one_waited_is_not_done_again(
    kernel: Kernel, plan: Plan, workers: tuple[Worker, ...], store: Store, tmp_path: Path
) -> None:
    told: list[events.Event] = []
    held = asyncio.Event()
    elsewhere = Worker(tmp_path / "workers" / "0", kernel.store, ARCH, Config(FRAGMENT), 1, probes=())

    async def other_run() -> None:
        async with elsewhere.locked():
            held.set()
            while not any(isinstance(event, events.Waiting) for event in told):
                await asyncio.sleep(0.01)
            for state in plan.states[1:4]:
                store.put(
                    SETUP.key(state.tree or ""), seen_of(result_of(state, nothing(Outcome.BUILD_FAILED))), tmp_path
                )

    other = asyncio.create_task(other_run())
    await held.wait()
    results = await engine_for(SETUP, workers[:1], store, told.append).run(plan, tmp_path / "out")
    await other
    assert len(results) == STATES
    assert [event.state for event in told if isinstance(event, events.StageStarted)] == ["prefix-5", "prefix-4"]
    assert sum(isinstance(event, events.StateDone) for event in told) == STATES


async def test_a_tip_that_is_watched_is_built_first_and_known_only_if_it_was_watched(
    kernel: Kernel, plan: Plan, workers: tuple[Worker, ...], store: Store, tmp_path: Path
) -> None:
    tip = plan.states[-1]
    watch = Watch(kernel.store, plan.base.tree, tip.tree or "")
    unwatched = result_of(tip, nothing(Outcome.BUILD_FAILED))
    store.put(SETUP.key(tip.tree or ""), seen_of(unwatched), tmp_path)

    async def built() -> list[str]:
        told: list[events.Event] = []
        await engine_for(SETUP, workers[:1], store, told.append, watch).run(plan, tmp_path / "out")
        return [event.state for event in told if isinstance(event, events.StageStarted)]

    assert (await built())[0] == tip.id
    assert await built() == []


async def test_what_ran_is_kept_for_the_base_it_was_asked_for(
    kernel: Kernel, plan: Plan, workers: tuple[Worker, ...], store: Store, tmp_path: Path
) -> None:
    tip = plan.states[-1]
    watch = Watch(kernel.store, plan.base.tree, tip.tree or "")
    seen = msgspec.structs.replace(result_of(tip, nothing(Outcome.OK)), coverage=Coverage(unknown="said"))
    job = Jobs(SETUP, plan, watch).of(tip)
    Memory(SETUP, store).keep(job, seen_of(seen), tmp_path)
    only_tip = msgspec.structs.replace(plan, states=(plan.states[0], tip))
    for engine_of, coverage in ((watch, Coverage(unknown="said")), (None, None)):
        run = engine_for(SETUP, workers[:1], store, lambda _: None, engine_of).run(only_tip, tmp_path / "out")
        assert (await run)[tip.id].coverage == coverage


async def test_a_run_keeps_its_worker_from_one_plan_to_the_next(
    kernel: Kernel, plan: Plan, workers: tuple[Worker, ...], store: Store, tmp_path: Path
) -> None:
    """Between a series and the cure that it is given, another run would have the folder emptied."""
    elsewhere = Worker(tmp_path / "workers" / "0", kernel.store, ARCH, Config(FRAGMENT), 1)
    engine = engine_for(SETUP, workers[:1], store, lambda _: None)
    with engine.keeping():
        await elsewhere.take()  # as long as nothing has to be built
        elsewhere.give_back()
        await engine.run(msgspec.structs.replace(plan, states=plan.states[:2]), tmp_path / "out")
        with pytest.raises(BlockingIOError):
            await elsewhere.take()
        await engine.run(plan, tmp_path / "out")
    await elsewhere.take()
    elsewhere.give_back()


async def test_who_waits_is_told_the_series_and_its_states(
    kernel: Kernel, plan: Plan, workers: tuple[Worker, ...], store: Store, tmp_path: Path
) -> None:
    told: list[str] = []
    note = tmp_path / "workers" / "0" / "holder.json"

    def hear(event: events.Event) -> None:
        if isinstance(event, events.StateDone) and not event.known:
            told.append(note.read_text())

    await engine_for(SETUP, workers[:1], store, hear).run(plan, tmp_path / "out")
    seen = [msgspec.json.decode(text, type=Holder) for text in told]
    assert [(one.what, one.done, one.total) for one in seen] == [("series", done, STATES) for done in range(1, STATES)]


async def test_what_is_known_waits_for_nobody(
    kernel: Kernel, plan: Plan, workers: tuple[Worker, ...], store: Store, tmp_path: Path
) -> None:
    await engine_for(SETUP, workers[:1], store, lambda _: None).run(plan, tmp_path / "out")
    async with Worker(tmp_path / "workers" / "0", kernel.store, ARCH, Config(FRAGMENT), 1).locked():
        engine = engine_for(SETUP, workers[:1], store, lambda _: None)
        with engine.keeping():
            assert len(await asyncio.wait_for(engine.run(plan, tmp_path / "out"), 60)) == STATES


async def test_what_another_has_built_in_the_folder_is_known_once_it_is_ours(
    kernel: Kernel, plan: Plan, tmp_path: Path
) -> None:
    ours, theirs = (Worker(tmp_path / "worker", kernel.store, ARCH, Config(FRAGMENT), 1) for _ in range(2))
    assert not ours.dependencies.knows(plan.base.tree)  # it has looked
    await theirs.build_alone(plan.base.tree, tmp_path / "into")
    assert not ours.dependencies.knows(plan.base.tree)
    async with ours.locked():
        assert ours.dependencies.knows(plan.base.tree)
