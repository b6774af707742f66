# SPDX-License-Identifier: GPL-2.0-only
"""A place in which runs are disturbed: what holds them at a stage, and what is left of them."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kseries.sources import TreeStore
from tests.support import processes, tiny
from tests.support.gitrepo import Repository
from tests.support.processes import below, booting

SECONDS = 120.0
"""The longest that anything here may take on a slow host; what takes longer hangs."""
GOOD = {"base": ["ok", ""], "prefix-1": ["ok", ""]}
"""The states of a run that has found nothing, as told() has them."""


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


class Holds:
    """A git and a cp that can be held before their work, first on the PATH of whoever is started.

    They go on with it when they are released.
    """

    def __init__(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._place = place
        for name, words in (("git", "read-tree"), ("cp", "--archive")):
            script = place / name
            script.write_text(
                f'#!/bin/sh\ncase "$*" in *{words}*) [ -e {place}/hold-{name} ] && touch {place}/held-{name}\n'
                f'while [ -e {place}/hold-{name} ]; do sleep 0.05; done;; esac\nexec {shutil.which(name)} "$@"\n'
            )
            script.chmod(0o755)
        place.chmod(0o755)
        monkeypatch.setenv("PATH", f"{place}:{os.environ['PATH']}")

    def hold(self, name: str) -> None:
        (self._place / f"hold-{name}").touch()

    def release(self) -> None:
        for path in self._place.glob("h[oe]l[d]-*"):
            path.unlink()

    def at_work(self) -> list[str]:
        """The command lines of those that are still there."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found += [words] if f"{self._place}/git" in words or f"{self._place}/cp" in words else []
        return found

    def held(self, name: str) -> bool:
        return (self._place / f"held-{name}").exists()
