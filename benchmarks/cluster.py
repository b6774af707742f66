# SPDX-License-Identifier: GPL-2.0-only
"""How much faster a run is on a cluster, and what that costs: all processes are of this host.

.venv/bin/python -m benchmarks.cluster --real [--hosts 1,8] [--states 60] [--seconds 20,..]
.venv/bin/python -m benchmarks.cluster --simulated [--hosts 32] [--states 1000] [--seconds 30]

``--real`` runs the command line on workers that kseries worker starts, each with a cache of its own. They build the
tiny kernel, and sleep in its Makefile for as long as a build of Linux takes, which is another time for each state: two
cores could not build eight of them at a time. Processes, boxes, boots and transfers are real, and take of these cores
what they take.

``--simulated`` has many more workers, which sleep and start no process (cluster_sleepers.py): what is measured is how
well states are spread, and what that takes of the scheduler and of who asks. Its best is one for each host, less the
build of base, which all of them wait for.
"""

import argparse
import asyncio
import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from tests.support import clusters, tinyseries
from tests.support.commands import TOP

from kseries import cli
from kseries.cli import run as command
from kseries.cluster import connection
from kseries.model import events

_SCENARIOS = "prefixes,reverts"
_A_PROCESS = 8
"""Workers of a simulation in one process."""
_POLL_SECONDS = 0.5
_MEASURED = (23.8, 30.3, 7.8, 31.5, 5.6, 25.4, 28.2, 14.8, 8.0, 31.4, 6.4, 21.9, 9.4, 5.7, 20.2, 5.4)
"""Seconds that the states of exit-on-missing-split take to build which are built: as on a host that had other work, but
with the median of one that had none.
"""


@dataclass
class Cost:
    """What a run took: in all, of two processes' CPUs, and of the wire; None of what nobody told."""

    states: int
    seconds: float
    client: float
    scheduler: float
    bytes_moved: int | None = None

    def lines(self) -> Iterator[str]:
        """In words."""
        yield f"{self.seconds:.1f} s for {self.states} states"
        for who, took in (("scheduler", self.scheduler), ("client", self.client)):
            yield f"  {who}: {1000 * took / self.states:.1f} ms of CPU a state"
        if self.bytes_moved is not None:
            yield f"  {self.bytes_moved / self.states / 1024:.1f} KiB moved a state"


def main() -> None:
    """Measure what is asked for, and print it."""
    parser = argparse.ArgumentParser(description="How much faster a run is on a cluster.")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--real", action="store_true")
    which.add_argument("--simulated", action="store_true")
    parser.add_argument("--hosts", help="numbers of hosts")
    parser.add_argument("--states", type=int)
    parser.add_argument("--seconds")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kseries-benchmark-") as home:
        if args.real:
            hosts = [int(word) for word in (args.hosts or "1,8").split(",")]
            _real(Path(home), hosts, args.states or 60, _seconds(args.seconds) or _MEASURED)
        else:
            _simulated(Path(home), int(args.hosts or 32), args.states or 1000, float(args.seconds or 30))


def _seconds(words: str | None) -> tuple[float, ...]:
    return tuple(map(float, words.split(","))) if words else ()


# --- real hosts -----------------------------------------------------------------------------------


def _real(home: Path, hosts: list[int], states: int, seconds: Sequence[float]) -> None:
    linux = tinyseries.repository(home / "linux", states // 2, sleep=seconds)
    took: list[float] = []
    for count in hosts:
        cost = _real_run(home / f"{count}-hosts", linux, count)
        took.append(cost.seconds)
        print(f"{count} hosts:", *cost.lines(), sep="\n", flush=True)
    print(f"{hosts[-1]} hosts against {hosts[0]}: {took[0] / took[-1]:.2f} times as fast")


def _real_run(place: Path, linux: Path, count: int) -> Cost:
    """A run on so many hosts that have nothing yet, by the command line."""
    place.mkdir()
    with clusters.scheduler(place) as address, contextlib.ExitStack() as hosts:
        for number in range(1, count + 1):
            name = f"host{number}"
            hosts.enter_context(clusters.worker(address, name, place / name, "--jobs", "1"))
        scheduler = _scheduler()
        before = _cpu(scheduler)
        argv = [str(TOP / "kseries"), *_words(linux, place, address)]
        env = {**os.environ, "XDG_CACHE_HOME": str(place / "home")}
        with (place / "run.log").open("wb") as log:
            run = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env)
            client = _until_ended(run)
        if run.returncode:
            sys.exit((place / "run.log").read_text(errors="replace"))
        result = json.loads((place / "out" / "result.json").read_text())
        made = [one for one in result["variants"][0]["states"] if one["same_as"] is None]
        return Cost(len(made), result["seconds"], client, _cpu(scheduler) - before, _told_bytes(place / "run.log"))


