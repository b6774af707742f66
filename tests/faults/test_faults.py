# SPDX-License-Identifier: GPL-2.0-only
"""A process is taken away from a run, at each stage: no false verdict, nothing left running, and the next run goes on.

What is killed is real: kseries, bwrap, make, a shell, ccache, the compiler, QEMU. docs/faults.md has the table.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kseries.sources import TreeStore
from tests.support import processes, tiny
from tests.support.gitrepo import Repository
from tests.support.processes import below, booting
from tests.support.sample import sampled

SECONDS = 120.0
"""The longest that anything here may take on a slow host; what takes longer hangs."""

# What is done to whom, at which stage, and what the state comes to, in the run itself and in the words of its detail.
TABLE = (
    ("kill -9", "kseries", "configure", "interrupted", ""),
    ("kill -9", "kseries", "compile", "interrupted", ""),
    ("kill -9", "kseries", "link", "interrupted", ""),
    ("kill -9", "kseries", "boot", "interrupted", ""),
    ("kill -9", "bwrap", "configure", "infra-error", "make was killed"),
    ("kill -9", "bwrap", "compile", "infra-error", "make was killed"),
    ("kill -9", "bwrap", "link", "infra-error", "make was killed"),
    ("kill -9", "bwrap", "boot", "infra-error", ""),
    ("kill -9", "make", "configure", "infra-error", "make was killed"),
    ("kill -9", "make", "compile", "infra-error", "make was killed"),
    ("kill -9", "make", "link", "infra-error", "make was killed"),
    ("kill -9", "sh", "configure", "infra-error", "somebody killed a process of the build"),
    ("kill -9", "sh", "link", "infra-error", "somebody killed a process of the build"),
    ("kill -9", "ccache", "compile", "infra-error", "somebody killed a process of the build"),
    ("kill -9", "cc1", "compile", "infra-error", "somebody killed a process of the build"),
    ("kill -9", "qemu-system-x86", "boot", "infra-error", ""),
    ("kill -TERM", "qemu-system-x86", "boot", "infra-error", ""),
)
ALWAYS = {
    ("kill -9", "kseries", "compile"),
    ("kill -9", "bwrap", "link"),
    ("kill -9", "cc1", "compile"),
    ("kill -9", "qemu-system-x86", "boot"),
}
"""What every run of the tests tries: each outcome, each way to come to it."""
SIGNALS = {"kill -9": signal.SIGKILL, "kill -TERM": signal.SIGTERM}


class Site:
    """A place to run in, whose base is known, and a series that is new at each call."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.repository = Repository(place / "linux")
        self._store = TreeStore(place / "trees.git")
        self._store.add_repository(self.repository.path)
        self.base = self.tree("base")
        self.count = 0
        self.started: list[subprocess.Popen[str]] = []

    def tree(self, which: str, delay: int = 1) -> str:
        return self._store.tree_of(self.repository.commit("state", dict(tiny.kernel(which, delay))))

    def series(self, delay: int = 1) -> str:
        self.count += 1
        return self.tree(f"series {self.count}", delay)

    def start(self, tip: str, *before: str) -> "subprocess.Popen[str]":
        words = [*before, sys.executable, "-m", "tests.support.tiny", str(self.place), self.base, tip]
        child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.started.append(child)
        return child

    def end(self) -> None:
        """Leave nothing to the next test, whatever has failed in this one."""
        for child in self.started:
            child.kill()
            child.communicate()
        self.started.clear()

    def run(self, tip: str) -> dict[str, Any]:
        return told(self.start(tip))

    @property
    def obj(self) -> Path:
        (place,) = (one for one in self.place.glob("worker/x86_64-*") if one.suffix != ".pristine")
        return place / "obj"

    def left(self) -> list[str]:
        """The command lines of processes that are at work in this place."""
        return [words for words in processes.at_work(self.place) if "pytest" not in words]


def told(child: "subprocess.Popen[str]") -> dict[str, Any]:
    out, err = child.communicate(timeout=SECONDS)
    assert child.returncode == 0, err
    found: dict[str, Any] = json.loads(out)
    return found


def until(there: Callable[[], Any], what: str, run: "subprocess.Popen[str] | None" = None, pause: float = 0.05) -> Any:
    end = time.monotonic() + SECONDS
    while not (found := there()):
        assert run is None or run.poll() is None, f"no {what}: {run.communicate()}"
        assert time.monotonic() < end, f"still waiting for {what}"
        time.sleep(pause)  # /proc has no event to wait for
    return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        site = Site(tmp_path_factory.mktemp("site"))
        first = site.run(site.series())
        assert [outcome for outcome, _ in first["states"].values()] == ["ok", "ok"], first
        yield site


@pytest.fixture(autouse=True)
def ended(site: Site) -> Iterator[None]:
    yield
    site.end()


@pytest.mark.parametrize(
    ("what", "victim", "stage", "outcome", "detail"), sampled("faults", TABLE, lambda row: row[:3] in ALWAYS)
)
def test_what_is_killed_is_no_verdict_and_the_next_run_goes_on(
    site: Site, what: str, victim: str, stage: str, outcome: str, detail: str
) -> None:
    tip = site.series(delay=tiny.LONG // 4 if stage == "boot" else 1)
    run = held(site, tip, stage)
    pid = run.pid if victim == "kseries" else until(lambda: below(run.pid, victim), victim, run)
    os.kill(pid, SIGNALS[what])
    if victim == "kseries":
        run.communicate(timeout=SECONDS)
        assert run.returncode == -signal.SIGKILL
    else:
        states = told(run)["states"]
        assert states["base"] == ["ok", ""]
        assert states["prefix-1"][0] == outcome, states
        assert detail in states["prefix-1"][1]
    until(lambda: not site.left(), "what was left running to end")
    again = site.run(tip)
    assert again["states"]["prefix-1"][0] == "ok", again
    assert again["fresh"] == ["prefix-1"], "base is known, and is not done twice"


def held(site: Site, tip: str, stage: str, *before: str) -> "subprocess.Popen[str]":
    """A run that has come to a stage, and stays there."""
    if stage == "boot":
        run = site.start(tip, *before)
        until(lambda: booting(run.pid), "QEMU", run)
        return run
    for name in ("configure", "compile", "link"):
        (site.obj / f"held-{name}").unlink(missing_ok=True)
    (site.obj / f"hold-{stage}").touch()
    run = site.start(tip, *before)
    until((site.obj / f"held-{stage}").exists, f"make to come to {stage}", run)
    if stage == "compile":
        until(lambda: below(run.pid, "cc1"), "the compiler", run)
    return run
