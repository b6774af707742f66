# SPDX-License-Identifier: GPL-2.0-only
"""What the cache remembers of checks that fail by chance: what is counted, once, and what a finding says of it."""

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from kseries.app import flakiness
from kseries.app.options import Options
from kseries.cache import flakes
from kseries.cache.flakes import Family, Flakes
from kseries.cache.gc.collect import collect
from kseries.cache.store import Store
from kseries.evaluate.memory import Memory
from kseries.host import paths
from kseries.model import (
    Accel,
    Check,
    Conditions,
    Evidence,
    EvidenceKind,
    FindingKind,
    HostFacts,
    Job,
    NamedProgram,
    Observation,
    Origin,
    Outcome,
    Probe,
    Status,
    Tally,
    events,
)
from kseries.sources import TreeStore
from tests.support.engines import SETUP
from tests.support.gitrepo import Repository
from tests.support.judged import plan_of
from tests.support.runs import finding

HOST = HostFacts(accel=Accel(name="tcg", why=""), toolchain="gcc")
CONDITIONS = Conditions(arch="x86_64")
FAMILY = Family(arch="x86_64", accel="tcg", release="6.12")


def seen(tree: str = "base", boots: int = 0, failures: dict[str, int] | None = None, **more: Any) -> Observation:
    """What was seen of a base whose checks p.a and p.b pass, but for those that failed in some of its boots."""
    counts = {"boots": boots, "failures": failures or {}} if boots else {}
    statuses = more.pop("statuses", {"p.a": Status.PASS, "p.b": Status.PASS})
    checks = tuple(Check(id=name, status=status) for name, status in statuses.items())
    flaky = more.pop("flaky", tuple(failures or ()))
    return Observation(tree=tree, outcome=Outcome.OK, host=HOST, checks=checks, flaky=flaky, **{**counts, **more})


@pytest.fixture
def memory(tmp_path: Path) -> Flakes:
    return Flakes(tmp_path)


def test_boots_that_failed_are_added_up_and_each_observation_once(memory: Flakes) -> None:
    assert memory.rate("p.a", FAMILY) == (0, 0)
    assert memory.count("one", FAMILY, seen(boots=4, failures={"p.a": 3}))
    assert memory.count("two", FAMILY, seen(boots=3))
    assert not memory.count("one", FAMILY, seen(boots=4, failures={"p.a": 3}))
    assert memory.rates(("p.a", "p.b", "p.c"), FAMILY) == {"p.a": (3, 7), "p.b": (0, 7), "p.c": (0, 0)}


def test_of_an_observation_from_before_boots_were_counted_one_of_two_failed(memory: Flakes) -> None:
    memory.count("flaky", FAMILY, seen(flaky=("p.a",)))
    memory.count("steady", FAMILY, seen())
    assert memory.rates(("p.a", "p.b"), FAMILY) == {"p.a": (1, 3), "p.b": (0, 3)}


def test_what_fails_in_each_boot_of_a_tree_is_broken_there_and_no_chance(memory: Flakes) -> None:
    broken = {"p.a": Status.FAIL, "p.b": Status.MISSING}
    memory.count("broken", FAMILY, seen("old", boots=2, statuses=broken))
    memory.count("well", FAMILY, seen("new", boots=3))
    assert memory.rates(("p.a", "p.b"), FAMILY) == {"p.a": (0, 3), "p.b": (0, 3)}
    memory.count("once", FAMILY, seen("old", boots=2, statuses={"p.a": Status.PASS, "p.b": Status.FAIL}))
    assert memory.rate("p.a", FAMILY) == (2, 7), "it is not broken: another time it passed"


def test_a_skip_is_no_boot_that_tells_and_no_failure(memory: Flakes) -> None:
    memory.count("skips", FAMILY, seen(boots=5, statuses={"p.a": Status.SKIP, "p.b": Status.XFAIL}))
    memory.count("by turns", FAMILY, seen(boots=2, flaky=("p.a",), statuses={"p.a": Status.SKIP}))
    assert memory.rates(("p.a", "p.b"), FAMILY) == {"p.a": (0, 2), "p.b": (0, 5)}


