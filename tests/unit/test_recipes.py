# SPDX-License-Identifier: GPL-2.0-only
"""The scripts of docs/recipes.md: what they make of a suite's report is what kseries reads as those results."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kseries.host import paths
from kseries.model import Status
from kseries.probes import ktap

PAGE = paths.project("docs", "recipes.md").read_text()
_BLOCKS = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def script(word: str) -> str:
    """The only block of the page that has a word."""
    (found,) = (block for block in _BLOCKS.findall(PAGE) if word in block and "kseries run" not in block)
    return str(found)


def statuses(tap: str) -> dict[str, Status]:
    """What is read of a command that has printed this."""
    said = "".join(f"    {line}\n" for line in ("# Subtest: suite", *tap.splitlines()))
    return {
        check.id: check.status for check in ktap.parse(f"KTAP version 1\n1..1\n{said}ok 1 suite\n{ktap.END}\n").checks
    }


def run(*words: str | Path, folder: Path, stdin: str = "", path: Path | None = None) -> str:
    env = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}" if path is not None else os.environ["PATH"]}
    done = subprocess.run(
        words, cwd=folder, env=env, input=stdin, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


def program(place: Path, text: str) -> Path:
    place.write_text(f"#!/bin/sh\n{text}\n")
    place.chmod(0o755)
    return place


def test_of_a_program_for_each_test_77_is_a_skip_and_nothing_else_passes(tmp_path: Path) -> None:
    each = {
        "fine": "echo ok 1 fake; exit 0",
        "unfit": "exit 77",
        "broken": "exit 4",
        "stays": "sleep 60",
        "dies": "kill $$",
    }
    tests = [program(tmp_path / f"{name}.t", text) for name, text in each.items()]
    (tmp_path / "each.sh").write_text(script("each.sh PROGRAM"))
    words = ("env", "SECONDS_EACH=1", "sh", "each.sh", *(f"./{test.name}" for test in tests))
    said = run(*words, folder=tmp_path)
    assert statuses(said) == {
        "suite.fine_t": Status.PASS,
        "suite.unfit_t": Status.SKIP,
        "suite.broken_t": Status.FAIL,
        "suite.stays_t": Status.FAIL,
        "suite.dies_t": Status.FAIL,
    }
    assert "# ok 1 fake" in said


LINE = "[   {n}.0] rcu-torture: rtc: 00000000f66 {ver}: {value} tfle: 0 rta: 9 rtaf: 0 rtf: 7 rtmbe: 0\n"
PIPE = "[   9.1] rcu-torture: {bad}Reader Pipe:  61 0 {late} 0\n"


@pytest.mark.parametrize(
    ("log", "ends", "safe"),
    [
        ([("ver", 3), ("ver", 9)], Status.PASS, Status.PASS),
        ([("ver", 3), ("ver", 9), ("ver", 9)], Status.PASS, Status.PASS),
        ([("ver", 3), ("VER", 9)], Status.PASS, Status.PASS),
        ([("ver", 3), ("ver", 3)], Status.FAIL, Status.PASS),
        ([], Status.FAIL, Status.PASS),
        ([("ver", 3), ("ver", 9), ("!!!", 0)], Status.PASS, Status.FAIL),
    ],
)
def test_of_rcutorture_versions_grow_and_no_line_has_an_error(
    log: list[tuple[str, int]], ends: Status, safe: Status, tmp_path: Path
) -> None:
    lines = [
        PIPE.format(bad="!!! ", late=1) if ver == "!!!" else LINE.format(n=n, ver=ver, value=value)
        for n, (ver, value) in enumerate(log)
    ]
    (tmp_path / "log").write_text(PIPE.format(bad="", late=0).join(["", *lines]))
    (tmp_path / "bin").mkdir()
    program(tmp_path / "bin" / "dmesg", f"cat {tmp_path}/log")
    (tmp_path / "torture.sh").write_text(script("torture.sh SECONDS"))
    said = run("sh", "torture.sh", "0", folder=tmp_path, path=tmp_path / "bin")
    assert statuses(said) == {"suite.grace_periods_end": ends, "suite.readers_are_safe": safe}


@pytest.mark.skipif(shutil.which("jq") is None, reason="no jq here")
def test_of_kirks_report_each_test_is_a_check(tmp_path: Path) -> None:
    states = ("pass", "fail", "brok", "conf", "warn")
    report = {"results": [{"test_fqn": f"t_{state}", "status": state, "test": {}} for state in states], "stats": {}}
    (tmp_path / "report.json").write_text(json.dumps(report))
    (tmp_path / "kirk.jq").write_text(script("test_fqn"))
    found = statuses(run("jq", "-rf", "kirk.jq", "report.json", folder=tmp_path))
    assert found == {
        "suite.t_pass": Status.PASS,
        "suite.t_fail": Status.FAIL,
        "suite.t_brok": Status.FAIL,
        "suite.t_conf": Status.SKIP,
        "suite.t_warn": Status.FAIL,
    }


def test_of_kvm_unit_tests_each_test_is_a_check_however_many_parts_it_has(tmp_path: Path) -> None:
    said = (
        "\x1b[32mPASS\x1b[0m apic-split (56 tests, 1 skipped)\n"
        "\x1b[31mFAIL\x1b[0m vmexit_ipi (timeout; duration=90s)\n"
        "\x1b[31mFAIL\x1b[0m msr \n"
        "\x1b[33mSKIP\x1b[0m ioapic (test marked as manual run only)\n"
    )
    (tmp_path / "unit.sed").write_text(script("^PASS"))
    assert statuses(run("sed", "-E", "-f", "unit.sed", folder=tmp_path, stdin=said)) == {
        "suite.apic-split": Status.PASS,
        "suite.vmexit_ipi": Status.FAIL,
        "suite.msr": Status.FAIL,
        "suite.ioapic": Status.SKIP,
    }
