# SPDX-License-Identifier: GPL-2.0-only
"""What a dask worker does for a run elsewhere: functions whose arguments and results are bytes, text, numbers.

All but ``evaluate`` are for Client.run, which is answered whatever else is at work there. Theirs is the loop that dask
answers its scheduler in, so what takes longer goes to a thread.
"""

import asyncio
import contextlib
import sys
import time
import zlib
from collections.abc import Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

import msgspec
from distributed import Worker, get_worker
from distributed.core import Status

import kseries
from kseries.cache import store
from kseries.cache.store import LOGS
from kseries.cluster import bases, filesets, following, ownstore, pieces, preload, warm
from kseries.cluster.address import PIECE, TOPIC
from kseries.cluster.following import UnwantedError
from kseries.host import paths
from kseries.model import Conditions, Job
from kseries.model.attached import Line, kind_of
from kseries.model.errors import InfraError, KseriesError
from kseries.sources import packs

P = ParamSpec("P")


def _told(task: Callable[P, Awaitable[dict[str, Any]]]) -> Callable[P, Awaitable[dict[str, Any]]]:
    """A task whose errors are a result, too: ``error``, and its ``kind`` as in model/attached.py."""

    @wraps(task)
    async def run(*args: P.args, **kwargs: P.kwargs) -> dict[str, Any]:
        try:
            return await task(*args, **kwargs)
        except KseriesError as error:
            return {"error": str(error), "kind": kind_of(error)}

    return run


@_told
async def facts(conditions: bytes) -> dict[str, Any]:
    """``host``, the JSON of what of this host the observations of jobs under these conditions depend on, and which
    kseries it has; or ``error``.
    """
    asked = msgspec.json.decode(conditions, type=Conditions)
    host = await asyncio.to_thread(warm.host, asked)
    program = await asyncio.to_thread(store.program)
    return {"host": msgspec.json.encode(host), "program": program, "version": kseries.__version__}


async def missing(trees: list[str], files: list[str]) -> dict[str, list[str]]:
    """Those of them that this host has not: ``trees``, of which the others are whole if the first one is there, and
    sets of ``files`` by their names (filesets.py). Where what has the trees turns out to be damaged, all are missing.
    """

    def look() -> dict[str, list[str]]:
        with ownstore.at_work() as store:
            base = packs.lacking(store, trees[:1])
            lacks = trees if base else packs.lacking(store, trees[1:], trees[0])
            return {"trees": list(lacks), "files": list(filesets.missing(files, paths.cache()))}

    try:
        return await asyncio.to_thread(look)
    except InfraError:
        if not ownstore.is_damaged():
            raise
        return await asyncio.to_thread(look)


async def import_base(tree: str, revision: str | None) -> str:
    """As bases.import_base()."""
    return await asyncio.to_thread(bases.import_base, tree, revision)


async def receive(kind: str, name: str, number: int, of: int, piece: bytes) -> None:
    """As pieces.receive(). Raises InfraError."""
    await asyncio.to_thread(pieces.receive, kind, name, number, of, piece)


async def readers(job: bytes, places: list[str]) -> dict[str, list[int]]:
    """Which targets of the folder that a job is built in were made of each file, as numbers; {} where nothing is
    built.
    """
    return await asyncio.to_thread(warm.readers, _job(job), places)


async def read(job: bytes, trees: list[str]) -> dict[str, Any]:
    """``read``, the JSON of what the build of a job's tree has read in its folder, empty where that is not known; and
    ``known``, those of some trees of whose builds it is still known there.
    """
    found, known = await asyncio.to_thread(warm.read, _job(job), trees)
    return {"read": msgspec.json.encode(found) if found is not None else b"", "known": list(known)}


