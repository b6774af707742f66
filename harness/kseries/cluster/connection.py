# SPDX-License-Identifier: GPL-2.0-only
"""A client of a Dask scheduler that outlives the event loops of a run: it has a thread, and a loop, of its own."""

import asyncio
import concurrent.futures
import contextlib
import logging
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from distributed import Client, Future
from distributed.security import Security

from kseries.cluster import preload
from kseries.cluster.address import TOPIC
from kseries.model.errors import DiskFullError, InfraError, LostError
from kseries.model.sanitize import line, shortened

T = TypeVar("T")
Heard = Callable[[dict[str, Any]], None]
"""Hears what a task tells while it runs."""

_CONNECT_SECONDS = 10
_ROSTER_SECONDS = 1.0
_SILENT_SECONDS = 30.0
"""A scheduler that says nothing for so long is gone."""
_CANCEL_SECONDS = 5.0
_CALL_SECONDS = 120.0
_SHOWN = 300
_GONE = "it is gone"
_RESOURCES = {preload.RESOURCE: 1}
"""Of a worker's AT_ONCE: one job builds, one boots."""


@dataclass(frozen=True)
class Host:
    """A worker that ``kseries worker`` has started, as the scheduler tells of it. After a restart it is another."""

    name: str
    address: str
    program: str
    """As cache.store.program() there: what its observations are made by."""
    version: str


@dataclass(frozen=True)
class Task:
    """A call that goes on for a while, and tells how it gets on, by the name of the run, which it is given, too."""

    name: str
    function: Callable[..., Any]
    job: bytes
    until_built: bool


