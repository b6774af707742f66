# SPDX-License-Identifier: GPL-2.0-only
"""Bisecting a history with merges from the command line, on tiny kernels that are built and booted."""

import json
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.commands import SECONDS, TOP, typed
from tests.support.gitrepo import ENVIRONMENT
from tests.support.tinyhistory import OTHER, TinyHistory

SHORT = ("--probe", "capabilities")


@dataclass
class Lab:
    """A repository, a folder to be in, and a cache."""

    linux: TinyHistory
    place: Path
    cache: Path

    def kseries(self, *words: str | Path) -> "subprocess.CompletedProcess[str]":
        return typed(self.place, *words, XDG_CACHE_HOME=str(self.cache))

    def bisect(self, *words: str | Path, tree: Path | None = None) -> "subprocess.CompletedProcess[str]":
        return self.kseries("bisect", *words[:1], "--tree", tree or self.linux.path, *SHORT, *words[1:])


@pytest.fixture(scope="module")
def linux(tmp_path_factory: pytest.TempPathFactory) -> TinyHistory:
    return TinyHistory(tmp_path_factory.mktemp("linux") / "linux")


@pytest.fixture
def lab(linux: TinyHistory, tmp_path: Path) -> Lab:
    """A cache in which nothing is known."""
    return Lab(linux, tmp_path, tmp_path / "cache")


