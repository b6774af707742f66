# SPDX-License-Identifier: GPL-2.0-only
"""A host on which no box can be made: nothing of a series runs, until its user says that it may without."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import SECONDS, TOP
from tests.e2e.test_hangs import linux

__all__ = ["linux"]  # a fixture

WHY = "No permissions to create new namespace"
RUN = ("--scenario", "prefixes", "--probe", "capabilities")


class Host:
    """A host whose bwrap may make no namespaces, with a cache of its own."""

    def __init__(self, place: Path) -> None:
        self.place = place
        (place / "tools").mkdir()
        (place / "tools" / "bwrap").write_text(
            f"#!/bin/sh\n[ $1 != --version ] || exec {shutil.which('bwrap')} $1\necho 'bwrap: {WHY}' >&2\nexit 1\n"
        )
        (place / "tools" / "bwrap").chmod(0o755)

    def kseries(self, *words: str | Path, boxes: bool = False) -> "subprocess.CompletedProcess[str]":
        path = os.environ["PATH"] if boxes else f"{self.place / 'tools'}:{os.environ['PATH']}"
        env = {**os.environ, "PATH": path, "XDG_CACHE_HOME": str(self.place / "cache"), "PYTHONPATH": str(TOP)}
        return subprocess.run(
            [sys.executable, "-m", "harness", *words],
            cwd=self.place,
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
            stdin=subprocess.DEVNULL,
        )


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_without_a_box_nothing_runs_and_doctor_says_why(host: Host, linux: Path) -> None:
    done = host.kseries("run", "base..topic", "--tree", linux, *RUN)
    assert done.returncode == 3
    assert f"kseries: bwrap cannot make a box: {WHY}\n" in done.stderr and "see kseries doctor" in done.stderr
    said = next(line for line in host.kseries("doctor").stdout.splitlines() if "cannot make a box" in line)
    assert WHY in said and "--unboxed" in said


def test_a_run_without_a_box_says_so_and_its_results_are_of_no_use_to_one_with(host: Host, linux: Path) -> None:
    words = ("run", "base..topic", "--tree", linux, *RUN)
    done = host.kseries(*words, "--unboxed", "--out", "out")
    assert done.returncode == 0, done.stderr
    assert "unboxed: what the series brings ran with all rights of the user" in done.stdout
    result = json.loads((host.place / "out" / "result.json").read_text())
    assert result["unboxed"] and "--unboxed" in result["words"]
    assert "<strong>Unboxed:</strong>" in (host.place / "out" / "report.html").read_text()
    assert "2 of 2 kernels to build and boot" in host.kseries(*words, boxes=True).stderr
    assert "0 of 2 kernels to build and boot" in host.kseries(*words, "--unboxed").stderr
