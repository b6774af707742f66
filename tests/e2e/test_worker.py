# SPDX-License-Identifier: GPL-2.0-only
"""kseries worker: a host of a cluster evaluates jobs as kseries evaluate does, and leaves nothing behind."""

import os
import re
import shutil
import signal
import subprocess
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from distributed import Client

from kseries.cluster import preload, tasks
from kseries.cluster.address import TOPIC
from kseries.model import Dependencies, HostFacts, Job, Observation, Outcome
from tests.support import clusters, jobs, processes, tiny
from tests.support.commands import TOP

SECONDS = 180.0
GONE_SECONDS = 10.0


@pytest.fixture(scope="module")
def linux(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return jobs.repository(tmp_path_factory.mktemp("linux"), {jobs.TOPIC: tiny.LONG})


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with clusters.scheduler(tmp_path_factory.mktemp("scheduler")) as where:
        yield where


class Host:
    """A worker with the trees of the series in its cache, and a client of its cluster."""

    def __init__(self, process: "subprocess.Popen[bytes]", client: Client, cache: Path, made: dict[str, Job]) -> None:
        self.process, self.client, self.cache, self.jobs = process, client, cache, made
        self.heard: list[dict[str, Any]] = []

    def submit(self, state: str, until_built: bool = False) -> Any:
        return self.client.submit(
            tasks.SUBMITTED,
            msgspec.json.encode(self.jobs[state]),
            "run",
            until_built,
            key=f"{state}-{time.monotonic_ns()}",
            resources={preload.RESOURCE: 1},
        )

    def until(self, state: str, **told: Any) -> None:
        """Wait until this was heard of a state."""
        deadline = time.monotonic() + SECONDS
        while not any(one["job"] == state and told.items() <= one.items() for one in self.heard):
            assert time.monotonic() < deadline, (self.heard, (self.cache / "one.log").read_text())
            time.sleep(0.02)

    def until_booting(self) -> None:
        deadline = time.monotonic() + SECONDS
        while processes.booting(self.process.pid) is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)  # /proc has no event to wait for


@pytest.fixture
def host(address: str, linux: Path, tmp_path: Path) -> Iterator[Host]:
    cache = tmp_path / "cache"
    _, made = jobs.jobs_of(cache, linux)
    with clusters.worker(address, "one", cache) as process, Client(address, set_as_default=False) as client:  # type: ignore[no-untyped-call]
        found = Host(process, client, cache, made)
        client.subscribe_topic(TOPIC, lambda event: found.heard.append(event[1]))
        yield found
        client.unsubscribe_topic(TOPIC)


def test_a_job_is_evaluated_as_by_kseries_evaluate(host: Host, tmp_path: Path) -> None:
    job = host.jobs["base"]
    told = host.submit("base").result(SECONDS)
    assert "error" not in told, told
    shutil.copytree(host.cache / "kseries" / "trees.git", tmp_path / "other" / "kseries" / "trees.git")
    done = subprocess.run(
        [TOP / "kseries", "evaluate"],
        input=msgspec.json.encode(job),
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "other")},
        capture_output=True,
        timeout=SECONDS,
        check=True,
    )
    seen, alone = (msgspec.json.decode(data, type=Observation) for data in (told["observation"], done.stdout))
    assert seen.outcome is Outcome.OK and plain(seen) == plain(alone)
    folder = Path(told["folder"])
    assert {name: zlib.decompress(data) for name, data in told["logs"].items()} == {
        name: (folder / name).read_bytes() for name in seen.logs
    }
    steps = ({"stage": "build"}, {"built": True}, {"stage": "boot"})
    (worker,) = host.client.scheduler_info()["workers"].items()
    assert [one for one in host.heard if "stage" in one or "built" in one] == [
        {"run": "run", "job": "base", "host": "one", "worker": worker[0], **step} for step in steps
    ]
    log = (host.cache / "one.log").read_text()
    assert re.search(r"base: begun\n.*base: ended \(\d+\.\d s\)", log) and "Traceback" not in log
    (facts,) = host.client.run(tasks.facts, msgspec.json.encode(job.conditions)).values()
    assert msgspec.json.decode(facts["host"], type=HostFacts) == seen.host
    (worker,) = host.client.scheduler_info()["workers"].values()
    assert preload.facts_of(worker)["program"] == facts["program"] == told["program"] and worker["resources"] == {
        "kseries": 2.0
    }
    trees = [job.tree, "0" * 40]
    (read,) = host.client.run(tasks.read, msgspec.json.encode(job), trees).values()
    assert msgspec.json.decode(read["read"], type=Dependencies) == seen.dependencies and read["known"] == trees[:1]


