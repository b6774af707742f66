# SPDX-License-Identifier: GPL-2.0-only
"""A run on the hosts of a cluster comes to what one on a single host comes to; what a user may get wrong of it."""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import clusters, tinyseries
from tests.support.commands import typed

HOSTS = ("alpha", "beta")
WORDS = ("base..topic", "--tree", "linux", "--probe", "capabilities")


@dataclass(frozen=True)
class Lab:
    """A scheduler with two hosts, and a folder with a repository that runs are made in."""

    place: Path
    address: str

    def kseries(self, cache: str, *words: str | Path) -> tuple[int, str, str]:
        """The exit status of a command, and what it printed."""
        done = typed(self.place, *words, XDG_CACHE_HOME=str(self.place / cache))
        return done.returncode, done.stdout, done.stderr

    def begun(self) -> list[str]:
        """The jobs that were begun on any host, in the order of each."""
        logs = [(self.place / name / f"{name}.log").read_text() for name in HOSTS]
        lines = [line.split() for log in logs for line in log.splitlines() if line.endswith(": begun")]
        return [words[1].removesuffix(":") for words in lines]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    place = tmp_path_factory.mktemp("lab")
    tinyseries.repository(place / "linux", 4, broken=2)
    with clusters.scheduler(place) as address:
        one, other = (clusters.worker(address, name, place / name, "-j", "1") for name in HOSTS)
        with one, other:
            yield Lab(place, address)


def test_hosts_of_a_cluster_come_to_what_one_host_comes_to(lab: Lab) -> None:
    alone = lab.kseries("one", "run", *WORDS, "--out", "alone")
    assert alone[0] == 1 and "SILENT-BREAK" in alone[1], alone
    together = lab.kseries("home", "run", *WORDS, "--cluster", lab.address, "--out", "together")
    assert together[0] == 1, together
    results = [lab.place / name / "result.json" for name in ("alone", "together")]
    assert tinyseries.essence(results[1]) == tinyseries.essence(results[0])
    (told,) = json.loads(results[1].read_text())["variants"]
    made_on = {state["id"]: state["made_on"] for state in told["states"] if state["same_as"] is None}
    assert {*made_on.values()} == {*HOSTS}
    assert {stage["where"] for stage in told["timeline"]} == {*HOSTS}
    assert {"build.log", "console.log"} <= {log.name for log in (lab.place / "together" / "states" / "base").iterdir()}
    for state in made_on:
        logs = [lab.place / out / "states" / state / "console.log" for out in ("alone", "together")]
        assert logs[0].read_bytes() == logs[1].read_bytes() != b"", state


def test_what_is_known_at_home_is_asked_of_nobody_and_hosts_offer_theirs(lab: Lab) -> None:
    run = ("run", *WORDS, "--cluster", lab.address, "--out")
    assert lab.kseries("home", *run, "first")[0] == 1
    before = lab.begun()
    again = lab.kseries("home", *run, "second")
    assert again[0] == 1 and lab.begun() == before, again
    other = lab.kseries("another", *run, "third")
    assert other[0] == 1 and len(lab.begun()) > len(before), other
    first, third = (tinyseries.essence(lab.place / name / "result.json") for name in ("first", "third"))
    assert third == first


def test_a_budget_holds_on_a_cluster_and_the_next_run_goes_on(lab: Lab) -> None:
    """A build takes longer than the first budget, so that base is all that comes of it."""
    tinyseries.repository(lab.place / "slow", 2, broken=1, sleep=[2])
    run = ("run", *WORDS[:2], "slow", *WORDS[3:], "--scenario", "prefixes", "--out")
    on_hosts = ("--cluster", lab.address)
    status, printed, said = lab.kseries("brief", *run, "brief", *on_hosts, "--budget", "1s")
    assert status == 0 and "budget of 1s used up: " in printed, (printed, said)
    (part,) = json.loads((lab.place / "brief" / "result.json").read_text())["variants"]
    assert {state["id"] for state in part["states"] if state["outcome"] == "ok"} == {"base"}
    assert part["budget"]["left_out"] == ["prefix-1", "prefix-2"]
    assert lab.kseries("brief", *run, "brief", *on_hosts, "--budget", "1h")[0] == 1
    assert lab.kseries("one", *run, "alone")[0] == 1
    results = [lab.place / name / "result.json" for name in ("brief", "alone")]
    assert tinyseries.essence(results[0]) == tinyseries.essence(results[1])


@pytest.mark.parametrize(
    "words",
    [
        ("bisect", *WORDS, "--check", "capabilities.a", "--out", "bisected", "--json"),
        ("revert", "3", *WORDS, "--json"),
        ("pick", "3", *WORDS, "--json"),
    ],
    ids=lambda words: words[0],
)
def test_single_states_are_had_of_a_cluster(lab: Lab, words: tuple[str, ...]) -> None:
    alone = lab.kseries("one", *words)
    together = lab.kseries("home", *words, "--cluster", lab.address)
    assert together[0] == alone[0], together
    told = [json.loads(done[1]) for done in (alone, together)]
    assert tinyseries.without_places(told[1]) == tinyseries.without_places(told[0])


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--cluster", "8786"), 2, "8786 is no scheduler's address"),
        (("--cluster", "tcp://192.0.2.1:8786"), 2, "anybody who reaches it can run code"),
        (("--cluster", "tls://127.0.0.1:8786", "--tls-ca-file", "gone.pem"), 2, "TLS needs all three files"),
        (("--tls-ca-file", "linux"), 2, "are of a cluster"),
        (("--cluster", "tls://127.0.0.1:8786"), 2, "no certificates are named"),
        (("--cluster", "tcp://127.0.0.1:8786", "--unboxed"), 2, "in the box"),
    ],
)
def test_what_is_wrong_with_an_address_is_told_in_two_lines(
    lab: Lab, words: tuple[str, ...], status: int, said: str
) -> None:
    done = lab.kseries("home", "run", *WORDS, *words, "--out", "wrong")
    lines = [line for line in done[2].splitlines() if line.startswith(("kseries: ", "  "))]
    assert done[0] == status and said in done[2], done
    assert len(lines) <= 2, done


def test_a_scheduler_that_is_not_there_is_told(lab: Lab) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    done = lab.kseries("home", "run", *WORDS, "--cluster", address, "--out", "wrong")
    assert done[0] == 3 and f"no scheduler answers at {address}" in done[2], done
    assert "Traceback" not in done[2]
