# SPDX-License-Identifier: GPL-2.0-only
"""A run that is interrupted leaves no process behind, and the next one goes on."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from kseries.host import paths
from tests.support import processes
from tests.support.commands import TOP, Kseries, runs_to

GONE_SECONDS = 10


def _ours() -> list[str]:
    """The command lines of makes and QEMUs that work in our cache."""
    return processes.at_work(paths.cache("workers"))


def _wait_until_gone() -> list[str]:
    deadline = time.monotonic() + GONE_SECONDS
    while (left := _ours()) and time.monotonic() < deadline:
        time.sleep(0.1)  # /proc has no event to wait for
    return left


@pytest.fixture
def running(new_series: Path, tmp_path: Path) -> Iterator["pexpect.spawn[str]"]:
    """kseries on a terminal, at work on something that nobody has compiled before, and done with base."""
    child = pexpect.spawn(str(TOP / "kseries"), ["run", str(new_series)], cwd=tmp_path, encoding="utf-8", timeout=600)
    # Where base is not known it boots beside the build of the patch, and may be the later of the two.
    known = child.expect(["2 of 2 kernels to build and boot", "known from before"])
    child.expect(r"prefix-1: building, \d+ objects" if known else "base: ok")
    yield child
    child.close(force=True)


@pytest.mark.full("e2e")
@pytest.mark.parametrize(("sent", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 130)])
def test_ctrl_c_ends_everything_at_once(running: "pexpect.spawn[str]", sent: signal.Signals, status: int) -> None:
    assert _ours()
    running.kill(sent)
    running.expect(r"PARTIAL: the run was interrupted when \d of \d states were tried")
    running.expect("interrupted; run it again to go on, finished states are cached")
    running.expect(pexpect.EOF)
    running.close()
    assert running.exitstatus == status
    assert _wait_until_gone() == []


@pytest.mark.full("e2e")
def test_kill_9_leaves_nothing_and_the_next_run_goes_on(
    running: "pexpect.spawn[str]", kseries: Kseries, new_series: Path, tmp_path: Path
) -> None:
    assert _ours()
    running.kill(signal.SIGKILL)
    running.expect(pexpect.EOF)
    assert _wait_until_gone() == []
    (killed,) = runs_to(kseries, tmp_path / "kseries-out")
    assert (killed["stage"], killed["states_done"], killed["states"]) == ("interrupted", 1, 2)
    assert (killed["ended"], killed["exit_status"], killed["result"]) == (None, None, "none")
    again = kseries("run", new_series)
    assert again.returncode == 0, again.stderr
    assert "1 of 2 kernels to build and boot (1 known from before)" in again.stderr
    second, first = runs_to(kseries, tmp_path / "kseries-out")
    assert first == killed
    assert (second["stage"], second["states_done"], second["exit_status"], second["result"]) == ("ended", 2, 0, "there")


def test_a_reader_that_goes_away_is_no_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{TOP}/kseries run --help | head -n 1"],
        cwd=tmp_path,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert "Traceback" not in done.stderr