def test_each_family_and_each_tree_stands_for_itself(memory: Flakes) -> None:
    memory.count("one", FAMILY, seen("one", boots=2, failures={"p.a": 1}))
    memory.count("two", FAMILY, seen("two", boots=3, failures={"p.a": 1}))
    for other in (replace(FAMILY, arch="arm64"), replace(FAMILY, accel="kvm"), replace(FAMILY, release="6.1")):
        assert memory.rate("p.a", other) == (0, 0)
    assert memory.rate("p.a", FAMILY, {"two"}) == (1, 2)
    assert memory.trees(FAMILY) == ("two", "one")


@pytest.mark.parametrize(
    ("version", "release"), [("6.12.107", "6.12"), ("6.12", "6.12"), ("6.13-rc4", "6.13"), ("6", "6"), ("", "")]
)
def test_a_family_is_of_a_release(version: str, release: str) -> None:
    assert Family.of(version, "tcg", CONDITIONS).words == f"x86_64 tcg {release}"


def test_another_program_of_the_same_name_is_another_check(memory: Flakes) -> None:
    def family(digest: str, words: str) -> Family:
        command = Probe(name="said", argv=("/bin/sh", "-c", words), origin=Origin.COMMAND)
        program = NamedProgram(name="own.probe", digest=digest)
        return Family.of("6.12", "tcg", Conditions(arch="x86_64", probes=(command,), programs=(program,)))

    checks = dict.fromkeys(("own.probe.a", "said.exit_status", "ours.a"), Status.PASS)
    memory.count("one", family("1" * 64, "true"), seen(boots=2, statuses=checks))
    assert {*memory.rates(checks, family("1" * 64, "true")).values()} == {(0, 2)}
    others = memory.rates(checks, family("2" * 64, "false"))
    assert others == {"own.probe.a": (0, 0), "said.exit_status": (0, 0), "ours.a": (0, 2)}


def test_names_of_any_bytes_are_counted(memory: Flakes) -> None:
    name = "p.\udcff\ud800\0\u2028'; DROP TABLE observations"
    memory.count("one", FAMILY, seen(boots=3, failures={name: 1}, statuses={}))
    assert memory.rate(name, FAMILY) == (1, 3)


# --- several at once, bounded, damaged -----------------------------------------------------------


def test_runs_that_count_at_the_same_time_count_each_once(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "tests.support.counting", str(tmp_path)]
    children = [subprocess.Popen(words) for _ in range(4)]
    assert [child.wait(timeout=120) for child in children] == [0] * 4
    assert Flakes(tmp_path).rate("p.a", Family(arch="x", accel="tcg", release="6")) == (25, 50)