def plain(seen: Observation) -> Observation:
    """Without what a second build of the same tree need not have: its times, ccache's luck, and so its log."""
    return msgspec.structs.replace(seen, seconds={}, objects=None, logs={})


def test_a_second_job_builds_while_the_first_one_boots(host: Host) -> None:
    slow = host.submit("prefix-1")
    host.until("prefix-1", stage="boot")
    assert host.submit("base").result(SECONDS)["observation"]
    assert not slow.done()
    assert slow.result(SECONDS)["observation"]


def test_a_job_that_is_not_wanted_any_more_is_ended(host: Host) -> None:
    future = host.submit("prefix-1")
    host.until("prefix-1", stage="boot")
    host.until_booting()
    future.cancel()
    assert not clusters.until_gone(host.cache, GONE_SECONDS)
    assert host.submit("base").result(SECONDS)["observation"], "and the host takes another"


def test_a_dask_worker_that_is_killed_leaves_nothing_and_another_takes_its_place(host: Host) -> None:
    future = host.submit("prefix-1")
    host.until_booting()
    before = clusters.dask_process(host.process)
    future.cancel()  # or dask would have it again
    os.kill(before, signal.SIGKILL)
    assert not clusters.until_gone(host.cache, GONE_SECONDS)
    assert host.submit("base").result(SECONDS)["observation"]
    assert clusters.dask_process(host.process) != before


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda how: how.name)
def test_a_worker_that_is_ended_leaves_nothing(host: Host, how: signal.Signals) -> None:
    future = host.submit("prefix-1")
    host.until_booting()
    assert clusters.at_work(host.cache)
    host.process.send_signal(how)
    status = host.process.wait(GONE_SECONDS)
    assert status == (-how if how is signal.SIGKILL else 130)
    assert not clusters.until_gone(host.cache, GONE_SECONDS)
    assert not future.done(), "it is still wanted"


def test_two_hosts_of_one_name_are_refused_in_words(host: Host, address: str, tmp_path: Path) -> None:
    with clusters.starting(address, "one", tmp_path / "other") as second:
        assert second.wait(clusters.START_SECONDS) == 2
    assert (
        "has a worker that is called one\n  give this one another name" in (tmp_path / "other" / "one.log").read_text()
    )


def test_it_waits_for_a_scheduler_and_for_one_that_comes_back(tmp_path: Path) -> None:
    with clusters.scheduler(tmp_path) as where:
        port = int(where.rpartition(":")[2])
    log = tmp_path / "cache" / "one.log"
    with clusters.starting(where, "one", tmp_path / "cache") as process:
        clusters.said(process, log, re.compile("no scheduler answers at"))
        for count in (1, 2):
            with clusters.scheduler(tmp_path, port):
                clusters.said(process, log, re.compile("gives this host.*" * count, re.DOTALL))
            clusters.said(process, log, re.compile("is gone: waiting.*" * count, re.DOTALL))
        assert "Traceback" not in log.read_text()
    assert process.returncode == 130


def test_what_a_killed_worker_has_left_the_next_one_removes(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    def folders() -> set[Path]:
        return {one for one in tmp_path.glob("kseries-dask-*/*") if one.is_dir()}

    with clusters.worker(address, "one", tmp_path / "cache") as process:
        process.kill()
        process.wait()
    (killed,) = folders()
    with clusters.worker(address, "two", tmp_path / "cache"):
        (living,) = folders()
        assert living != killed
    assert not folders()


def test_a_place_that_is_not_ours_alone_is_not_used(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    place = tmp_path / f"kseries-dask-{os.getuid()}"
    place.mkdir()
    place.chmod(0o777)
    with clusters.starting(address, "one", tmp_path / "cache") as process:
        assert process.wait(clusters.START_SECONDS) == 3
    said = (tmp_path / "cache" / "one.log").read_text()
    assert f"{place} is not a folder of ours alone\n" in said and len(said.splitlines()) == 2
    assert list(place.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("tcp://192.0.2.1:8786",), "anybody who reaches it can run code on its hosts\n  use tls://"),
        (("192.0.2.1",), "192.0.2.1 is no scheduler's address\n"),
        (("tls://127.0.0.1:1",), "no certificates are named\n"),
        (("tls://127.0.0.1:1", "--tls-cert", "/none"), "TLS needs all three files: --tls-"),
        (("tcp://127.0.0.1:1", "--name", "a\nb"), "is not a name\n"),
    ],
)
def test_what_cannot_be_is_two_lines(words: tuple[str, ...], told: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [TOP / "kseries", "worker", *words], capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 2 and told in done.stderr and len(done.stderr.splitlines()) == 2, done.stderr
