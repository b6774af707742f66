# SPDX-License-Identifier: GPL-2.0-only
"""./kseries demo, and ./kseries run on what it runs on: what they find on each architecture, write, and exit with."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support import kcidbs
from tests.support.commands import SPLIT, Kseries, typed
from tests.support.split import (
    IN_THE_TABLE_OF_BOTH,
    SILENT_BREAK,
    assert_logs_are_there,
    assert_silent_break,
    result_of,
)
from tests.support.told import read_one

pytestmark = pytest.mark.full("demo")


def test_demo_finds_the_silent_break_and_is_content(kseries: Kseries, tmp_path: Path) -> None:
    done = kseries("demo", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stdout + done.stderr
    assert SILENT_BREAK in done.stdout
    assert "as expected." in done.stdout
    result = result_of(tmp_path / "out" / "exit-on-missing-split" / "result.json")
    assert_silent_break(result)
    assert [state["id"] for state in result["states"]] == (
        ["base"]
        + [f"prefix-{k}" for k in range(1, 9)]
        + [f"without-{k}" for k in range(1, 9)]
        + [f"only-{k}" for k in range(1, 9)]
    )
    outcomes = {state["id"]: state["outcome"] for state in result["states"]}
    assert [outcomes.pop(state) for state in ("without-2", "only-4", "only-6")] == ["build-failed"] * 3
    assert set(outcomes.values()) == {"ok"}
    same = {state["id"]: state["same_as"] for state in result["states"] if state["same_as"]}
    assert same == {"without-8": "prefix-7", "only-1": "prefix-1"}
    assert_logs_are_there(result, tmp_path / "out" / "exit-on-missing-split")
    assert result["accel"]["name"] in done.stdout and result["accel"]["why"] in done.stdout
    squashed = result_of(tmp_path / "out" / "exit-on-missing-squashed" / "result.json")
    assert kcidbs.assert_taken(tmp_path / "out" / "exit-on-missing-split")["issues"]
    assert kcidbs.assert_taken(tmp_path / "out" / "exit-on-missing-squashed")["issues"] == []
    assert squashed["verdict"] == {"bisectable": True, "revert_safe": True}
    assert squashed["findings"] == []


def test_both_architectures_at_once_find_the_silent_break_of_each(kseries: Kseries, tmp_path: Path) -> None:
    done = kseries("demo", "--arch", "x86_64,arm64", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("as expected.") == 4
    results = {arch: result_of(tmp_path / "out" / SPLIT.name / arch / "result.json") for arch in ("x86_64", "arm64")}
    for result in results.values():
        assert_silent_break(result)
    assert set(done.stdout.splitlines()) >= IN_THE_TABLE_OF_BOTH


# --- kseries run ------------------------------------------------------------------------------

SCENARIOS = ("--scenario", "prefixes,reverts")
ARCHS = ("x86_64", "arm64")


@dataclass(frozen=True)
class Split:
    """A run of the split series on both architectures: what it printed, and where it put the rest."""

    stdout: str
    out: Path

    def result(self, arch: str) -> Any:
        return result_of(self.out / arch / "result.json")


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    out = tmp_path_factory.mktemp("split")
    done = typed(out, "run", SPLIT, "--arch", ",".join(ARCHS), *SCENARIOS, "--out", out)
    assert done.returncode == 1, done.stdout + done.stderr
    return Split(done.stdout, out)


@pytest.mark.parametrize("arch", ARCHS)
def test_run_finds_the_silent_break_and_proves_the_cure(split: Split, arch: str) -> None:
    result = split.result(arch)
    assert_silent_break(result)
    numbers = range(1, 9)
    states = [f"{kind}-{number}" for kind in ("prefix", "without") for number in numbers]
    assert [state["id"] for state in result["states"]] == ["base", *states]
    outcomes = {state["id"]: state["outcome"] for state in result["states"]}
    assert outcomes.pop("without-2") == "build-failed"
    assert set(outcomes.values()) == {"ok"}
    assert_logs_are_there(result, split.out / arch)
    assert result["accel"]["name"] in split.stdout and result["accel"]["why"] in split.stdout


def test_the_terminal_tells_it_and_sums_both_up(split: Split) -> None:
    assert SILENT_BREAK in split.stdout
    assert set(split.stdout.splitlines()) >= IN_THE_TABLE_OF_BOTH


def test_the_squashed_series_exits_0_and_was_built_as_the_cure(split: Split, kseries: Kseries) -> None:
    done = kseries("run", SPLIT.with_name("exit-on-missing-squashed"), *SCENARIOS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "bisectable: yes    revert-safe: yes" in done.stdout
    assert re.search(r" 0 of \d+ kernels to build and boot", done.stderr), done.stderr


def test_the_same_patches_under_another_name_are_known_and_built_no_more(
    split: Split, kseries: Kseries, tmp_path: Path
) -> None:
    shutil.copytree(SPLIT / "patches", tmp_path / "my-series")
    done = kseries("run", "my-series", *SCENARIOS, "--json")
    assert done.returncode == 1, done.stderr
    result = read_one(done.stdout)
    assert result["series"]["name"] == "my-series"
    assert_silent_break(result)
    assert result_of(tmp_path / "kseries-out" / "result.json") == result
    assert "0 of 16 kernels to build and boot (16 known from before)" in done.stderr
    assert "building" not in done.stderr


def test_a_range_of_commits_is_the_same_series(split: Split, kseries: Kseries, repository: Path) -> None:
    done = kseries("run", "base..topic", "--tree", repository, *SCENARIOS)
    assert done.returncode == 1, done.stderr
    assert SILENT_BREAK in done.stdout
    assert "0 of 16 kernels to build and boot (16 known from before)" in done.stderr
