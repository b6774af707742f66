# SPDX-License-Identifier: GPL-2.0-only
"""The engine's errors come out as what they are."""

import asyncio
import errno
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import msgspec
import pytest

from kseries import arch
from kseries.cache.store import Store
from kseries.evaluate.setup import Setup
from kseries.kbuild.config import Config
from kseries.kbuild.dependencies import Reads
from kseries.kbuild.timing import Pace
from kseries.model import Accel, Build, Outcome, events
from kseries.model.errors import InfraError, InputError
from kseries.model.events import Wait
from tests.support.engines import engine as engine_for
from tests.support.engines import seen_of
from tests.support.runs import state as state_result
from tests.unit.test_judge import plan_of


class FullDisk:
    """A worker on a disk that has no room left."""

    def __init__(self) -> None:
        self.trusted: list[object] = []

    async def take(self, wait: Callable[[Wait], None]) -> None:
        pass

    def give_back(self) -> None:
        pass

    def say(self, what: str, done: int, total: int) -> None:
        pass

    @property
    def trees(self) -> "FullDisk":
        return self

    def changes(self, _old: str, _new: str) -> tuple[()]:
        return ()

    def scratch(self) -> AbstractContextManager[Path]:
        return nullcontext(Path("/nonexistent"))

    @property
    def holds(self) -> None:
        return None

    @property
    def reads(self) -> Reads:
        return Reads(Path("/nonexistent"), Path("/nonexistent"), Path("/nonexistent"))

    @property
    def pace(self) -> Pace:
        return Pace(Path("/nonexistent"))

    async def build(self, *_: object, trusted: bool, **__: object) -> Build:
        self.trusted.append(trusted)
        raise OSError(errno.ENOSPC, "No space left on device", "/x")


SETUP = Setup(
    arch=arch.get("x86_64"),
    accel=Accel(name="tcg", why=""),
    toolchain="",
    config=Config(""),
    probes=(),
    program="",
)


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
