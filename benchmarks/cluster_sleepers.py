# SPDX-License-Identifier: GPL-2.0-only
"""Dask workers of a cluster that is simulated: a state is built by sleeping, no process is started for it.

.venv/bin/python -m benchmarks.cluster_sleepers ADDRESS SECONDS NAME...

All else is as it would be: what a run asks of its hosts it asks these, and they tell what hosts would tell.
"""

import asyncio
import sys
import weakref
import zlib
from typing import Any

import msgspec
from distributed import Worker, get_worker

import kseries
from kseries.cache import store
from kseries.cluster import preload, tasks
from kseries.cluster.address import TOPIC
from kseries.model import Accel, Check, Conditions, Ending, HostFacts, Job, Observation, Outcome, Status

CHECK = Check(id="capabilities.a", status=Status.PASS)
_HOST = HostFacts(accel=Accel(name="tcg", why="nothing is booted"), toolchain="none", emulator="none")
_LOG = zlib.compress("".join(f"[    0.{number:06}] a line of a kernel log\n" for number in range(800)).encode())
"""As much as a real kernel prints while it boots."""

_seconds = 30.0
_trees: "weakref.WeakKeyDictionary[Worker, set[str]]" = weakref.WeakKeyDictionary()
"""What each worker holds."""
_turns: "weakref.WeakKeyDictionary[Worker, asyncio.Lock]" = weakref.WeakKeyDictionary()
"""A host builds one state at a time."""


async def facts(conditions: bytes) -> dict[str, Any]:
    """As tasks.facts."""
    msgspec.json.decode(conditions, type=Conditions)
    return {"host": msgspec.json.encode(_HOST), "program": store.program(), "version": kseries.__version__}


async def missing(trees: list[str], files: list[str], dask_worker: Any = None) -> dict[str, list[str]]:
    """As tasks.missing: what was asked for once is sent, and then there."""
    there = _trees.setdefault(dask_worker, set())
    lacks = [tree for tree in trees if tree not in there]
    there.update(lacks)
    return {"trees": lacks, "files": []}


async def import_base(tree: str, revision: str | None) -> str:
    """As tasks.import_base: nobody has it."""
    return ""


async def receive(*piece: Any) -> None:
    """As tasks.receive: it is not kept."""


async def readers(job: bytes, places: list[str]) -> dict[str, list[int]]:
    """As tasks.readers: each file is read by one target."""
    return {place: [number] for number, place in enumerate(places)}


async def read(job: bytes, known: list[str]) -> dict[str, Any]:
    """As tasks.read: nobody knows, so that no state is taken for another."""
    return {"read": b"", "known": []}


async def evaluate(job: bytes, run: str, until_built: bool) -> dict[str, Any]:
    """As tasks.evaluate: it sleeps, and tells each second that make has made something."""
    worker, decoded = get_worker(), msgspec.json.decode(job, type=Job)

    def tell(**line: Any) -> None:
        worker.log_event(TOPIC, {"run": run, "job": decoded.name, "host": str(worker.name), **line})

    async with _turns.setdefault(worker, asyncio.Lock()):
        tell(stage="build")
        await _build(tell)
    tell(built=True)
    if until_built:
        return {"built": True}
    tell(stage="boot")
    seen = Observation(
        tree=decoded.tree,
        outcome=Outcome.OK,
        ending=Ending.DONE,
        host=_HOST,
        checks=(CHECK,),
        seconds={"build": _seconds, "boot": 0.0},
    )
    logs = {"build.log": _LOG, "console.log": _LOG}
    program = store.program()
    told = {"observation": msgspec.json.encode(seen), "program": program}
    return {**told, "logs": logs, "large": [], "folder": "/simulated"}


async def _build(tell: Any) -> None:
    loop = asyncio.get_running_loop()
    ends, made = loop.time() + _seconds, 0
    while (left := ends - loop.time()) > 0:
        await asyncio.sleep(min(1.0, left))
        made += 1
        tell(compiled=made, what=f"block{made}.o")


async def main() -> None:
    """Be so many workers until standard input ends."""
    global _seconds
    address, seconds, *names = sys.argv[1:]
    _seconds = float(seconds)
    for task in (facts, missing, import_base, receive, readers, read, evaluate):
        setattr(tasks, task.__name__, task)
    workers = [_worker(address, name) for name in names]
    for worker in workers:
        preload.dask_setup(worker)
    await asyncio.gather(*workers)
    await asyncio.to_thread(sys.stdin.read)
    await asyncio.gather(*(worker.close() for worker in workers), return_exceptions=True)


def _worker(address: str, name: str) -> Any:
    made: Any = Worker  # which has no types
    resources = {preload.RESOURCE: preload.AT_ONCE}
    return made(address, nthreads=2, name=name, resources=resources, memory_limit=0, host="127.0.0.1", dashboard=False)


if __name__ == "__main__":
    asyncio.run(main())
