# SPDX-License-Identifier: GPL-2.0-only
"""A kernel that complains while all its checks pass, built and booted: the tiny kernel, from its log to the finding."""

import asyncio
from pathlib import Path

import pytest

from kseries import judge
from kseries.cache.store import Store
from kseries.evaluate.setup import Setup
from kseries.kbuild import Worker
from kseries.kbuild.config import Config
from kseries.model import Accel, Ending, FindingKind, StateResult, Status
from kseries.sources import TreeStore
from tests.support import tiny
from tests.support.engines import engine as engine_for
from tests.support.gitrepo import Repository
from tests.support.kbuild import ARCH, FRAGMENT
from tests.support.told import lines

DEATH = """[    1.1] divide error: 0000 [#1] PREEMPT SMP NOPTI
[    1.1] CPU: 0 PID: 9 Comm: kworker/0:1 Not tainted 6.6.1 #1
[    1.1] RIP: 0010:foo_work+0x1a/0x40
[    1.1] ---[ end trace 0000000000000000 ]---
"""
"""Of a kernel before 6.10."""
REST = "".join(f"[    1.2] idle {n}\n" for n in range(20))
"""What a serial port that nobody waits for may lose of a log is its end."""


def carried_out(place: Path, log: str) -> tuple[StateResult, list[tuple[FindingKind, str, int | None, str]]]:
    """The tip of a series of one patch whose kernel prints this, and the findings."""
    repository, trees = Repository(place / "linux"), TreeStore(place / "trees.git")
    trees.add_repository(repository.path)
    base, tip = (
        trees.tree_of(repository.commit(name, dict(tiny.kernel(name, tiny.LONG // 50, said + REST))))
        for name, said in (("base", "[    1.1] quiet\n"), ("tip", log))
    )
    config = Config(FRAGMENT)
    setup = Setup(ARCH, Accel(name="tcg", why=""), "gcc", config, tiny.ASKED, "")
    worker = Worker(place / "worker", trees, ARCH, config, 2, probes=tiny.PROBES, series="complaints")
    plan = tiny.plan(base, tip)
    seen = asyncio.run(engine_for(setup, (worker,), Store(place / "results"), lambda _: None).run(plan, place / "out"))
    states, findings, _ = judge.judge(plan, seen, ())
    return states[1], [(one.kind, one.state, one.patch, lines(one.evidence)[0]) for one in findings]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_an_oops_is_a_finding_though_all_checks_pass(tmp_path: Path) -> None:
    tip, findings = carried_out(tmp_path, DEATH)
    assert tip.ending is Ending.OOPS
    assert {check.status for check in tip.checks} == {Status.PASS}
    assert [(one.kind, one.function, one.boots, one.of) for one in tip.complaints] == [
        ("divide error", "foo_work", 2, 2)
    ]
    said = "divide error: 0000 [#1] PREEMPT SMP NOPTI"
    evidence = f"outside of any check: {said} (in foo_work)"
    assert findings == [(FindingKind.KERNEL_COMPLAINT, "prefix-1", 1, evidence)]
    log = (tmp_path / "out" / tip.logs["console"]).read_text()
    assert log.count(said) == 2 and "--- boot 2 of the same kernel" in log


def test_what_a_driver_says_of_itself_is_nothing(tmp_path: Path) -> None:
    tip, findings = carried_out(tmp_path, "[    1.1] foo: DEBUG: entering\n[    1.1] foo: WARNING: clock is slow\n")
    assert (tip.ending, tip.complaints, findings) == (Ending.DONE, (), [])