def _words(linux: Path, place: Path, address: str) -> list[str]:
    series = ["run", "base..topic", "--tree", str(linux), "--probe", "capabilities", "--scenario", _SCENARIOS]
    return [*series, "--out", str(place / "out"), "--cluster", address]


def _until_ended(run: "subprocess.Popen[bytes]") -> float:
    """The seconds of CPU that a process took, without its children: git's are spent without a cluster, too."""
    took = 0.0
    while run.poll() is None:
        with contextlib.suppress(OSError):  # it may have ended since
            took = max(took, _cpu(run.pid))
        time.sleep(_POLL_SECONDS)  # a process has no event for what it has used
    return took


def _told_bytes(log: Path) -> int | None:
    """How many bytes a run has moved, as it tells at its end."""
    found = re.search(r"([\d,]+) KiB went to hosts of the cluster, ([\d,]+) KiB came", log.read_text(errors="replace"))
    return 1024 * sum(int(number.replace(",", "")) for number in found.groups()) if found is not None else None


# --- simulated hosts --------------------------------------------------------------------------------


class _Stopwatch:
    """What hears a run: when the first state began and the last one ended, and what was spent until then."""

    def __init__(self, spent: Callable[[], float]) -> None:
        self._spent = spent
        self.states = 0
        self.said: list[str] = []
        """What was told that is of no state: who was lost, and why."""
        self.began: tuple[float, float, float] | None = None
        self.ended = (0.0, 0.0, 0.0)

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.Preparing(what):
                self.said.append(what)
            case events.StageStarted() if self.began is None:
                self.began = self._now()
            case events.StateDone(_, known) if not known:
                self.states += 1
                self.ended = self._now()

    def _now(self) -> tuple[float, float, float]:
        return time.monotonic(), time.process_time(), self._spent()

    def cost(self) -> Cost:
        """What the states took in all."""
        assert self.began is not None, "nothing was built"
        seconds, client, scheduler = (after - before for before, after in zip(self.began, self.ended, strict=True))
        return Cost(self.states, seconds, client, scheduler)


def _simulated(home: Path, count: int, states: int, seconds: float) -> None:
    linux = tinyseries.repository(home / "linux", states // 2)
    os.environ["XDG_CACHE_HOME"] = str(home / "cache")
    with clusters.scheduler(home) as address, _sleepers(address, count, seconds), _listening() as connections:
        scheduler = _scheduler()
        watch = _Stopwatch(lambda: _cpu(scheduler))
        said = io.StringIO()
        with contextlib.redirect_stdout(said), mock.patch.object(command, "Progress", lambda _: watch):
            status = cli.main(_words(linux, home, address))
        if status:
            sys.exit("\n".join([said.getvalue(), *watch.said]))
        cost = watch.cost()
        cost.bytes_moved = sum(one.sent + one.received for one in connections)
    print("\n".join(cost.lines()))
    whole = cost.states * seconds
    print(f"{count} hosts: {whole / cost.seconds:.2f} times as fast as the sum of all states, {whole:.0f} s")


@contextlib.contextmanager
def _sleepers(address: str, count: int, seconds: float) -> Iterator[None]:
    """So many workers that sleep."""
    names = [f"host{number}" for number in range(1, count + 1)]
    argv = [sys.executable, "-m", "benchmarks.cluster_sleepers", address, str(seconds)]
    groups = [names[first : first + _A_PROCESS] for first in range(0, count, _A_PROCESS)]
    with contextlib.ExitStack() as stack:
        for group in groups:
            process = subprocess.Popen([*argv, *group], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
            stack.callback(process.wait)
            assert process.stdin is not None
            stack.callback(process.stdin.close)
        _wait_for(address, count)
        yield


def _wait_for(address: str, count: int) -> None:
    with connection.connected(address, None) as found:

        async def all_there() -> None:
            while len(found.hosts) < count:
                await found.changed(1.0)

        asyncio.run(all_there())


@contextlib.contextmanager
def _listening() -> Iterator[list[connection.Connection]]:
    """The connections that a run makes from now on: they know what they have moved."""
    made: list[connection.Connection] = []
    connected = connection.connected

    @contextlib.contextmanager
    def noted(*words: Any) -> Iterator[connection.Connection]:
        with connected(*words) as one:
            made.append(one)
            yield one

    with mock.patch.object(connection, "connected", noted):
        yield made


# --- what processes use -----------------------------------------------------------------------------


def _scheduler() -> int:
    """The process of the scheduler that we have started."""
    module = b"distributed.cli.dask_scheduler"
    (found,) = (one for one in clusters.children(os.getpid()) if module in Path(f"/proc/{one}/cmdline").read_bytes())
    return found


def _cpu(pid: int) -> float:
    """Seconds of CPU that a process has used, without its children (proc(5), stat: utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
