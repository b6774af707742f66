# SPDX-License-Identifier: GPL-2.0-only
"""What befalls the hosts of a cluster, its scheduler, or who asks: no verdict differs, nothing finished is lost."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support import clusters, tinyseries
from tests.support.commands import SECONDS, TOP
from tests.support.faults import CLUSTER
from tests.support.sample import sampled

WORDS = ("base..topic", "--tree", "linux", "--probe", "capabilities")
BUILDS = 3.0
"""Seconds of a build, in which something can befall who makes it."""
GONE_SECONDS = 10.0


@pytest.fixture(scope="module")
def linux(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tinyseries.repository(tmp_path_factory.mktemp("linux") / "linux", 3, broken=2, sleep=[BUILDS])


@pytest.fixture(scope="module")
def undisturbed(linux: Path, tmp_path_factory: pytest.TempPathFactory) -> object:
    """What a run comes to on one host that nothing befalls."""
    lab = Lab(tmp_path_factory.mktemp("alone"), linux)
    run = lab.run("--out", "out")
    assert run.wait(SECONDS) == 1, lab.said()
    return tinyseries.essence(lab.place / "out" / "result.json")


class Lab:
    """A folder that runs are made in, and the hosts of a cluster."""

    def __init__(self, place: Path, linux: Path) -> None:
        self.place = place
        (place / "linux").symlink_to(linux)
        self.address = ""
        self.hosts: dict[str, subprocess.Popen[bytes]] = {}

    def run(self, *words: str) -> "subprocess.Popen[bytes]":
        """A run that has begun, and tells what it is at in a log."""
        env = {**os.environ, "XDG_CACHE_HOME": str(self.place / "home")}
        argv = [str(TOP / "kseries"), "run", *WORDS, *words]
        with self._log.open("wb") as log:
            return subprocess.Popen(
                argv, cwd=self.place, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def cluster_run(self, out: str = "out") -> "subprocess.Popen[bytes]":
        return self.run("--cluster", self.address, "--out", out)

    @property
    def _log(self) -> Path:
        return self.place / "run.log"

    def said(self) -> str:
        return self._log.read_text(errors="replace")

    def until(self, run: "subprocess.Popen[bytes]", words: str) -> str:
        """Wait until a run says something; the first group of it."""
        return str(clusters.said(run, self._log, re.compile(words))[1])

    def essence(self, out: str = "out") -> object:
        return tinyseries.essence(self.place / out / "result.json")

    def left(self) -> list[str]:
        """What is still at work on any host after as long as somebody would wait."""
        return [one for name in self.hosts for one in clusters.until_gone(self.place / name, GONE_SECONDS)]


@contextmanager
def cluster(lab: Lab, *names: str) -> Iterator[Lab]:
    """A cluster of some hosts; one that says nothing for a while is dropped by its scheduler sooner than by default."""
    with ExitStack() as stack:
        lab.address = stack.enter_context(clusters.scheduler(lab.place, silence="8s"))
        for name in names:
            lab.hosts[name] = stack.enter_context(clusters.worker(lab.address, name, lab.place / name, "-j", "1"))
        yield lab


@pytest.fixture
def lab(tmp_path: Path, linux: Path) -> Lab:
    return Lab(tmp_path, linux)


def goes_on(lab: Lab, undisturbed: object) -> None:
    """The next run comes to the right result, and has of base what was known."""
    again = lab.cluster_run("again")
    assert again.wait(SECONDS) == 1, lab.said()
    assert lab.essence("again") == undisturbed
    assert "base: building" not in lab.said()


BUILDING = r"(?:prefix|without|only)-\d: building on (\w+)"
BY_KILL = [(how, whom) for how, whom, stage, _ in CLUSTER if stage == "compile" and whom.startswith("a host's")]


@pytest.mark.parametrize(("how", "whom"), sampled("faults", BY_KILL, lambda row: row == BY_KILL[0]))
def test_a_host_that_is_lost_changes_no_verdict(lab: Lab, undisturbed: object, how: str, whom: str) -> None:
    with cluster(lab, "alpha", "beta"):
        run = lab.cluster_run()
        name = lab.until(run, BUILDING)
        host = lab.hosts[name]
        victim = clusters.dask_process(host) if whom == "a host's dask worker" else host.pid
        number = signal.Signals[f"SIG{how.partition('-')[2]}"] if how != "kill -9" else signal.SIGKILL
        os.kill(victim, number)
        try:
            assert run.wait(SECONDS) == 1, lab.said()
        finally:
            if number is signal.SIGSTOP:
                with contextlib.suppress(ProcessLookupError):  # its nanny may have lost patience
                    os.kill(victim, signal.SIGCONT)
        assert lab.essence() == undisturbed, lab.said()
        assert f"{name}: it is gone; what it was at goes to another host" in lab.said()
        assert not lab.left()


@pytest.mark.full("faults")
def test_a_host_whose_disk_is_full_is_done_without(lab: Lab, undisturbed: object) -> None:
    disk = lab.place / "alpha"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "none", disk], check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        with cluster(lab, "alpha", "beta"):
            left = os.open(disk / "full", os.O_WRONLY | os.O_CREAT)
            with contextlib.suppress(OSError):
                while True:
                    os.write(left, bytes(1 << 16))
            os.close(left)
            run = lab.cluster_run()
            assert run.wait(SECONDS) == 1, lab.said()
            assert lab.essence() == undisturbed, lab.said()
            assert re.search(r"alpha: .*(No space left|full)", lab.said()), lab.said()
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.mark.full("faults")
def test_a_state_that_three_hosts_are_lost_with_is_its_own_loss(lab: Lab) -> None:
    names = ("alpha", "beta", "gamma", "delta")
    with cluster(lab, *names):
        run = lab.cluster_run()
        lost: list[str] = []
        while len(lost) < 3:
            seen = "|".join(name for name in names if name not in lost)
            name = lab.until(run, rf"without-2: building on ({seen})")
            os.kill(clusters.dask_process(lab.hosts[name]), signal.SIGKILL)
            lost.append(name)
        assert run.wait(SECONDS) == 3, lab.said()
        assert f"without-2: infra-error on {lost[-1]}: lost with three hosts: {', '.join(lost)}" in lab.said()
        assert f"\nwithout-2: infra-error: lost with three hosts: {', '.join(lost)}" in lab.said()
    told = (lab.place / "out" / "result.json").read_text()
    assert told.count('"infra-error"') == 1, "every other state has its answer"


@pytest.mark.full("faults")
def test_a_scheduler_that_is_gone_is_told_and_the_next_run_goes_on(lab: Lab, undisturbed: object) -> None:
    with ExitStack() as stack, cluster(lab, "alpha"):
        run = lab.cluster_run()
        lab.until(run, BUILDING)
        port = int(lab.address.rpartition(":")[2])
        os.kill(clusters.scheduler_process(), signal.SIGKILL)
        assert run.wait(SECONDS) == 3, lab.said()
        assert f"the scheduler at {lab.address} is gone" in lab.said()
        assert not lab.left()
        stack.enter_context(clusters.scheduler(lab.place, port))
        clusters.said(
            lab.hosts["alpha"], lab.place / "alpha" / "alpha.log", re.compile("(gives this host).*(?:gives)", re.S)
        )
        goes_on(lab, undisturbed)


@pytest.mark.parametrize(
    "how", sampled("faults", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], lambda how: how is signal.SIGINT)
)
def test_a_run_that_ends_leaves_nothing_at_work_anywhere(lab: Lab, undisturbed: object, how: signal.Signals) -> None:
    with cluster(lab, "alpha", "beta"):
        run = lab.cluster_run()
        lab.until(run, BUILDING)
        run.send_signal(how)
        assert run.wait(GONE_SECONDS) == (-how if how is signal.SIGKILL else 130), lab.said()
        assert not lab.left()
        goes_on(lab, undisturbed)


@pytest.mark.full("faults")
def test_a_host_with_another_kseries_takes_no_part(lab: Lab, undisturbed: object) -> None:
    other = lab.place / "other"
    for part in ("harness", "guests", "kernels", "testcases", "reports"):
        shutil.copytree(TOP / part, other / part)
    with (other / "guests" / "init" / "init.c").open("a") as file:
        file.write("/* newer */\n")
    kseries = (sys.executable, "-I", str(other / "harness" / "kseries" / "start"))
    with cluster(lab, "beta"), clusters.worker(lab.address, "alpha", lab.place / "alpha", kseries=kseries):
        run = lab.cluster_run()
        assert run.wait(SECONDS) == 1, lab.said()
        assert "left out: alpha has another kseries" in lab.said()
        assert lab.essence() == undisturbed, lab.said()
