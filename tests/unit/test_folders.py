# SPDX-License-Identifier: GPL-2.0-only
"""The folder of a state: its id, where a file system takes that."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from kseries.app import assembly, concluded, rundir
from kseries.app.options import Options
from kseries.cache.store import Store
from kseries.evaluate import folders
from kseries.model import Advice, State
from kseries.sources import TreeStore
from tests.support.engines import SETUP, FullDisk, seen_of
from tests.support.engines import engine as engine_for
from tests.support.judged import plan_of
from tests.support.runs import state as result

LONG = "without-" + "+".join(map(str, range(1, 181, 2)))


def test_a_folder_is_called_as_its_state_is_unless_that_is_too_long(tmp_path: Path) -> None:
    assert folders.of(tmp_path, "without-2+4") == tmp_path / "without-2+4"
    assert folders.of(tmp_path, "prefix-4/without-2") == tmp_path / "prefix-4" / "without-2"
    made, other = folders.of(tmp_path, LONG), folders.of(tmp_path, f"{LONG}+200")
    made.mkdir()
    assert made.name.startswith("without-1+3+") and made != other and len(LONG) > 255


def test_the_logs_of_a_state_with_a_long_id_are_beside_the_others(tmp_path: Path) -> None:
    plan = plan_of(("base",), patches=(1,))
    tree = plan.base.tree
    long = State(id=LONG, scenario="pairs", applied=(), tree="f" * 40)
    plan = replace(plan, states=(*plan.states, long))
    store = Store(tmp_path / "s")
    (tmp_path / "build.log").write_text("built\n")
    store.put(SETUP.key(tree, "base"), seen_of(result("base", tree=tree)), tmp_path)
    store.put(SETUP.key(long.tree or ""), seen_of(result(LONG, tree=long.tree)), tmp_path)
    engine = engine_for(SETUP, (FullDisk(),), store, lambda _: None)
    done = asyncio.run(engine.run(plan, tmp_path / "o"))
    assert (tmp_path / "o" / done[LONG].logs["build"]).read_text() == "built\n"


def test_the_states_of_a_long_order_are_built_and_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(concluded, "with_suspects", lambda _plan, states, _trees: states)
    moved = Advice(order=(1, *range(3, 101), 2))
    assert len(moved.series) > 255
    plan = replace(plan_of(("base", "prefix-1"), patches=(1,)), series=moved.series)
    store, out = Store(tmp_path / "s"), tmp_path / "o"
    (tmp_path / "build.log").write_text("built\n")
    store.put(SETUP.key(plan.base.tree, "base"), seen_of(result("base", tree=plan.base.tree)), tmp_path)
    store.put(SETUP.key("prefix-1"), seen_of(result("prefix-1", tree="prefix-1")), tmp_path)
    engine, trees = engine_for(SETUP, (FullDisk(),), store, lambda _: None), TreeStore(tmp_path / "t")
    done = assembly._squash(plan, engine, (), trees, Options(out=out))
    logs = [state.logs["build"] for state in done.states]
    assert done.id == moved.series and [(out / log).read_text() for log in logs] == ["built\n"] * 2
    rundir.begin(out)
    assert not any((out / log).exists() for log in logs)