class Connection:
    """Calls and jobs on the hosts of one cluster. Its coroutines may be awaited in any event loop."""

    def __init__(self, address: str, loop: asyncio.AbstractEventLoop, client: "Client") -> None:
        self.address = address
        self._loop = loop
        self._client = client
        self._hosts: dict[str, Host] = {}
        self._others: tuple[str, ...] = ()
        self._changed = asyncio.Condition()  # of our own loop
        self._gone = False
        self._heard_by: object = None
        """The wire by which we hear what hosts tell."""
        self._run = uuid.uuid4().hex
        """By which what hosts tell us is known from what they tell others."""
        self._listeners: dict[tuple[str, str], Heard] = {}
        """By the address of a host, which the scheduler puts into what that tells, and the name of a job."""
        self.sent = 0
        """Bytes of arguments that went to hosts."""
        self.received = 0
        """Bytes of what came back."""

    # --- who is there -----------------------------------------------------------------------

    @property
    def hosts(self) -> tuple[Host, ...]:
        """Those that are there now, by their names."""
        return tuple(sorted(self._hosts.values(), key=lambda host: host.name))

    @property
    def others(self) -> tuple[str, ...]:
        """Dask's workers that ``kseries worker`` has not started, which are of no use to us."""
        return self._others

    def there(self, host: Host) -> bool:
        """Whether a host is still there, and has not been started again."""
        return self._hosts.get(host.address) == host

    async def changed(self, seconds: float) -> None:
        """Return when hosts have come or gone, or after so many seconds. Raises InfraError where no scheduler is."""
        await self._here(self._wait_for_change(seconds))
        self._check()

    async def _wait_for_change(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait()

    def _check(self) -> None:
        if self._gone:
            raise InfraError(
                f"the scheduler at {self.address} is gone\n  start it and run again; finished states are cached"
            )

    async def _keep_roster(self) -> None:
        """Ask now and then who is there: of a worker that is gone, the scheduler alone knows."""
        heard = time.monotonic()
        while True:
            try:
                async with asyncio.timeout(_CONNECT_SECONDS):
                    await self.look()
                heard = time.monotonic()
            except Exception:  # dask has many for what comes to one thing: it does not answer
                if self._client.scheduler is None or time.monotonic() - heard > _SILENT_SECONDS:
                    await self._note((), (), gone=True)
                    return
            await asyncio.sleep(_ROSTER_SECONDS)

    async def look(self) -> None:
        """Ask the scheduler who is there."""
        if self._client.scheduler is None:
            raise ConnectionError("dask has given up on its scheduler")
        self._listen()
        told = await self._client.scheduler.identity(n_workers=-1)
        hosts, others = [], []
        for address, worker in told["workers"].items():
            if ours := preload.facts_of(worker):
                program, version = str(ours.get("program")), str(ours.get("version"))
                hosts.append(Host(_name(worker["name"]), address, program, version))
            else:
                others.append(_name(worker["name"]))
        await self._note(tuple(hosts), tuple(others))

    async def _note(self, hosts: tuple[Host, ...], others: tuple[str, ...], *, gone: bool = False) -> None:
        now = {host.address: host for host in hosts}
        if (now, others, gone) == (self._hosts, self._others, self._gone):
            return
        async with self._changed:
            self._hosts, self._others, self._gone = now, others, gone
            self._changed.notify_all()

    # --- what they do -----------------------------------------------------------------------

    async def call(self, host: Host, function: Callable[..., Any], *words: Any, seconds: float = _CALL_SECONDS) -> Any:
        """What a function of tasks.py returns on a host. Raises LostError where it is gone, or says nothing in time."""
        self.sent += _size(words)
        told = await self._here(self._call(host, function, words, seconds))
        self.received += _size(told)
        return told

    async def _call(self, host: Host, function: Callable[..., Any], words: tuple[Any, ...], seconds: float) -> Any:
        try:
            async with asyncio.timeout(seconds):
                told = await self._client.run(function, *words, workers=[host.address])
        except TimeoutError as error:
            raise LostError(f"it has said nothing for {seconds:.0f} s") from error
        except OSError as error:  # CommClosedError is one
            raise LostError(f"it is gone: {_said(error)}") from error
        except DiskFullError as error:
            raise LostError(_said(error), for_good=True) from error
        except Exception as error:  # what a function raises there, dask raises here
            raise LostError(f"it fails: {_said(error)}") from error
        if host.address not in told:
            raise LostError(_GONE)
        return told[host.address]

    async def work(self, host: Host, task: Task, hear: Heard) -> Any:
        """What a task returns that runs on a host, as long as this is awaited; ``hear`` is called in this loop.

        Raises LostError where the host is gone, InfraError where the scheduler is.
        """
        loop, name = asyncio.get_running_loop(), (host.address, task.name)

        def heard(said: dict[str, Any]) -> None:
            loop.call_soon_threadsafe(hear, said)

        self._listeners[name] = heard
        self.sent += _size(task.job)
        try:
            told = await self._here(self._work(host, task))
        except LostError:
            self._check()
            raise
        finally:
            del self._listeners[name]
        self.received += _size(told)
        return told

    async def _work(self, host: Host, task: Task) -> Any:
        future = self._submitted(host, task)
        result = asyncio.ensure_future(_result_of(future))
        left = asyncio.ensure_future(self._left(host))
        try:
            await asyncio.wait((result, left), return_when=asyncio.FIRST_COMPLETED)
            if result.done() and not result.cancelled():
                return _came(result)
            raise LostError(_GONE)
        finally:
            left.cancel()
            if not result.done():
                result.cancel()
                await asyncio.shield(self._cancel(future))
            future.release()  # type: ignore[no-untyped-call]

    def _submitted(self, host: Host, task: Task) -> "Future[Any]":
        try:
            return self._client.submit(
                task.function,
                task.job,
                run=self._run,
                until_built=task.until_built,
                key=f"{task.name}-{uuid.uuid4().hex[:12]}",
                workers=[host.address],
                resources=_RESOURCES,
                pure=False,
            )
        except Exception as error:  # such as that it has closed its connection
            raise LostError(f"it cannot be asked: {_said(error)}") from error

    async def _left(self, host: Host) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._gone or not self.there(host))

    async def _cancel(self, future: "Future[Any]") -> None:
        with contextlib.suppress(Exception, asyncio.CancelledError):
            async with asyncio.timeout(_CANCEL_SECONDS):
                await self._client.cancel([future], force=True)  # type: ignore[no-untyped-call]

    def _hear(self, event: tuple[float, dict[str, Any]]) -> None:
        _, said = event
        if said.get("run") != self._run:
            return
        if listener := self._listeners.get((str(said.get("worker")), str(said.get("job")))):
            listener(said)

    async def _here(self, work: Coroutine[Any, Any, T]) -> T:
        """Await something of our own loop in another; who is cancelled cancels it, and waits until that is done."""
        ours = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return await asyncio.wrap_future(ours)
        except asyncio.CancelledError:
            await asyncio.to_thread(concurrent.futures.wait, [ours], _CANCEL_SECONDS)
            raise

    # --- beginning and end ------------------------------------------------------------------

    async def begin(self) -> None:
        """Listen, and look who is there. Raises InfraError where the scheduler has nothing to say."""
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await self.look()
        except Exception as error:
            raise InfraError(f"the scheduler at {self.address} does not answer: {_said(error)}") from error

    def _listen(self) -> None:
        """Have what hosts tell come here, also from a scheduler to which dask has connected again."""
        if self._client.scheduler_comm is not self._heard_by:
            self._heard_by = self._client.scheduler_comm
            self._client.subscribe_topic(TOPIC, self._hear)  # type: ignore[no-untyped-call]

    async def keep(self, until: asyncio.Event) -> None:
        """Keep knowing who is there."""
        roster = asyncio.ensure_future(self._keep_roster())
        await until.wait()
        roster.cancel()
        await asyncio.gather(roster, return_exceptions=True)