@pytest.fixture(scope="module")
def known(linux: TinyHistory, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A cache in which one test after the other leaves what it has found out."""
    place = tmp_path_factory.mktemp("known")
    return Lab(linux, place, place / "cache")


def lines(printed: str) -> list[list[str]]:
    """The words of each line that tells of a state: the state, its answer, and whether it was known."""
    rows = (row.split() for row in printed.splitlines())
    return [row[:3] for row in rows if len(row) > 2 and row[2] in ("known", "built")]


def test_a_bisection_that_is_killed_is_gone_on_with_and_builds_nothing_twice(lab: Lab) -> None:
    words: list[str | Path] = [TOP / "kseries", "bisect", "good..bad", "--tree", lab.linux.path, *SHORT]
    env = {**os.environ, "XDG_CACHE_HOME": str(lab.cache)}
    before: list[list[str]] = []
    for count in (1, 3, 4):  # of the states that it is let tell of: base alone, the first step, one more
        run = subprocess.Popen(
            words, cwd=lab.place, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert run.stdout is not None
        said = ""
        while len(lines(said)) < count:
            row = run.stdout.readline()
            assert row, f"it has ended: {said}"
            said += row
        run.send_signal(signal.SIGKILL)
        run.wait(SECONDS)
        run.stdout.close()
        told = lines(said)
        assert [row[:2] for row in told[: len(before)]] == [row[:2] for row in before]
        assert {row[2] for row in told[: len(before)]} <= {"known"}, "what was told before is known"
        before = told
    done = lab.bisect("good..bad")
    assert done.returncode == 1, done.stdout + done.stderr
    told = lines(done.stdout)
    assert {row[2] for row in told[: len(before)]} == {"known"}
    assert f"{lab.linux.id('fault')} 'lib: Change fault' is the first bad commit." in done.stdout
    again = lab.bisect("good..bad")
    assert {row[2] for row in lines(again.stdout)} == {"known"} and "building" not in again.stderr


@pytest.mark.full("history")
def test_git_bisect_run_asks_the_same_and_what_one_has_built_the_other_does_not(lab: Lab) -> None:
    linux = lab.linux
    run = git_bisect_run(lab, "good..bad")
    assert f"{linux.git('rev-parse', 'fault')} is the first bad commit" in run.stdout
    linux.git("bisect", "reset")
    found = lab.bisect("good..bad", "--json")
    assert found.returncode == 1, found.stderr
    told = json.loads(found.stdout)
    built = [step["state"] for step in (*told["ends"], *told["steps"]) if not step["known"]]
    assert built == [linux.id("bad")], "BAD alone was not asked before"
    assert [one["id"][:12] for one in told["suspects"]["commits"]] == [linux.id("fault")]
    assert told["revert"]["tried"]["answer"] == "good"
    assert [step["state"] for step in told["steps"]] == asked_of(run.stdout)


def git_bisect_run(lab: Lab, revisions: str) -> "subprocess.CompletedProcess[str]":
    good, _, bad = revisions.partition("..")
    lab.linux.git("checkout", "--quiet", "--force", "bad")
    started = lab.linux.git("bisect", "start", bad, good)
    words = ["git", "bisect", "run", str(TOP / "kseries"), "try", "HEAD", revisions, *SHORT]
    env = {**ENVIRONMENT, "XDG_CACHE_HOME": str(lab.cache)}
    run = subprocess.run(
        words, cwd=lab.linux.path, env=env, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    run.stdout = f"{started}\n{run.stdout}"
    return run


def asked_of(printed: str) -> list[str]:
    """The commits that git bisect says it asks of."""
    return [row[1:13] for row in printed.splitlines() if row.startswith("[") and row[41:43] == "] "]


@pytest.mark.full("history")
def test_the_text_tells_each_step_and_the_log_replays_with_plain_git(known: Lab) -> None:
    linux = known.linux
    done = known.bisect("good..bad")
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.startswith(f"{linux.id('good')} good ")
    assert f"\n{linux.id('bad')} bad " in done.stdout
    assert "\nBisecting: " in done.stdout and " left (roughly " in done.stdout
    assert f"To revert it (without-{linux.id('fault')}) mends the tip." in done.stdout
    log = known.place / "kseries-out" / "bisect.log"
    linux.git("bisect", "replay", str(log))
    assert linux.git("rev-parse", "fault") in linux.git("bisect", "log")
    linux.git("bisect", "reset")
    tried = known.kseries("try", f"without-{linux.id('fault')}", "good..bad", "--tree", linux.path, *SHORT)
    assert tried.returncode == 0 and tried.stdout.startswith(f"without-{linux.id('fault')}: good"), tried.stderr
    first = known.bisect("good..bad", "--first-parent", "--out", "first")
    assert f"merge {linux.id('merge')} 'Merge branch 'side'' is the first bad commit." in first.stdout, first.stderr
    of_main = known.bisect("good..bad", "--out", "paths", "--", "main.S")
    assert f"{linux.id('fault')} 'lib: Change fault' is the first bad commit." in of_main.stdout, of_main.stderr


@pytest.mark.full("history")
def test_a_commit_without_a_kernel_cannot_be_tested_whatever_is_asked(known: Lab) -> None:
    for words in ((), ("--build",), ("--boot",)):
        done = known.kseries("try", "empty", "good..bad", "--tree", known.linux.path, *SHORT, *words)
        assert done.returncode == 125, done.stdout + done.stderr
        said = "build-failed: no kernel tree: it has no Makefile and no Kconfig at its top"
        assert done.stdout == f"empty: untestable\n  {said}\n"
    done = known.bisect("good..empty", "--first-parent")
    assert done.returncode == 2 and "cannot be asked: build-failed: no kernel tree" in done.stderr


@pytest.mark.full("history")
def test_a_log_that_does_not_fit_is_told_and_what_was_learned_is_kept(known: Lab, tmp_path: Path) -> None:
    linux = known.linux
    assert known.bisect("good..bad").returncode == 1
    log = known.place / "kseries-out" / "bisect.log"
    replayed = known.bisect("good..bad", "--replay", log, "--out", "replayed")
    assert replayed.returncode == 1, replayed.stderr
    assert "git bisect took 0 steps, 0 of them known from before, after " in replayed.stdout
    linux.git("checkout", "--quiet", "--force", "--detach", "bad")
    linux.git("commit", "--quiet", "--amend", "-m", "rewritten")
    rewritten = linux.git("rev-parse", "HEAD")
    linux.git("checkout", "--quiet", "main")
    done = known.bisect(f"good..{rewritten}", "--replay", log, "--out", "rewritten")
    assert done.returncode == 2
    assert f"bisect.log, line 1: it begins with {linux.id('bad')}, and BAD is {rewritten[:12]}\n" in done.stderr
    again = known.bisect(f"good..{rewritten}", "--out", "rewritten")
    assert {row[2] for row in lines(again.stdout)} == {"known"}, again.stdout


@pytest.mark.full("history")
def test_what_cannot_be_bisected_is_told_in_words_and_ends_a_bisection(known: Lab) -> None:
    linux, tree = known.linux, known.linux.path
    wrong = {
        "bad..good": "bad..good holds no commit in",
        "good..good": "both ends are ",
        "good...bad": "is both sides of a fork",
        "good..nowhere": "no such revision: nowhere",
    }
    for revisions, said in wrong.items():
        done = known.bisect(revisions)
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
        tried = known.kseries("try", "HEAD", revisions, "--tree", tree, *SHORT)
        assert (tried.returncode, said in tried.stderr) == (128, True), tried.stderr
    done = known.bisect("good..bad", "--out", "x", "--", "virt/nothing")
    assert done.returncode == 2 and "no commit of good..bad touches virt/nothing" in done.stderr
    done = known.bisect("good..bad", "--out", "x", "--", OTHER)
    assert done.returncode == 1, "BAD alone touches it"
    assert f"{linux.id('bad')} 'lib: Change bad' is the first bad commit." in done.stdout
    done = known.bisect("five..merge", "--out", "x")  # GOOD is a side that was merged
    assert f"{linux.id('fault')} 'lib: Change fault' is the first bad commit." in done.stdout, done.stderr
    done = known.bisect("three..six", "--first-parent", "--out", "x")  # they part at old
    assert f"Bisecting: a merge base must be tested\n{linux.id('old')} " in done.stdout, done.stderr
    assert f"{linux.id('fault')} 'lib: Change fault' is the first bad commit." in done.stdout
    done = known.bisect("fault..bad", "--check", "capabilities.a", "--out", "x")
    assert done.returncode == 2 and f"GOOD ({linux.id('fault')}) is bad already" in done.stderr
    done = known.bisect("good..three", "--first-parent", "--out", "x")
    assert done.returncode == 0
    assert done.stdout.endswith(f"BAD ({linux.id('three')}) is good: there is nothing to find.\n")
    done = known.bisect("good..bad", tree=known.place)
    assert done.returncode == 2 and "not a git repository" in done.stderr
    done = known.bisect("good..bad", "--manual")
    assert done.returncode == 2 and "Traceback" not in done.stderr
