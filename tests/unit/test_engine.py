# SPDX-License-Identifier: GPL-2.0-only
"""The engine's errors come out as what they are."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from kseries.app import evaluation
from kseries.cache.store import Store
from kseries.evaluate.memory import Memory
from kseries.model import Job, Observation, Outcome, events
from kseries.model.errors import InfraError, InputError
from tests.support.engines import SETUP, FullDisk, seen_of
from tests.support.engines import engine as engine_for
from tests.support.judged import plan_of
from tests.support.runs import state as state_result


def test_a_full_disk_is_an_os_error_and_no_group(tmp_path: Path) -> None:
    plan = plan_of(("base", "prefix-1"), patches=(1,))
    engine = engine_for(SETUP, (FullDisk(),), Store(tmp_path / "s"), lambda _: None)
    with pytest.raises((OSError, InfraError)):
        asyncio.run(engine.run(plan, tmp_path / "o"))


def test_what_was_found_for_the_same_tree_in_a_series_of_somebody_is_not_taken_for_base(tmp_path: Path) -> None:
    """It was built beside what those patches had left."""
    plan = plan_of(("base", "prefix-1"), patches=(1,))
    store = Store(tmp_path / "s")
    theirs = state_result("prefix-1", tree=plan.base.tree)
    store.put(SETUP.key(plan.base.tree), seen_of(theirs), tmp_path)
    engine = engine_for(SETUP, (FullDisk(),), store, lambda _: None)
    with pytest.raises(OSError, match="No space left"):  # base was to be built
        asyncio.run(engine.run(plan, tmp_path / "o"))


def test_a_base_that_is_known_to_crash_ends_the_run_before_anything_is_built(tmp_path: Path) -> None:
    plan = plan_of(("base", "prefix-1"), patches=(1,))
    store = Store(tmp_path / "s")
    (base,) = (state for state in plan.states if state.id == "base")
    assert base.tree is not None
    (tmp_path / "console.log").write_text("panic\n")
    result = state_result("base", tree=base.tree, outcome=Outcome.CRASHED, detail="it fell over")
    store.put(SETUP.key(base.tree, "base"), seen_of(result), tmp_path)
    engine = engine_for(SETUP, (FullDisk(),), store, lambda _: None)
    with pytest.raises(InputError, match=f"crashed: it fell over\n.* {tmp_path / 'o' / 'states' / 'base'}"):
        asyncio.run(engine.run(plan, tmp_path / "o"))
    assert (tmp_path / "o" / "states" / "base" / "console.log").read_text() == "panic\n"


def test_a_job_that_another_has_done_while_this_one_waited_is_not_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory(SETUP, Store(tmp_path / "s"))
    job = Job(name="prefix-1", tree="t", base="b", series=("t",), conditions=SETUP.conditions)
    seen = Observation(tree="t", outcome=Outcome.OK)

    class Waits(FullDisk):
        async def take(self, wait: object) -> None:
            memory.keep(job, seen, tmp_path)

    monkeypatch.setattr(evaluation, "_worker", lambda *_: Waits())
    assert asyncio.run(evaluation._evaluated(job, SETUP, memory, lambda _: None)) == seen


def test_a_base_that_was_not_built_is_kept_for_nobody(tmp_path: Path) -> None:
    """It ends where an option is dropped or a probe does not build, and the same tree in a series does not."""
    memory = Memory(SETUP, Store(tmp_path / "s"))
    failed = Observation(tree="t", outcome=Outcome.BUILD_FAILED, unbuilt=("own",))
    state = Job(name="prefix-1", tree="t", base="b", series=("t",), conditions=SETUP.conditions)
    for trusted in (False, True):
        base = msgspec.structs.replace(state, name="base", base="t", is_base=True, trusted=trusted)
        memory.keep(base, failed, tmp_path)
        assert memory.find(base) is None
    assert memory.find(state) is None
    memory.keep(state, failed, tmp_path)
    assert memory.find(state) == failed


def test_a_base_that_is_known_from_a_series_has_each_probe_or_is_none(tmp_path: Path) -> None:
    """In the series that it was a state of, a probe that does not build was a note."""
    plan = plan_of(("prefix-1", "base"), patches=(1,))
    plan = msgspec.structs.replace(plan, base=msgspec.structs.replace(plan.base, guessed="a" * 40))
    store = Store(tmp_path / "s")
    seen = Observation(tree=plan.base.tree, outcome=Outcome.OK, unbuilt=("own",), errors=("own.c:1: error: x",))
    store.put(SETUP.key(plan.base.tree), seen, tmp_path)
    engine = engine_for(SETUP, (FullDisk(),), store, lambda _: None)
    with pytest.raises(InputError, match="the probe own does not build with base's headers"):
        asyncio.run(engine.run(plan, tmp_path / "o"))


@pytest.mark.parametrize(
    ("prerequisites", "guessed", "trusted"), [((), "", True), (("KVM: x",), "", False), ((), "a" * 40, False)]
)
def test_a_base_that_has_somebodys_patches_is_built_as_theirs(
    tmp_path: Path, prerequisites: tuple[str, ...], guessed: str, trusted: bool
) -> None:
    """Nor is its result found as a base's: what all series build upon, no patch may have touched."""
    plan = plan_of(("base", "prefix-1"), patches=(1,))
    plan = msgspec.structs.replace(
        plan, base=msgspec.structs.replace(plan.base, prerequisites=prerequisites, guessed=guessed)
    )
    worker, store, heard = FullDisk(), Store(tmp_path / "s"), list[events.Event]()
    engine = engine_for(SETUP, (worker,), store, heard.append)
    with pytest.raises(OSError, match="No space left"):
        asyncio.run(engine.run(plan, tmp_path / "o"))
    assert worker.trusted == [trusted]
    store.put(SETUP.key(plan.base.tree), seen_of(state_result("base", tree=plan.base.tree)), tmp_path)
    with pytest.raises(OSError, match="No space left"):
        asyncio.run(engine.run(plan, tmp_path / "o"))
    known = [event.result.id for event in heard if isinstance(event, events.StateDone)]
    assert known == ([] if trusted else ["base"])