def _came(result: "asyncio.Future[Any]") -> Any:
    """What a task came to. Raises LostError where it did not end: what it says of its job is in its result."""
    error = result.exception()
    if error is not None:
        raise LostError(f"it fails: {_said(error)}") from error
    return result.result()


async def _result_of(future: "Future[Any]") -> Any:
    return await future


@contextlib.contextmanager
def connected(address: str, security: Security | None) -> Iterator[Connection]:
    """A connection to a scheduler. Raises InfraError where there is none."""
    for logger in ("distributed", "distributed.client"):  # what they tell, we tell in our own words
        logging.getLogger(logger).setLevel(logging.CRITICAL)
    opened: concurrent.futures.Future[tuple[Connection, asyncio.Event]] = concurrent.futures.Future()
    thread = threading.Thread(target=_serve, args=(address, security, opened), name="cluster", daemon=True)
    thread.start()
    connection, ended = opened.result()
    try:
        yield connection
    finally:
        connection._loop.call_soon_threadsafe(ended.set)
        thread.join(_CONNECT_SECONDS)


def _serve(address: str, security: Security | None, opened: "concurrent.futures.Future[Any]") -> None:
    try:
        asyncio.run(_serving(address, security, opened))
    except BaseException as error:  # whoever waits is told, whatever it was
        if not opened.done():
            opened.set_exception(error)


async def _serving(address: str, security: Security | None, opened: "concurrent.futures.Future[Any]") -> None:
    async with _client(address, security) as client:
        connection, ended = Connection(address, asyncio.get_running_loop(), client), asyncio.Event()
        await connection.begin()
        opened.set_result((connection, ended))
        await connection.keep(ended)


@contextlib.asynccontextmanager
async def _client(address: str, security: Security | None) -> "AsyncIterator[Client]":
    try:
        client = await Client(  # type: ignore[no-untyped-call]
            address, security=security, asynchronous=True, timeout=_CONNECT_SECONDS, set_as_default=False
        )
    except (OSError, ValueError, TimeoutError) as error:
        raise InfraError(
            f"no scheduler answers at {address}: {_said(error)}\n  dask scheduler starts one (docs/cluster.md)"
        ) from error
    try:
        yield client
    finally:
        with contextlib.suppress(OSError, TimeoutError, asyncio.CancelledError):
            await client.close(timeout=_CANCEL_SECONDS)


def _name(name: object) -> str:
    """A worker's name, which anybody may have given it."""
    return shortened(line(str(name)), 64)


def _said(error: BaseException) -> str:
    return shortened(line(str(error) or type(error).__name__), _SHOWN)


def _size(what: Any) -> int:
    """Bytes of what goes over the wire, but for its wrapping."""
    match what:
        case bytes() | str():
            return len(what)
        case dict():
            return sum(map(_size, what.keys())) + sum(map(_size, what.values()))
        case list() | tuple():
            return sum(map(_size, what))
    return 8