def test_of_very_many_the_newest_are_kept(memory: Flakes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(flakes, "MOST", 3)
    for number in range(6):
        checks = {f"p.{number}": Status.PASS}
        memory.count(f"{number}", FAMILY, seen(f"{number}", 2, statuses=checks, failures={"p.a": 1}))
    assert memory.trees(FAMILY) == ("5", "4", "3")
    assert memory.rate("p.a", FAMILY) == (3, 6)
    assert _rows(tmp_path) == {"observations": 3, "asked": 3, "failures": 3}, "and what was of the others is gone"


def _rows(cache: Path) -> dict[str, int]:
    with closing(sqlite3.connect(cache / flakes.NAME)) as opened:
        tables = ("observations", "asked", "failures")
        return {table: opened.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}


def test_gc_forgets_what_was_counted_long_ago(memory: Flakes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.count("new", FAMILY, seen("new", boots=3))
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: 1e9)
        memory.count("old", FAMILY, seen("old", boots=2, failures={"p.a": 1}))
    collect(tmp_path, 1 << 40, True, events.unheard)
    assert memory.rate("p.a", FAMILY) == (1, 5), "a dry run leaves all"
    collect(tmp_path, 1 << 40, False, events.unheard)
    assert memory.rate("p.a", FAMILY) == (0, 3)
    assert _rows(tmp_path) == {"observations": 1, "asked": 1, "failures": 0}


def test_gc_makes_no_memory_where_there_is_none(tmp_path: Path) -> None:
    collect(tmp_path, 1 << 40, False, events.unheard)
    assert not (tmp_path / flakes.NAME).exists()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda opened: opened.execute("UPDATE asked SET checks = 'no JSON'"),
        lambda opened: opened.execute("DELETE FROM asked"),
        lambda opened: opened.execute("UPDATE observations SET boots = 'many'"),
    ],
)
def test_rows_that_cannot_be_ours_are_put_aside_and_told(tmp_path: Path, spoil: Any) -> None:
    said: list[str] = []
    memory = Flakes(tmp_path, said.append)
    memory.count("one", FAMILY, seen(boots=2))
    with closing(sqlite3.connect(tmp_path / flakes.NAME)) as opened, opened:
        spoil(opened)
    assert memory.rate("p.a", FAMILY) == (0, 0)
    assert len(said) == 1 and "flakes.sqlite.old" in said[0]
    assert memory.count("one", FAMILY, seen(boots=2)), "and it is counted again"


# --- which observations are counted -------------------------------------------------------------


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    paths.cache().mkdir(parents=True)
    yield paths.cache()


JOB = Job(name="base", tree="base", base="base", series=(), conditions=CONDITIONS, trusted=True, is_base=True)


def counted(options: Options, job: Job = JOB, what: Observation | None = None) -> tuple[int, int]:
    heard: list[events.Event] = []
    event = events.BaseSeen("name", job, what or seen(boots=2))
    flakiness.counting(heard.append, "6.12.1", options)(event)
    assert heard == [event], "it is passed on"
    return Flakes(paths.cache()).rate("p.a", FAMILY)


def test_a_base_with_nobodys_patches_is_counted(cache: Path) -> None:
    assert counted(Options(out=Path())) == (0, 2)


@pytest.mark.parametrize(
    ("job", "what"),
    [
        (replace(JOB, trusted=False), None),
        (replace(JOB, is_base=False), None),
        (replace(JOB, conditions=Conditions(arch="x86_64", boxed=False)), None),
        (JOB, replace(seen(boots=2), outcome=Outcome.TIMED_OUT)),
        (JOB, replace(seen(boots=2), outcome=Outcome.CRASHED)),
        (JOB, replace(seen(boots=2), outcome=Outcome.INFRA_ERROR)),
        (JOB, replace(seen(boots=2), ended=1)),
        (JOB, replace(seen(boots=2), booted_as="other")),
        (JOB, replace(seen(boots=2), built_as="other")),
        (JOB, replace(seen(boots=2), host=None)),
    ],
)
def test_another_is_not(cache: Path, job: Job, what: Observation | None) -> None:
    assert counted(Options(out=Path()), job, what) == (0, 0)


def test_nor_is_one_whose_target_brings_programs(cache: Path) -> None:
    assert counted(Options(out=Path(), brought=True)) == (0, 0)


def test_where_nothing_can_be_counted_that_is_told_once(cache: Path) -> None:
    (cache / flakes.NAME).mkdir()
    heard: list[events.Event] = []
    listener = flakiness.counting(heard.append, "6.12", Options(out=Path()))
    for name in ("one", "two"):
        listener(events.BaseSeen(name, JOB, seen(boots=2)))
    told = [event.what for event in heard if isinstance(event, events.Preparing)]
    assert len(told) == 1 and told[0].startswith("what fails by chance is not counted: flakes.sqlite: ")


# --- findings say it ----------------------------------------------------------------------------


