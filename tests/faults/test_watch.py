# SPDX-License-Identifier: GPL-2.0-only
"""A watch that is disturbed: it leaves nothing behind, and the next one goes on where it was."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import processes, tiny
from tests.support.commands import TOP
from tests.support.inbox import Maildir, posting
from tests.support.processes import booting
from tests.support.sample import sampled
from tests.support.site import SECONDS, until
from tests.support.tenseries import Linux

MEMORY = 400 << 10
"""KiB that a watch may have of which nothing but a mail is large: it takes a third of that without one."""


MEASURED = """
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print(f"KiB: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}", file=sys.stderr)
sys.exit(status)
"""
"""Runs a command, and tells the most memory of any process of it. It stands between it and the tests: a process counts
what that had which it was forked from (exec_mmap() in fs/exec.c).
"""


class Watching:
    """A watch of a maildir and the tiny kernel, each time it is started."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.linux = Linux(place / "linux")
        self.mails = Maildir(place / "mails")

    def post(self, name: str, block: int, *, delay: int = 0, **how: Any) -> None:
        commits = self.linux.commits((f"lib: {name}", block, name), delay=delay)
        self.mails.deliver(*posting(self.linux.repository, commits, name, **how))

    def start(self, *before: str) -> "subprocess.Popen[str]":
        run = ("--", "--scenario", "prefixes", "--probe", "capabilities")
        words = ("watch", self.mails.path, "--tree", self.linux.repository.path, "--once", *run)
        return subprocess.Popen(
            [*before, TOP / "kseries", *words],
            cwd=self.place,
            env={**os.environ, "XDG_CACHE_HOME": str(self.place / "cache")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, *before: str) -> str:
        """What one says that comes to its end."""
        run = self.start(*before)
        _, said = run.communicate(timeout=SECONDS)
        assert run.returncode == 0, said
        return said

    @property
    def queue(self) -> list[dict[str, Any]]:
        listed = subprocess.run(
            [TOP / "kseries", "watch", "--list-queue", "--json"], cwd=self.place, capture_output=True, check=True
        )
        found: list[dict[str, Any]] = json.loads(listed.stdout)["series"]
        return found

    def left(self) -> list[str]:
        """The command lines of what is at work here."""
        return [words for words in processes.at_work(self.place) if "pytest" not in words]


@pytest.fixture
def watching(tmp_path: Path) -> Watching:
    return Watching(tmp_path)


ENDS = [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGINT, 130), (signal.SIGTERM, 130)]


@pytest.mark.parametrize(
    ("sent", "status"), sampled("faults", ENDS, lambda row: row[0] == signal.SIGKILL), ids=lambda one: str(int(one))
)
def test_one_that_is_ended_in_the_middle_of_a_boot_leaves_nothing_and_the_next_goes_on(
    watching: Watching, sent: signal.Signals, status: int
) -> None:
    watching.post("slow", 1, delay=tiny.LONG)
    run = watching.start()
    until(lambda: booting(run.pid), "QEMU", run)

    beside = watching.start()
    _, said = beside.communicate(timeout=SECONDS)
    assert (beside.returncode, len(said.splitlines())) == (2, 2), said
    assert f"another kseries watch is at work on {watching.place}/kseries-watch (PID {run.pid})" in said

    run.send_signal(sent)
    _, said = run.communicate(timeout=SECONDS)
    assert run.returncode == status and "Traceback" not in said, said
    until(lambda: not watching.left(), "what it has started to end")
    assert [(one["stage"], one["full"]) for one in watching.queue] == [("full", None)]
    (watching.place / "mails" / "new").rename(watching.place / "mails" / "gone")
    (watching.place / "mails" / "new").mkdir()
    said = watching.finish()
    assert "#1 lib: slow: begun" in said, "it has the mails, whoever removes them"
    assert [(one["stage"], one["full"]["applies"]) for one in watching.queue] == [("done", True)]


def test_a_mail_of_50_mb_takes_no_memory_and_ends_nothing(watching: Watching) -> None:
    watching.post("one", 1, delay=0)
    head = b"From: U <u@example.com>\nSubject: [PATCH] large\nMessage-ID: <large@x.example>\n\n---\n"
    watching.mails.deliver(head + b"+ a line of a diff that is too long\n" * (50 << 20 >> 5))
    said = watching.finish(sys.executable, "-I", "-c", MEASURED)
    assert "has more than 16 MiB" in said, said
    assert 0 < int(said.rpartition("KiB: ")[2]) < MEMORY
    assert [one["stage"] for one in watching.queue] == ["done"]


def test_a_clock_that_is_set_back_between_two_watches_changes_nothing(watching: Watching) -> None:
    watching.post("one", 1)
    watching.finish()
    watching.post("two", 2)
    said = watching.finish("faketime", "-f", "-400d")
    assert [line for line in said.splitlines() if line.endswith("begun")] == ["kseries: #2 lib: two: begun"]
    assert "begun" not in watching.finish()
    assert [one["stage"] for one in watching.queue] == ["done", "done"]
