# SPDX-License-Identifier: GPL-2.0-only
"""What a report tells its reader to type: it comes to the finding again; and --baseline compares in one step."""

import shlex
from pathlib import Path

import pytest

from kseries.app import rundir
from kseries.judge import evidence
from kseries.report import reproduce
from tests.support.commands import SPLIT, Kseries

pytestmark = pytest.mark.full("demo")


def test_the_command_of_a_finding_shows_it_again(kseries: Kseries, tmp_path: Path) -> None:
    done = kseries("run", SPLIT, "--scenario", "reverts", "--quick", "--out", tmp_path / "out")
    assert done.returncode == 1, done.stderr
    result, _ = rundir.read(tmp_path / "out")
    assert result.began and result.seconds and result.words == (str(SPLIT), "--arch", result.arch, "--quick")
    (told,) = [one for one in result.findings if not one.kind.advice]
    assert told.reproduce == reproduce.command(result, told) and told.reproduce in done.stdout
    program, *words = shlex.split(told.reproduce)
    assert program == "kseries"
    again = kseries(*words)
    assert again.returncode == 1, again.stdout + again.stderr
    name, said = evidence.parts(told.evidence[0])
    assert "without-3: bad" in again.stdout and name in again.stdout and said
    again = kseries(
        "run", SPLIT, "--scenario", "reverts", "--quick", "--out", tmp_path / "new", "--baseline", tmp_path / "out"
    )
    assert again.returncode == 1 and "Nothing got worse." in again.stdout
    assert "Nothing got worse." in (tmp_path / "new" / "compare.html").read_text()