class Lab:
    """A kernel in a repository, whose topic changes a file; and other bases of its family."""

    def __init__(self, place: Path) -> None:
        self.repository = Repository(place / "linux")
        self.trees = TreeStore(place / "trees.git")
        self.base = self.tree(a="1", b="1")
        self.tip = self.tree(a="2", b="1")

    def tree(self, **files: str) -> str:
        commit = self.repository.commit("state", files)
        self.trees.add_repository(self.repository.path)
        return self.trees.tree_of(commit)

    def told(self, *names: str, kind: EvidenceKind = EvidenceKind.CHECK) -> list[Tally | None]:
        plan = plan_of(("base", "prefix-1"), patches=(1,))
        patches = tuple(replace(patch, tree_after=self.tip) for patch in plan.patches)
        plan = replace(plan, patches=patches, base=replace(plan.base, tree=self.base))
        seen = (Evidence(kind=kind, name=name, status=Status.FAIL) for name in names)
        found = (finding(FindingKind.REGRESSION, "prefix-1", *seen),)
        (told,) = flakiness.remembered(found, plan, FAMILY, self.trees, events.unheard)
        return [one.without_series for one in told.evidence]


@pytest.fixture
def lab(cache: Path, tmp_path: Path) -> Lab:
    return Lab(tmp_path)


def test_a_finding_says_how_often_its_checks_failed_on_other_kernels(lab: Lab, cache: Path) -> None:
    memory = Flakes(cache)
    memory.count("one", FAMILY, seen(lab.base, boots=2))
    memory.count("two", FAMILY, seen(lab.tree(a="1", b="2"), boots=5, failures={"p.a": 3}))
    assert lab.told("p.a", "p.b") == [Tally(failed=3, boots=7), None]
    assert lab.told("p.a", kind=EvidenceKind.FLAKY) == [Tally(failed=3, boots=7)]
    assert lab.told("p.a", kind=EvidenceKind.COMPLAINT) == [None]


def test_fewer_than_five_boots_say_nothing(lab: Lab, cache: Path) -> None:
    memory = Flakes(cache)
    memory.count("one", FAMILY, seen(lab.base, boots=4, failures={"p.a": 1}))
    assert lab.told("p.a") == [None]
    memory.count("two", FAMILY, seen(lab.tree(a="1", b="3"), boots=1))
    assert lab.told("p.a") == [Tally(failed=1, boots=5)]


def test_a_kernel_that_has_the_series_is_none_without_it(lab: Lab, cache: Path) -> None:
    memory = Flakes(cache)
    memory.count("base", FAMILY, seen(lab.base, boots=9, failures={"p.a": 1}))
    memory.count("step", FAMILY, seen(lab.tip, boots=9, failures={"p.a": 8}))
    memory.count("merged", FAMILY, seen(lab.tree(a="2", b="9"), boots=9, failures={"p.a": 8}))
    memory.count("gone", FAMILY, seen("0" * 40, boots=9, failures={"p.a": 8}))
    assert lab.told("p.a") == [Tally(failed=1, boots=9)]


def test_a_finding_of_what_never_failed_stays_as_it_was(lab: Lab, cache: Path) -> None:
    Flakes(cache).count("base", FAMILY, seen(lab.base, boots=9))
    assert lab.told("p.a") == [None]
    (cache / flakes.NAME).unlink()
    assert lab.told("p.a") == [None]
    assert not (cache / flakes.NAME).exists(), "and a question makes no memory"


def test_without_the_memory_a_run_has_its_findings(lab: Lab, cache: Path) -> None:
    (cache / flakes.NAME).mkdir()
    assert lab.told("p.a") == [None]


def test_the_name_of_an_observation_is_that_in_the_store(tmp_path: Path) -> None:
    memory = Memory(SETUP, Store(tmp_path))
    job = replace(JOB, conditions=SETUP.conditions)
    memory.keep(job, seen(), tmp_path)
    assert (tmp_path / memory.name(job) / "observation.json").exists()
