# SPDX-License-Identifier: GPL-2.0-only
"""A Dask scheduler and hosts of it, as processes of this host that listen on loopback alone.

The scheduler has no kseries on its path, as where it is somebody else's. Each worker has a cache of its own.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tests.support import processes
from tests.support.commands import TOP

START_SECONDS = 120.0
"""For a scheduler or a worker to be there, on a slow host that is busy."""
END_SECONDS = 20.0
_ADDRESS = re.compile(r"Scheduler at: +(\S+)")
_GIVES = "gives this host"


@contextmanager
def scheduler(
    place: Path,
    port: int = 0,
    words: Sequence[str] = ("--host", "127.0.0.1"),
    within: Sequence[str] = (),
    silence: str = "5m",
) -> Iterator[str]:
    """The address of a scheduler, whose log is in a folder; ``within`` is a command that runs it, and ``silence`` the
    time after which it drops a worker that says nothing.
    """
    log = place / f"scheduler-{time.monotonic_ns()}.log"
    more = ["--port", str(port), "--dashboard-address", "127.0.0.1:0", "--no-dashboard"]
    argv = [*within, sys.executable, "-I", "-m", "distributed.cli.dask_scheduler", *words, *more]
    with (
        log.open("wb") as file,
        _process(argv, file, {**os.environ, "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": silence}) as process,
    ):
        yield said(process, log, _ADDRESS)[1]


@contextmanager
def worker(
    address: str, name: str, cache: Path, *words: str, kseries: Sequence[str] = (str(TOP / "kseries"),)
) -> Iterator["subprocess.Popen[bytes]"]:
    """A ``kseries worker`` that is connected, whose standard error is in ``cache/NAME.log``."""
    with starting(address, name, cache, *words, kseries=kseries) as process:
        said(process, cache / f"{name}.log", re.compile(_GIVES))
        yield process


@contextmanager
def starting(
    address: str, name: str, cache: Path, *words: str, kseries: Sequence[str] = (str(TOP / "kseries"),)
) -> Iterator["subprocess.Popen[bytes]"]:
    """The same, which need not be connected yet."""
    cache.mkdir(parents=True, exist_ok=True)
    argv = [*kseries, "worker", address, "--name", name, *words]
    env = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    with (cache / f"{name}.log").open("wb") as file, _process(argv, file, env) as process:
        yield process


@contextmanager
def _process(argv: list[str], log: IO[bytes], env: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that is gone, with its children, when the context is left."""
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(END_SECONDS)


def said(
    process: "subprocess.Popen[bytes]", log: Path, words: "re.Pattern[str]", seconds: float = START_SECONDS
) -> Any:
    """Wait until a log has these words; the match."""
    deadline = time.monotonic() + seconds
    while (found := words.search(log.read_text(errors="replace"))) is None:
        assert process.poll() is None and time.monotonic() < deadline, log.read_text(errors="replace")
        time.sleep(0.05)  # a file has no event to wait for
    return found


def dask_process(worker: "subprocess.Popen[bytes]") -> int:
    """The id of the process that dask's nanny has started, in which tasks run."""
    for child in children(worker.pid):
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
            return child
    raise AssertionError(f"no process of {worker.pid} is dask's worker")


def scheduler_process() -> int:
    """The id of the scheduler that this process has started last."""
    module = b"distributed.cli.dask_scheduler"
    return [one for one in children(os.getpid()) if module in Path(f"/proc/{one}/cmdline").read_bytes()][-1]


def children(pid: int) -> list[int]:
    """Those that any of its threads has started (proc(5))."""
    threads = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(word) for thread in threads for word in thread.read_text().split()]


def until_gone(place: Path, seconds: float) -> list[str]:
    """The command lines of processes that are still at work in a place after so long."""
    deadline = time.monotonic() + seconds
    while (left := at_work(place)) and time.monotonic() < deadline:
        time.sleep(0.05)  # /proc has no event to wait for
    return left


def at_work(place: Path) -> list[str]:
    """The command lines of QEMUs and makes that are at work in a place, and of each kseries evaluate whose cache it
    is.
    """
    return [*processes.at_work(place), *_evaluations(place)]


def _evaluations(place: Path) -> Iterator[str]:
    variable = b"XDG_CACHE_HOME=" + os.fsencode(place)
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            if b"--attached" in words and variable in (process / "environ").read_bytes().split(b"\0"):
                yield b" ".join(words).decode(errors="replace")
        except OSError:
            continue  # it has ended
