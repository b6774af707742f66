# SPDX-License-Identifier: GPL-2.0-only
"""Hosts with a network each, and TLS between them: what one host comes to, also where one is cut off meanwhile."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from kseries.host import paths
from tests.support import clusters, namespaces, tinyseries
from tests.support.commands import SECONDS, SPLIT, TOP
from tests.support.namespaces import Host

pytestmark = [
    pytest.mark.full("cluster"),
    pytest.mark.skipif(not namespaces.possible(), reason="network namespaces need root"),
]

NAMES = ("alpha", "beta")
SERIES = ("base..topic", "--tree", "linux", "--probe", "capabilities")


@dataclass
class Lab:
    """A scheduler at alpha, workers at alpha and beta, and a home that builds nothing."""

    place: Path
    hosts: dict[str, Host]
    address: str
    files: tuple[str, ...]

    def start(self, *words: str | Path, cache: str = "home") -> "subprocess.Popen[bytes]":
        """A command at home, which tells what it is at in ``run.log``."""
        argv = self.hosts["home"].within(str(TOP / "kseries"), *map(str, words))
        env = {**os.environ, "XDG_CACHE_HOME": str(self.place / cache)}
        with self.log.open("wb") as log:
            return subprocess.Popen(argv, cwd=self.place, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    @property
    def cluster(self) -> tuple[str, ...]:
        return ("--cluster", self.address, *self.files)

    @property
    def log(self) -> Path:
        return self.place / "run.log"

    def said(self) -> str:
        return self.log.read_text(errors="replace")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """Nobody but home has the repository of the series."""
    (tmp_path / "linux").mkdir()
    files = namespaces.certificates(tmp_path)
    with namespaces.hosts(("home", *NAMES)) as hosts, ExitStack() as stack:
        alpha = hosts["alpha"]
        words = ("--host", alpha.address, "--protocol", "tls", *files)
        address = stack.enter_context(clusters.scheduler(tmp_path, words=words, within=alpha.within(), silence="8s"))
        for name in NAMES:
            kseries = hosts[name].within(str(TOP / "kseries"), hiding=tmp_path / "linux")
            seed(tmp_path / name, "ccache")
            stack.enter_context(clusters.worker(address, name, tmp_path / name, *files, kseries=kseries))
        yield Lab(tmp_path, hosts, address, files)


def seed(cache: Path, *parts: str) -> None:
    """Give a host's cache some parts of ours: what is known of compiling, which takes long on a new host, or kernels,
    which nobody can fetch there.
    """
    (cache / "kseries").mkdir(parents=True, exist_ok=True)
    for part in (paths.cache(name) for name in parts):
        if part.exists():
            subprocess.run(["cp", "--archive", "--link", part, cache / "kseries"], check=True)


def alone(lab: Lab, *words: str | Path) -> object:
    """What a run comes to on this host."""
    done = subprocess.run(
        [TOP / "kseries", "run", *words, "--out", "alone"],
        cwd=lab.place,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return tinyseries.essence(lab.place / "alone" / "result.json")


def made_on(lab: Lab) -> set[str]:
    (run,) = json.loads((lab.place / "out" / "result.json").read_text())["variants"]
    return {state["made_on"] for state in run["states"] if "made_on" in state}


def test_a_series_of_the_tiny_kernel(lab: Lab) -> None:
    tinyseries.repository(lab.place / "linux", 4, broken=2)
    expected = alone(lab, *SERIES)
    run = lab.start("run", *SERIES, *lab.cluster, "--out", "out")
    assert run.wait(SECONDS) == 1, lab.said()
    assert tinyseries.essence(lab.place / "out" / "result.json") == expected
    assert made_on(lab) == {*NAMES}
    assert "sending the base to" in lab.said()


def test_without_our_certificates_nobody_is_let_in(lab: Lab, tmp_path: Path) -> None:
    tinyseries.repository(lab.place / "linux", 1)
    (tmp_path / "strangers").mkdir()
    files = namespaces.certificates(tmp_path / "strangers")
    run = lab.start("run", *SERIES, "--cluster", lab.address, *files, "--out", "out")
    assert run.wait(SECONDS) == 3, lab.said()
    assert f"no scheduler answers at {lab.address}" in lab.said() and "Traceback" not in lab.said()


def test_a_host_that_is_cut_off_comes_back(lab: Lab) -> None:
    tinyseries.repository(lab.place / "linux", 8, broken=2, sleep=[5])
    expected = alone(lab, *SERIES)
    run = lab.start("run", *SERIES, *lab.cluster, "--out", "out")
    clusters.said(run, lab.log, re.compile(r"-\d: building on beta"))
    lab.hosts["beta"].cut_off(True)
    clusters.said(run, lab.log, re.compile(r"beta: .*; what it was at goes to another host"))
    lab.hosts["beta"].cut_off(False)
    clusters.said(run, lab.log, re.compile(r"goes to another host.*-\d: building on beta", re.DOTALL))
    assert run.wait(SECONDS) == 1, lab.said()
    assert tinyseries.essence(lab.place / "out" / "result.json") == expected


def test_the_split_series_of_the_demo(lab: Lab) -> None:
    words = (SPLIT, "--arch", "x86_64")
    expected = alone(lab, *words)
    known = {one.name for one in paths.cache().iterdir()} - {"results", "workers", "ccache", "lock"}
    seed(lab.place / "home", *known)
    run = lab.start("run", *words, *lab.cluster, "--out", "out")
    assert run.wait(SECONDS) == 1, lab.said()
    assert tinyseries.essence(lab.place / "out" / "result.json") == expected, lab.said()
    assert made_on(lab) == {*NAMES}