@_told
async def evaluate(job: bytes, run: str, until_built: bool) -> dict[str, Any]:
    """``observation``, its JSON; the ``program`` that it was made by, which may be newer than that of ``facts``;
    ``logs``, each packed by zlib; ``large``, the names of those above PIECE even so; and the ``folder`` that has them
    all. Of a log that is not stored and that is larger, ``logs`` has the end. Of one that is only built, ``built``. Or
    ``error``.

    What it is at, the subscribers of TOPIC hear, as model/attached.py has it, with ``run``, ``job`` and ``host``, this
    worker's name; dask adds its address, as ``worker``.
    For Client.submit: it ends soon after its key is released.
    """
    worker, name = get_worker(), _job(job).name
    key = _key(worker)

    def tell(line: Line) -> None:
        worker.log_event(TOPIC, {"run": run, "job": name, "host": str(worker.name), **msgspec.to_builtins(line)})

    words = ("--jobs", str(preload.jobs()), *(("--until-built",) if until_built else ()))
    _say(f"{name}: begun")
    began = time.monotonic()
    how = "ended"
    try:
        return await following.follow(job, words, tell, lambda: _is_wanted(worker, key), _result)
    except UnwantedError:
        how = "not wanted any more"
        raise InfraError(f"{name} is not wanted any more") from None
    except InfraError as error:
        how = f"failed: {error}"
        raise
    finally:
        _say(f"{name}: {how} ({time.monotonic() - began:.1f} s)")


async def _sent(job: bytes, run: str, until_built: bool) -> dict[str, Any]:
    from kseries.cluster import tasks

    return await tasks.evaluate(job, run, until_built)


_sent.__module__ = "__main__"
SUBMITTED = _sent
"""``evaluate`` for Client.submit. A scheduler unpickles what goes through it, and need not have kseries: a function of
``__main__`` is pickled with all that is in it (cloudpickle).
"""


async def log_piece(folder: str, name: str, offset: int) -> bytes:
    """At most PIECE bytes of a log in a folder that ``evaluate`` has told, not packed; empty at its end."""
    if name not in LOGS or not _is_stored(folder):
        raise InfraError(f"there is no log {name} in {folder}")

    def get() -> bytes:
        with (Path(folder) / name).open("rb") as file:
            file.seek(offset)
            return file.read(PIECE)

    return await asyncio.to_thread(get)


def _is_stored(folder: str) -> bool:
    return Path(folder).resolve().is_relative_to(paths.cache("results").resolve())


def _job(data: bytes) -> Job:
    return msgspec.json.decode(data, type=Job)


def _key(worker: Worker) -> object:
    """The key of the task that this is: dask tells it to functions that are run in threads alone, and calls the asyncio
    task by it (worker_state_machine.py). Raises InfraError.
    """
    current = asyncio.current_task()
    name = current.get_name() if current is not None else ""
    for key in worker.state.tasks:
        if name == f"execute({key!r})":
            return key
    raise InfraError("this dask does not tell which of its tasks runs: is it another version than kseries knows?")


def _is_wanted(worker: Worker, key: Any) -> bool:
    """False once the scheduler has taken a task back. Of one that runs, it is still there as ``cancelled``."""
    if worker.status not in (Status.running, Status.paused):
        return False
    state = worker.state.tasks.get(key)
    return state is not None and state.state != "cancelled"


def _result(last: Line) -> dict[str, Any]:
    if last.error is not msgspec.UNSET:
        return {"error": last.error, "kind": last.kind}
    if last.observation is msgspec.UNSET:
        return {"built": last.built}
    folder = last.logs or ""
    stays = _is_stored(folder)
    logs: dict[str, bytes] = {}
    large: list[str] = []
    for name in LOGS if folder else ():
        place = Path(folder) / name
        if place.is_file():
            data = place.read_bytes()
            packed = zlib.compress(data)
            if len(packed) <= PIECE:
                logs[name] = packed
            elif stays:
                large.append(name)
            else:
                logs[name] = zlib.compress(data[-PIECE:])
    told = {"observation": bytes(last.observation), "program": last.program or ""}
    return {**told, "logs": logs, "large": large, "folder": folder}


def _say(words: str) -> None:
    with contextlib.suppress(OSError):
        print(f"{time.strftime('%H:%M:%S')}  {words}", file=sys.stderr, flush=True)
