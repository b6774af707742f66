# SPDX-License-Identifier: GPL-2.0-only
"""This host, given to a cluster: dask's nanny, which starts a worker, and another where that is killed.

It goes on until it is told to end: a scheduler that is not there yet is waited for, and one that comes back is
given the host again.
"""

import asyncio
import contextlib
import logging
import os
import stat
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask
from distributed import Nanny
from distributed.core import Status, rpc

import kseries
from kseries.cluster import preload
from kseries.cluster.address import Access
from kseries.host import ownfolder
from kseries.model.errors import InfraError, InputError, in_words

_ASK_SECONDS = 5.0
"""For a scheduler to answer."""
_PAUSE_SECONDS = 1.0
"""Between two tries to reach it."""
_SAY_SECONDS = 10.0
"""Between two lines that say that it is not there."""
_LOOK_SECONDS = 0.5
_END_SECONDS = 6.0
"""For a worker to end what it is at; dask waits for 0.8 of it, and then kills."""
_THREADS = 4
"""What runs beside one another in a worker: two evaluations wait for their processes in its loop, and take none."""


class _GoneError(Exception):
    """The scheduler went while the host was given to it."""


@dataclass(frozen=True)
class Gift:
    """What is given, and to whom."""

    access: Access
    name: str
    jobs: int
    security: Any
    """Dask's Security."""
    say: Callable[[str], None]

    @property
    def address(self) -> str:
        """The scheduler's."""
        return self.access.address


async def give(gift: Gift) -> None:
    """Give this host until we are cancelled. Raises InputError where the cluster has another of that name."""
    _importable()
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    config = {"distributed.logging": {"distributed": "critical"}, "distributed.comm.timeouts.connect": "5s"}
    with ownfolder.made(_place()) as folder, dask.config.set(config):
        while True:
            await _reached(gift)
            with contextlib.suppress(_GoneError):
                async with _nanny(gift, str(folder)) as nanny:
                    gift.say(f"gives this host to {gift.address} as {gift.name}: make -j{gift.jobs}")
                    await _lost(nanny, gift)
            gift.say(f"{gift.address} is gone: waiting for it to come back")


def _place() -> Path:
    """Where the folders of all our workers on this host lie, ours alone, so that one that was killed leaves its own to
    the next. Not in the cache: nothing of dask's is to be kept, and gc would have to know whether we are there.

    Raises InfraError where somebody else has it: all may write beside it.
    """
    place = Path(tempfile.gettempdir(), f"kseries-dask-{os.getuid()}")
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        seen = place.lstat()
    except OSError as error:
        raise InfraError(f"cannot use {place}: {in_words(error)}") from error
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.getuid() or stat.S_IMODE(seen.st_mode) != stat.S_IRWXU:
        raise InfraError(f"{place} is not a folder of ours alone\n  remove it, or name another place with TMPDIR")
    return place


def _importable() -> None:
    """Have the worker's process, which gets our sys.path, import what dask tells it to: of our package the first lines
    (start/) have left the path out. It comes last, so that it hides nothing.
    """
    place = str(Path(kseries.__file__).parents[1])
    if place not in sys.path:
        sys.path.append(place)


async def _reached(gift: Gift) -> None:
    """Wait for a scheduler that answers; raises InputError for a name that another has."""
    said_at: float | None = None
    loop = asyncio.get_running_loop()
    while True:
        try:
            names = await _names(gift)
            break
        except (OSError, TimeoutError) as error:
            if said_at is None or loop.time() - said_at >= _SAY_SECONDS:
                said_at = loop.time()
                gift.say(f"no scheduler answers at {gift.address}, trying on: {_why(error)}")
            await asyncio.sleep(_PAUSE_SECONDS)
    if gift.name in names:
        raise InputError(_taken(gift))


def _taken(gift: Gift) -> str:
    return f"{gift.address} has a worker that is called {gift.name}\n  give this one another name with --name"


def _why(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


async def _names(gift: Gift) -> set[str]:
    """What the workers of a cluster are called."""
    scheduler: Any = rpc(gift.address, connection_args=gift.security.get_connection_args("client"))  # type: ignore[no-untyped-call]
    try:
        async with asyncio.timeout(_ASK_SECONDS):
            told = await scheduler.identity()
    finally:
        await scheduler.close_rpc()
    return {str(worker["name"]) for worker in told["workers"].values()}


@contextlib.asynccontextmanager
async def _nanny(gift: Gift, folder: str) -> AsyncIterator[Nanny]:
    """The nanny, with its worker registered; both are gone when the context is left. Raises InputError, _GoneError."""
    made: Any = Nanny(
        gift.address,
        nthreads=_THREADS,
        name=gift.name,
        memory_limit=0,  # what takes memory here are kernels, and those who make them
        resources={preload.RESOURCE: preload.AT_ONCE},
        preload=[preload.__name__],
        security=gift.security,
        local_directory=folder,
        env={preload.JOBS: str(gift.jobs)},
        host="127.0.0.1" if gift.access.is_loopback and "[" not in gift.address else None,
        dashboard=False,
        dashboard_address=None,
        silence_logs=logging.CRITICAL,
    )
    try:
        try:
            await made
        except (OSError, ValueError, RuntimeError) as error:
            try:
                names = await _names(gift)
            except (OSError, TimeoutError):
                raise _GoneError from error
            if gift.name in names:
                raise InputError(_taken(gift)) from error
            raise InfraError(f"cannot give this host to {gift.address}: {_why(error)}") from error
        yield made
    finally:
        with contextlib.suppress(TimeoutError, OSError):
            await asyncio.shield(asyncio.ensure_future(made.close(timeout=_END_SECONDS)))


async def _lost(nanny: Any, gift: Gift) -> None:
    """Wait until a nanny has given up: its worker ends with the scheduler."""
    pid = nanny.pid
    while nanny.status is Status.running:
        await asyncio.sleep(_LOOK_SECONDS)
        if nanny.pid is not None and nanny.pid != pid:
            pid = nanny.pid
            gift.say("its worker was killed: here is another")
