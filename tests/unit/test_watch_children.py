# SPDX-License-Identifier: GPL-2.0-only
"""The runs that a watch starts: how they end, what is kept of what they say, and who may have a queue."""

import fcntl
import os
from pathlib import Path

import pytest

from kseries.model.errors import InputError
from kseries.watch import children, watching
from tests.support.processes import SLEEP, asleep


def always() -> bool:
    return True


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", 137)])
def test_a_run_ends_as_a_shell_tells_it_and_what_it_says_is_kept(tmp_path: Path, script: str, status: int) -> None:
    log = tmp_path / "new" / "run.log"
    assert children.run(["sh", "-c", f"echo out; echo err >&2; {script}"], log, always) == status
    assert log.read_text() == "out\nerr\n"
    assert children.run(["echo", "again"], log, always) == 0 and log.read_text() == "again\n"


def test_a_run_that_nobody_wants_any_more_is_ended(tmp_path: Path) -> None:
    with pytest.raises(children.StoppedError):
        children.run(SLEEP.split(), tmp_path / "log", lambda: False)
    assert not asleep()


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("", ""),
        ("  0:01  building\n", "0:01 building"),
        ("x\nkseries: no such probe: x\n  there are: y\n", "no such probe: x; there are: y"),
        ("kseries: a note\nkseries: what it ended with\n\x1b[31mlater\n", "what it ended with"),
    ],
)
def test_the_words_of_a_run_are_those_it_ended_with(tmp_path: Path, log: str, words: str) -> None:
    (tmp_path / "log").write_text(log)
    assert children.words(tmp_path / "log") == words
    assert children.words(tmp_path / "none") == ""


def test_one_watch_at_a_time_has_a_queue(tmp_path: Path) -> None:
    folder = tmp_path / "queue"
    with (
        watching.alone(folder, lambda: pytest.fail("it waits")),
        pytest.raises(InputError, match=rf"another kseries watch is at work on .*/queue \(PID {os.getpid()}\)"),
        watching.alone(folder, lambda: None),
    ):
        pass
    with watching.alone(folder, lambda: pytest.fail("it waits")):
        pass


def test_a_run_that_a_killed_watch_has_left_is_waited_for(tmp_path: Path) -> None:
    said: list[str] = []
    with (tmp_path / "run.lock").open("w") as left:
        fcntl.flock(left, fcntl.LOCK_EX)

        def wait() -> None:
            said.append("waits")
            left.close()

        with watching.alone(tmp_path, wait):
            assert said == ["waits"]
