# SPDX-License-Identifier: GPL-2.0-only
"""kseries evaluate --attached: it tells of its steps, lets another build while it boots, and ends with its caller."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kseries import arch as archs
from kseries.cache import store
from kseries.host import ownfolder
from kseries.model import Job, Observation, Outcome
from tests.support import jobs, processes, tiny
from tests.support.commands import TOP

SECONDS = 120.0
END_SECONDS = 10.0
DYING = """#!/bin/sh
case "$*" in *-kernel*) exit 7 ;; esac
exec {} "$@"
"""


class Attached:
    """A process of it, and its lines so far."""

    def __init__(self, cache: Path, job: Job, *words: str, kseries: Sequence[str | Path], path: str) -> None:
        env = {**os.environ, "XDG_CACHE_HOME": str(cache), "PATH": path}
        argv = [*kseries, "evaluate", "--attached", *words]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, env=env)
        assert self.process.stdin is not None
        self.process.stdin.write(msgspec.json.encode(job) + b"\n")
        self.process.stdin.flush()
        self.lines: list[dict[str, Any]] = []

    def until(self, key: str) -> dict[str, Any]:
        """The next line that tells of something."""
        assert self.process.stdout is not None
        for text in self.process.stdout:
            self.lines.append(json.loads(text))
            if key in self.lines[-1]:
                return self.lines[-1]
        raise AssertionError((self.lines, self.process.stderr.read() if self.process.stderr else ""))

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()


@contextmanager
def attached(
    cache: Path,
    job: Job,
    *words: str,
    kseries: Sequence[str | Path] = (TOP / "kseries",),
    path: str = os.environ["PATH"],
) -> Iterator[Attached]:
    made = Attached(cache, job, *words, kseries=kseries, path=path)
    limit = threading.Timer(SECONDS, made.process.kill)
    limit.start()
    try:
        yield made
    finally:
        limit.cancel()
        made.process.kill()
        made.process.wait()
        for file in (made.process.stdin, made.process.stdout, made.process.stderr):
            assert file is not None
            file.close()


@pytest.fixture(scope="module")
def linux(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return jobs.repository(tmp_path_factory.mktemp("linux"), {jobs.TOPIC: tiny.LONG})


def left(cache: Path) -> list[Path]:
    return [one for one in cache.glob("kseries/workers/0/attached/*") if one.name != "lock"]


def test_it_tells_of_its_steps_and_the_next_builds_while_it_boots(linux: Path, tmp_path: Path) -> None:
    memory, made = jobs.jobs_of(tmp_path, linux)
    with attached(tmp_path, made["prefix-1"]) as slow:
        slow.until("built")
        with attached(tmp_path, made["base"]) as quick:
            quick.until("built")
            last = quick.until("observation")
            assert slow.process.poll() is None, "it still boots"
            assert msgspec.convert(last["observation"], Observation) == memory.find(made["base"])
            assert Path(last["logs"], "console.log").is_file() and last["program"] == store.program()
            assert quick.process.wait(END_SECONDS) == 0
        last = slow.until("observation")
        assert {"stage": "build"} in slow.lines and {"stage": "boot"} in slow.lines
        told = [sorted(line) for line in slow.lines]
        assert told.count(["built"]) == 1 and ["compiled", "what"] in told
        assert slow.process.wait(END_SECONDS) == 0
        seen = msgspec.convert(last["observation"], Observation)
        assert seen.outcome is Outcome.OK and seen == memory.find(made["prefix-1"])
    with attached(tmp_path, made["prefix-1"]) as known:
        known.until("observation")
        assert known.lines[0] == {"built": True} and len(known.lines) == 2
        assert msgspec.convert(known.lines[1]["observation"], Observation) == seen
        assert known.process.wait(END_SECONDS) == 0
    assert not left(tmp_path)


def test_one_of_a_kseries_that_was_changed_since_tells_so(linux: Path, tmp_path: Path) -> None:
    _, made = jobs.jobs_of(tmp_path, linux)
    for name in ("harness", "guests", "kernels"):
        shutil.copytree(TOP / name, tmp_path / "newer" / name)
    package = tmp_path / "newer" / "harness" / "kseries"
    with (package / "evaluate" / "local.py").open("a") as file:
        file.write("# It is another now.\n")
    with attached(tmp_path, made["base"], kseries=(sys.executable, "-I", package / "start")) as one:
        told = one.until("observation")["program"]
        assert len(told) == len(store.program()) and told != store.program()


@pytest.mark.parametrize("how", ["its caller is gone", "SIGTERM"])
def test_it_ends_with_its_caller_and_leaves_no_machine(linux: Path, tmp_path: Path, how: str) -> None:
    _, made = jobs.jobs_of(tmp_path, linux)
    with attached(tmp_path, made["prefix-1"]) as one:
        while one.until("stage") != {"stage": "boot"}:
            pass
        began = time.monotonic()
        while processes.booting(one.process.pid) is None:
            assert time.monotonic() < began + END_SECONDS
            time.sleep(0.05)  # /proc has no event to wait for
        one.close() if how != "SIGTERM" else one.process.send_signal(signal.SIGTERM)
        assert one.process.wait(END_SECONDS) == 130
    assert not processes.at_work(tmp_path) and not left(tmp_path)


def test_until_built_it_boots_nothing_and_does_it_once(linux: Path, tmp_path: Path) -> None:
    memory, made = jobs.jobs_of(tmp_path, linux)
    for steps in ([{"stage": "build"}], []):
        with attached(tmp_path, made["base"], "--until-built") as one:
            one.until("built")
            assert one.process.wait(END_SECONDS) == 0
            assert one.process.stdout is not None and not one.process.stdout.read()
            assert [line for line in one.lines if "compiled" not in line] == [*steps, {"built": True}]
    assert memory.find(made["base"]) is None and not left(tmp_path)


def test_logs_of_a_host_that_cannot_boot_are_there_until_its_caller_has_them(linux: Path, tmp_path: Path) -> None:
    memory, made = jobs.jobs_of(tmp_path, linux)
    qemu = archs.get("x86_64").qemu
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / qemu).write_text(DYING.format(shutil.which(qemu)))
    (tmp_path / "tools" / qemu).chmod(0o755)
    with attached(tmp_path, made["prefix-1"], path=f"{tmp_path / 'tools'}:{os.environ['PATH']}") as one:
        last = one.until("observation")
        seen = msgspec.convert(last["observation"], Observation)
        assert seen.outcome is Outcome.INFRA_ERROR and "exit status 7" in seen.detail
        assert Path(last["logs"], "build.log").read_bytes() and left(tmp_path) == [Path(last["logs"])]
        one.close()
        assert one.process.wait(END_SECONDS) == 3
    assert memory.find(made["prefix-1"]) is None and not left(tmp_path)


def test_an_error_is_its_last_line(linux: Path, tmp_path: Path) -> None:
    _, made = jobs.jobs_of(tmp_path, linux)
    with attached(tmp_path, msgspec.structs.replace(made["base"], tree="0" * 40)) as one:
        last = one.until("error")
        assert last["kind"] == "input" and last["error"].startswith("the tree of base is not that of base")
        assert one.process.wait(END_SECONDS) == 2
    shutil.rmtree(tmp_path / "kseries" / "trees.git")
    with attached(tmp_path, made["base"]) as one:
        assert one.until("error")["error"].startswith("no such tree") and one.process.wait(END_SECONDS) == 2


def test_a_folder_of_a_dead_process_goes_and_that_of_a_living_one_stays(tmp_path: Path) -> None:
    (tmp_path / "1-dead").mkdir()
    (tmp_path / "1-dead" / "file").touch()
    with ownfolder.made(tmp_path) as first, ownfolder.made(tmp_path) as second:
        assert {one.name for one in tmp_path.iterdir()} == {"lock", first.name, second.name}
    assert {one.name for one in tmp_path.iterdir()} == {"lock"}
