# SPDX-License-Identifier: GPL-2.0-only
"""A host on which no box can be made: nothing of a series runs, until its user says that it may without."""

import functools
import os
import shutil
from pathlib import Path

import pytest

from tests.support.commands import Kseries
from tests.support.told import read_one

WHY = "No permissions to create new namespace"
RUN = ("--scenario", "prefixes", "--probe", "capabilities")


@pytest.fixture
def no_boxes(tmp_path: Path) -> str:
    """A PATH on which bwrap may make no namespaces."""
    bwrap = tmp_path / "tools" / "bwrap"
    bwrap.parent.mkdir()
    version = f"[ $1 != --version ] || exec {shutil.which('bwrap')} $1"
    bwrap.write_text(f"#!/bin/sh\n{version}\necho 'bwrap: {WHY}' >&2\nexit 1\n")
    bwrap.chmod(0o755)
    return f"{bwrap.parent}:{os.environ['PATH']}"


@pytest.fixture
def here(kseries: Kseries, tmp_path: Path) -> Kseries:
    """kseries with a cache of its own."""
    return functools.partial(kseries, XDG_CACHE_HOME=str(tmp_path / "cache"))


def test_without_a_box_nothing_runs_and_doctor_says_why(here: Kseries, linux: Path, no_boxes: str) -> None:
    done = here("run", "base..topic", "--tree", linux, *RUN, PATH=no_boxes)
    assert done.returncode == 3
    assert f"kseries: bwrap cannot make a box: {WHY}\n" in done.stderr and "see kseries doctor" in done.stderr
    rows = here("doctor", PATH=no_boxes).stdout.splitlines()
    (said,) = [line for line in rows if "cannot make a box" in line]
    assert WHY in said and "--unboxed" in said


def test_a_run_without_a_box_says_so_and_its_results_are_of_no_use_to_one_with(
    here: Kseries, linux: Path, tmp_path: Path, no_boxes: str
) -> None:
    words = ("run", "base..topic", "--tree", linux, *RUN)
    done = here(*words, "--unboxed", "--out", "out", PATH=no_boxes)
    assert done.returncode == 0, done.stderr
    assert "unboxed: what the series brings ran with all rights of the user" in done.stdout
    result = read_one((tmp_path / "out" / "result.json").read_text())
    assert result["unboxed"] and "--unboxed" in result["words"]
    assert "<strong>Unboxed:</strong>" in (tmp_path / "out" / "report.html").read_text()
    assert "2 of 2 kernels to build and boot" in here(*words).stderr
    assert "0 of 2 kernels to build and boot" in here(*words, "--unboxed", PATH=no_boxes).stderr
