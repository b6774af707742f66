# SPDX-License-Identifier: GPL-2.0-only
"""A run is told to end at each of its stages: it ends with 130 and leaves nothing, and the next one goes on.

By Ctrl-C, and by SIGTERM where SIGINT is ignored, as in what a shell has in its background. Both take one way in
kseries (harness/kseries/host/signals.py), which SIGTERM must not go by way of SIGINT.
"""

import itertools
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support import tiny
from tests.support.commands import TOP
from tests.support.faults import SENT, STAGES
from tests.support.gitrepo import Repository
from tests.support.processes import SLEEP, asleep, booting
from tests.support.sample import sampled
from tests.support.site import GOOD, SECONDS, Holds, Site, held, until
from tests.support.told import read_one

GONE_SECONDS = 10.0
"""What nobody should have to wait for who has told kseries to end."""
IN_BACKGROUND = ("sh", "-c", "trap '' INT; exec \"$@\"", "sh")
"""What has a program begin with SIGINT ignored (POSIX, trap)."""


def before(how: str) -> tuple[str, ...]:
    return IN_BACKGROUND if how != "Ctrl-C" else ()


def end(run: "subprocess.Popen[str]", how: str) -> tuple[str, str]:
    """Tell a run to end; what it had printed, once it has ended as it should. A second signal changes nothing."""
    began = time.monotonic()
    sent = signal.SIGINT if how == "Ctrl-C" else signal.SIGTERM
    run.send_signal(sent)
    run.send_signal(sent)
    said = run.communicate(timeout=SECONDS)
    assert run.returncode == 130, said
    assert time.monotonic() - began < GONE_SECONDS
    return said


def come_to(site: Site, holds: Holds, tip: str, stage: str, how: str) -> "subprocess.Popen[str]":
    """A run that is at a stage, and would stay there."""
    if stage in ("check-out", "copy of base's build folder"):
        tool = "git" if stage == "check-out" else "cp"
        holds.hold(tool)
        run = site.start(tip, *before(how))
        until(lambda: holds.held(tool), tool, run)
        return run
    if stage == "waiting":
        first = held(site, site.series(), "configure")
        run = site.start(tip, *before(how))
        assert run.stderr is not None
        assert f"(PID {first.pid})" in run.stderr.readline()
        return run
    return held(site, tip, stage, *before(how))


