# SPDX-License-Identifier: GPL-2.0-only
"""./kseries demo: what it finds on each architecture, what it writes, how it exits."""

from pathlib import Path

import pytest

from tests.e2e.conftest import SPLIT, Kseries
from tests.e2e.split import (
    IN_THE_TABLE_OF_BOTH,
    SILENT_BREAK,
    assert_logs_are_there,
    assert_silent_break,
    result_of,
)

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
