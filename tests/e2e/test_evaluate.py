# SPDX-License-Identifier: GPL-2.0-only
"""kseries evaluate: a fresh process sees of a job what a run sees, given the job, a cache and the trees' objects."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kseries import inputs
from kseries.app import planning, setup
from kseries.app.options import Options
from kseries.cache.store import Store
from kseries.coverage.tracepoints import Watch
from kseries.evaluate.jobs import Jobs
from kseries.evaluate.memory import Memory
from kseries.model import Job, Observation, Probe
from kseries.sources import TreeStore
from tests.support import tiny
from tests.support.commands import SECONDS, TOP, typed
from tests.support.gitrepo import Repository

BODY = '#include "said.h"\nint main(void) { return said(); }\n'
HEADER = """
#include <stdio.h>
static int said(void) { puts("KTAP version 1\\n1..1\\nok 1 said"); return 0; }
"""


@pytest.fixture(scope="module")
def linux(tmp_path_factory: pytest.TempPathFactory) -> Path:
    repository = Repository(tmp_path_factory.mktemp("linux") / "linux")
    for name in ("base", "topic"):
        repository.commit(name, {**tiny.kernel(name), "arch/x86/kvm/Kconfig": ""})
        subprocess.run(["git", "-C", repository.path, "tag", name], check=True)
    return repository.path


def evaluated(cache: Path, job: bytes) -> "subprocess.CompletedProcess[bytes]":
    env = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    return subprocess.run(
        [TOP / "kseries", "evaluate"], input=job, env=env, capture_output=True, timeout=SECONDS, check=False
    )


def jobs_of(place: Path, linux: Path, probe: Path) -> tuple[Memory, dict[str, Job]]:
    """What a run of that series does: its jobs, and the observations that are stored of them."""
    target = inputs.load("base..topic", str(linux))
    options = Options(out=place, tree=str(linux), scenarios=("prefixes",), probes=("capabilities",), programs=(probe,))
    trees, made = TreeStore(place / "kseries" / "trees.git"), setup.setup_of(options)
    plan = planning.plan(target, options, trees, lambda _: None)
    jobs = Jobs(made, plan, Watch.of(trees, plan.base.tree, plan.patches))
    return Memory(made, Store(place / "kseries" / "results")), {state.id: jobs.of(state) for state in jobs.states}


def test_a_fresh_process_sees_the_same(linux: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    probe = tmp_path / "own.c"
    probe.write_text(BODY)
    probe.with_name("said.h").write_text(HEADER)
    words = ("--tree", linux, "--scenario", "prefixes", "--probe", "capabilities", "--probe", probe)
    done = typed(tmp_path, "run", "base..topic", *words, "--out", "out", XDG_CACHE_HOME=str(here))
    assert done.returncode == 0, done.stdout + done.stderr
    monkeypatch.setenv("XDG_CACHE_HOME", str(here))
    memory, jobs = jobs_of(here, linux, probe)
    assert jobs.keys() == {"base", "prefix-1"} and jobs["base"].trusted and jobs["prefix-1"].traced
    for part in ("trees.git", "programs"):
        shutil.copytree(here / "kseries" / part, there / "kseries" / part)
    for name, job in jobs.items():
        text = msgspec.json.encode(job)
        assert str(tmp_path).encode() not in text
        told = evaluated(there, text)
        assert told.returncode == 0, told.stderr.decode()
        seen, known = msgspec.json.decode(told.stdout, type=Observation), memory.find(job)
        assert known is not None and seen.dependencies is not None and "init.c" in seen.dependencies.names, name
        assert plain(seen) == plain(known)
        logs = {path.name: path for path in there.glob("kseries/results/*/*.log")}
        assert seen.logs.keys() == {"build.log", "console.log"} == logs.keys()
        kept = {hashlib.sha256(path.read_bytes()).hexdigest() for path in there.glob("kseries/results/*/*.log")}
        assert {*seen.logs.values()} <= kept
    again = evaluated(there, text)
    assert msgspec.json.decode(again.stdout, type=Observation) == seen


def plain(seen: Observation) -> Observation:
    """Without what a second build of the same tree need not have: its times, ccache's luck, and so its log."""
    return msgspec.structs.replace(seen, seconds={}, objects=None, logs={})


def test_a_job_that_nobody_can_do_is_two_lines(linux: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    probe = tmp_path / "own.c"
    probe.write_text("int main(void) { return 0; }\n")
    _, jobs = jobs_of(tmp_path, linux, probe)
    job = jobs["prefix-1"]
    conditions = job.conditions
    machine = b'{"name":"a","tree":"","base":"","series":[],"conditions":{"arch":"x86_64","machine":{"memory":1}}}'
    deep = b'{"x":' + b"[" * 10**5

    def under(**other: Any) -> bytes:
        return msgspec.json.encode(
            msgspec.structs.replace(job, conditions=msgspec.structs.replace(conditions, **other))
        )

    wrong = {
        "standard input is no job: --memory": machine,
        "standard input is no job: maximum recursion": deep,
        "this is no tree's id: HEAD": msgspec.json.encode(msgspec.structs.replace(job, tree="HEAD")),
        "the tree of prefix-1 is not that of base": msgspec.json.encode(msgspec.structs.replace(job, trusted=True)),
        "the job is to be done without a box": under(boxed=False),
        "--make --eval=x: expected NAME=VALUE": under(make=("--eval=x",)),
        "the job's conditions are not as this kseries writes them": under(selftests=("mm:a", "b")),
        "the configuration:1: no option": under(config="CONFIG_A = y"),
        "two probes are called own": under(probes=(Probe.program("own"), Probe.program("own"))),
        "no program is kept as": under(
            programs=(msgspec.structs.replace(conditions.programs[0], digest=str(tmp_path)),)
        ),
        "standard input is no job": b"{",
        "no such tree": msgspec.json.encode(msgspec.structs.replace(job, tree="0" * 40)),
        "no such probe: other": msgspec.json.encode(
            msgspec.structs.replace(job, conditions=msgspec.structs.replace(conditions, probes=(Probe.ours("other"),)))
        ),
        "the probe own is not as it was": msgspec.json.encode(
            msgspec.structs.replace(
                job,
                conditions=msgspec.structs.replace(
                    conditions, programs=(msgspec.structs.replace(conditions.programs[0], digest="0" * 64),)
                ),
            )
        ),
    }
    for words, text in wrong.items():
        told = evaluated(tmp_path, text)
        said = told.stderr.decode().partition("kseries: ")[2].splitlines()
        assert told.returncode == 2 and not told.stdout and said[0].startswith(words) and len(said) <= 2, told.stderr