@pytest.mark.parametrize(
    ("stage", "how"),
    sampled("faults", itertools.product(STAGES, SENT), lambda row: row in (("compile", SENT[0]), ("boot", SENT[1]))),
)
def test_a_run_that_is_told_to_end_does_so_and_the_next_one_goes_on(
    site: Site, holds: Holds, stage: str, how: str
) -> None:
    tip = site.series(delay=tiny.LONG // 4 if stage == "boot" else 1)
    run = come_to(site, holds, tip, stage, how)
    end(run, how)
    if stage == "waiting":
        site.end()
    assert_nothing_left(site, holds)
    holds.release()
    again = site.run(tip)
    assert again["states"] == GOOD
    assert again["fresh"] == ["prefix-1"], "base is known, and is not done twice"


@pytest.mark.full("faults")
@pytest.mark.parametrize("how", SENT)
def test_a_copy_of_bases_folder_is_given_up(
    tmp_path_factory: pytest.TempPathFactory, site: Site, holds: Holds, how: str
) -> None:
    new = Site(tmp_path_factory.mktemp("new"))  # whose base is not known
    tip = new.series()
    end(come_to(new, holds, tip, "copy of base's build folder", how), how)
    assert_nothing_left(new, holds)
    holds.release()
    assert new.run(tip)["states"] == GOOD


def assert_nothing_left(site: Site, holds: Holds) -> None:
    """Not until some time later: of what is in a box the kernel sees to it that it ends (pid_namespaces(7))."""
    until(lambda: not [words for words in site.left() if "cc1" in words or "make" in words], "what was in a box to end")
    assert site.left() == []
    assert holds.at_work() == []


# --- from the command line ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def linux(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of the tiny kernel with two series of a patch, the second of which boots for long."""
    repository = Repository(tmp_path_factory.mktemp("linux") / "linux")
    for name, start, delay in (("base", None, 1), ("quick", "base", 1), ("long", "base", tiny.LONG // 4)):
        if start is not None:
            subprocess.run(["git", "-C", repository.path, "checkout", "-q", start], check=True)
        repository.commit(name, {**tiny.kernel(name, delay), "arch/x86/kvm/Kconfig": ""})
        subprocess.run(["git", "-C", repository.path, "tag", name], check=True)
    return repository.path


class Kseries:
    """kseries in a folder, with a cache of its own."""

    def __init__(self, place: Path, linux: Path) -> None:
        self.place = place
        self.linux = linux
        self._env = {**os.environ, "XDG_CACHE_HOME": str(place / "cache")}

    def start(self, *words: str | Path, how: str = "Ctrl-C", path: Path | None = None) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [*before(how), TOP / "kseries", *words],
            cwd=self.place,
            env={**self._env, **({"PATH": f"{path}:{self._env['PATH']}"} if path is not None else {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *words: str | Path) -> "subprocess.CompletedProcess[str]":
        run = self.start(*words)
        out, err = run.communicate(timeout=SECONDS)
        return subprocess.CompletedProcess(words, run.returncode, out, err)

    def words(self, topic: str, out: str) -> tuple[str | Path, ...]:
        options = ("--scenario", "prefixes,reverts", "--probe", "capabilities", "--out", out)
        return ("run", f"base..{topic}", "--tree", self.linux, *options)


@pytest.fixture
def kseries(tmp_path: Path, linux: Path) -> Kseries:
    return Kseries(tmp_path, linux)


def test_a_run_that_is_told_to_end_reports_what_is_known(kseries: Kseries) -> None:
    assert kseries(*kseries.words("quick", "whole")).returncode == 0
    run = kseries.start(*kseries.words("long", "out"), how=SENT[1])
    until(lambda: booting(run.pid), "QEMU", run)
    out, err = end(run, SENT[1])
    assert err.endswith("\nkseries: interrupted; run it again to go on, finished states are cached\n")
    assert "PARTIAL: the run was interrupted when 2 of 3 states were tried" in out
    assert "bisectable: not judged    revert-safe: not judged    (partial)" in out
    result = read_one((kseries.place / "out" / "result.json").read_text())
    assert result["partial"] and not read_one((kseries.place / "whole" / "result.json").read_text())["partial"]
    assert {one["id"]: one["outcome"] for one in result["states"]} == {
        "base": "ok",
        "prefix-1": "not-tried",
        "without-1": "ok",  # it has base's tree
    }
    assert result["verdict"] == {"bisectable": None, "revert_safe": None}
    assert "<strong>Partial:</strong>" in (kseries.place / "out" / "report.html").read_text()
    assert "not-tried" in (kseries.place / "out" / "junit.xml").read_text()
    (last, *_) = json.loads(kseries("runs", "--json").stdout)["runs"]
    assert (last["stage"], last["exit_status"], last["result"]) == ("interrupted", 130, "there")
    for words in (("compare", "whole", "out"), ("compare", "out", "whole")):
        compared = kseries(*words)
        assert compared.returncode == 2 and "out is of a run that was interrupted" in compared.stderr
    again = kseries(*kseries.words("long", "out"))
    assert again.returncode == 0, again.stderr
    assert "1 of 2 kernels to build and boot (1 known from before)" in again.stderr
    assert not read_one((kseries.place / "out" / "result.json").read_text())["partial"]


@pytest.mark.parametrize(
    ("program", "words"),
    sampled(
        "faults",
        [
            ("git", ("plan", "base..quick", "--tree", "{linux}")),
            ("git fast-import", ("plan", "{patch}", "--tree", "{tree}")),
            ("gcc", ("run", "base..quick", "--tree", "{linux}")),
            ("gcc", ("try", "base", "base..quick", "--tree", "{linux}")),
            ("gcc", ("bisect", "base..quick", "--tree", "{linux}")),
            ("git merge-tree", ("merge", "base..quick", "base..long", "--tree", "{linux}")),
            ("gcc", ("demo",)),
            ("git", ("doctor",)),
            ("ccache", ("gc", "--max-size", "1M")),
        ],
        lambda row: row[1][0] in ("plan", "try"),
    ),
    ids=lambda value: value[0] if isinstance(value, tuple) else value,
)
def test_each_command_ends_that_waits_for_a_program(
    kseries: Kseries, tmp_path: Path, program: str, words: tuple[str, ...]
) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    name, _, verb = program.partition(" ")
    (tools / name).write_text(
        f'#!/bin/sh\ncase "$*" in *{verb}*) touch {tools}/begun; exec {SLEEP};; esac\nexec {shutil.which(name)} "$@"\n'
    )
    (tools / name).chmod(0o755)
    patch, tree = tmp_path / "one.patch", tmp_path / "tree"
    tree.mkdir()
    (tree / "Makefile").write_text("VERSION = 6\n")
    patch.write_text("Subject: one\n\n---\n--- a/Makefile\n+++ b/Makefile\n@@ -1 +1,2 @@\n VERSION = 6\n+# one\n")
    ccache = tmp_path / "cache" / "kseries" / "ccache"
    ccache.mkdir(parents=True)
    (ccache / "large").write_bytes(bytes(4 << 20))
    run = kseries.start(
        *(word.format(linux=kseries.linux, patch=patch, tree=tree) for word in words), how=SENT[1], path=tools
    )
    until((tools / "begun").exists, program, run)
    _, err = end(run, SENT[1])
    assert "Traceback" not in err
    assert not asleep()
