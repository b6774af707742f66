# SPDX-License-Identifier: GPL-2.0-only
"""Several runs on one cache: beside each other, and one after the other with little changed between them."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.commands import SECONDS, TOP, Kseries, runs_to
from tests.support.patches import adding
from tests.support.told import read_one

pytestmark = pytest.mark.full("e2e")

FILES = ("virt/kvm/kvm_main.c", "virt/kvm/eventfd.c", "virt/kvm/coalesced_mmio.c")
SHORT = ("--probe", "capabilities")


def code() -> str:
    """A line of C that nobody has compiled before and that reaches the image."""
    return f'static const char new_here[] __attribute__((__used__)) = "{os.urandom(8).hex()}";'


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """Three new patches, in a file each, so that each state is a kernel of its own."""
    directory = tmp_path / "three"
    directory.mkdir()
    for number, path in enumerate(FILES, 1):
        (directory / f"000{number}-code.patch").write_text(adding(path, code(), f"KVM: Code {number}"))
    return directory


def built(stderr: str) -> set[str]:
    return set(re.findall(r"\] (\S+): building", stderr))


def booted(stderr: str) -> set[str]:
    return set(re.findall(r"\] (\S+): booting", stderr))


def test_two_runs_that_start_together_do_the_work_once_and_agree(kseries: Kseries, three: Path, tmp_path: Path) -> None:
    words: list[str | Path] = [TOP / "kseries", "run", three, *SHORT, "--scenario", "prefixes", "--json", "--out"]
    runs = [
        subprocess.Popen(
            [*words, out],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for out in ("one", "two")
    ]
    (one, told), (two, told_too) = (run.communicate(timeout=SECONDS) for run in runs)
    assert [run.returncode for run in runs] == [0, 0], told + told_too
    results = [read_one(result) for result in (one, two)]
    for result in results:
        del result["began"], result["seconds"]
        result.pop("timeline", None)  # of the one that has built nothing there is none
        result.pop("first_finding", None)
    assert results[0] == results[1]
    assert built(told) & built(told_too) == set()
    assert built(told) | built(told_too) >= {"prefix-1", "prefix-2", "prefix-3"}
    for out in ("one", "two"):
        (run,) = runs_to(kseries, tmp_path / out)
        assert (run["stage"], run["states_done"], run["states"], run["result"]) == ("ended", 4, 4, "there")


def test_what_is_built_again_is_what_has_changed(kseries: Kseries, three: Path) -> None:
    words = ("run", three, *SHORT, "--scenario", "prefixes,reverts")
    first = kseries(*words)
    assert first.returncode == 0, first.stdout + first.stderr
    assert built(first.stderr) >= {"prefix-1", "prefix-2", "prefix-3", "without-1", "without-2"}

    # Other words about the second patch: the same trees.
    second = three / "0002-code.patch"
    second.write_text(second.read_text().replace("\n---\n", "\nAnother changelog.\n\n---\n", 1))
    again = kseries(*words)
    assert again.returncode == 0, again.stderr
    assert "0 of 6 kernels to build and boot (6 known from before)" in again.stderr
    assert built(again.stderr) == booted(again.stderr) == set()

    # Another line of C in the third: the kernels that contain it, and no other.
    third = three / "0003-code.patch"
    third.write_text(re.sub(r"^\+static.*$", f"+{code()}", third.read_text(), flags=re.MULTILINE))
    changed = kseries(*words)
    assert changed.returncode == 0, changed.stderr
    assert "3 of 6 kernels to build and boot (3 known from before)" in changed.stderr
    assert built(changed.stderr) == booted(changed.stderr) == {"prefix-3", "without-1", "without-2"}


def test_gc_beside_a_run_names_it_and_removes_nothing(kseries: Kseries, new_series: Path, tmp_path: Path) -> None:
    words = ("run", new_series, *SHORT, "--scenario", "prefixes")
    with subprocess.Popen(
        [TOP / "kseries", *words], cwd=tmp_path, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stderr is not None
        next(line for line in run.stderr if "building" in line)
        beside = kseries("gc")
        run.communicate(timeout=SECONDS)
    assert beside.returncode == 3
    assert f"(new-series, PID {run.pid})" in beside.stderr
    assert "nothing was removed" in beside.stderr
    assert run.returncode == 0
