# SPDX-License-Identifier: GPL-2.0-only
"""A host of a cluster as an executor: jobs go there, observations and logs come back, kernels stay."""

import asyncio
import contextlib
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from kseries.cache.store import LOGS
from kseries.cluster import tasks
from kseries.cluster.connection import Connection, Host, Task
from kseries.cluster.supply import Supply
from kseries.host import paths
from kseries.model import Conditions, Dependencies, HostFacts, Job, Observation, Outcome, Record, Stage, events
from kseries.model.errors import LostError
from kseries.plan.samebuild import Footprint
from kseries.plan.schedule import Place
from kseries.sources import Change

_NOBODY = Dependencies(paths=frozenset())
_LOG_LIMIT = 256 << 20
"""Bytes of a log; kseries evaluate keeps less of any."""
_STAGES = frozenset(Stage)


class Told(Record, frozen=True):
    """What a host has told of a job at last, as tasks.evaluate() returns it."""

    observation: bytes = b""
    logs: dict[str, bytes] = msgspec.field(default_factory=dict)
    large: tuple[str, ...] = ()
    folder: str = ""
    program: str = ""
    error: str = ""
    kind: str = ""
    built: bool = True
    """False of what was only to be built, and was not."""


class Readers:
    """Which targets are made again when a file changes: as the first build on any host of the cluster has noted it."""

    def __init__(self) -> None:
        self._targets: dict[str, frozenset[int]] = {}

    def note(self, targets: Mapping[str, Iterable[int]]) -> None:
        """What a host tells of some paths."""
        self._targets |= {path: frozenset(numbers) for path, numbers in targets.items()}

    def __bool__(self) -> bool:
        """False before anything is known."""
        return bool(self._targets)

    @property
    def now(self) -> Dependencies:
        """Nothing by which one could say that a build would be another's: that is asked of the host that has it."""
        return _NOBODY

    def cost(self, changes: Iterable[Change]) -> int:
        """How many targets changes make again."""
        return len(frozenset[int]().union(*(self._targets.get(change.path, ()) for change in changes)))


@dataclass(frozen=True)
class Common:
    """What all hosts of a run have in common: what another would have seen is not to be told of a patch."""

    conditions: Conditions
    program: str
    """As cache.store.program()."""
    facts: HostFacts
    series: tuple[str, ...]
    """The trees after each patch of the run, whatever is made of them: whose builds may share a folder."""


class Remote:
    """A host of a cluster, for the patches of one series."""

    def __init__(
        self,
        host: Host,
        connection: Connection,
        supply: Supply,
        common: Common,
        readers: Readers,
    ) -> None:
        self.host = host
        self._connection = connection
        self._supply = supply
        self._facts = common.facts
        self._program = common.program
        self._series = common.series
        self._readers = readers
        self._read: dict[str, Dependencies] = {}
        self._prepared: set[str] = set()
        """Bases that were built there."""
        self.lost = ""
        """Why nothing more is to be asked of it; empty while something is."""
        self.for_good = False
        """Whether that will not change in this run."""
        self.done = 0
        """Jobs of which it has seen something."""

    @property
    def where(self) -> str:
        """The name of the host."""
        return self.host.name

    async def take(self, tell: events.Listener | None = None) -> None:
        """Nothing: each of its jobs waits for its turn where it is built."""

    def give_back(self) -> None:
        """Nothing, likewise."""

    @contextlib.contextmanager
    def _scratch(self) -> Iterator[Path]:
        home = paths.cache("scratch")
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="kseries-cluster-", dir=home) as place:
            yield Path(place)

    def scratch(self) -> AbstractContextManager[Path]:
        return self._scratch()

    def place(self, base: str) -> Place:
        return Place(self._readers, Footprint({}, {}))

    def vouches(self, tree: str, read: Dependencies) -> bool:
        return self._read.get(tree) == read

    def seconds(self, targets: int) -> float | None:
        return None

    def measured(self, targets: int, seen: Observation) -> None:
        """Nothing: the host itself knows how long its builds take."""

    def say(self, what: str, done: int, total: int) -> None:
        """Nothing: nobody waits for a whole run here."""

    def lacks(self, base: Job) -> bool:
        return False  # which nobody knows before it is asked

    async def prepare(self, job: Job, into: Path, tell: events.Listener) -> None:
        if job.tree in self._prepared:
            return
        job = replace(job, series=self._series)
        with self._losing():
            await self._supply.bring(self.host, job)
            told = await self._told(job, events.unheard, until_built=True)
            if not told.built:  # it is no base, which ends the run, or builds elsewhere: no patch is to blame for it
                raise LostError("base does not build there", for_good=True)
            self._prepared.add(job.tree)

    async def evaluate(self, job: Job, into: Path, tell: events.Listener) -> Observation:
        """As Executor has it. Raises LostError where this host is gone, or has not what it takes any more."""
        with self._losing():
            return await self._evaluate(replace(job, series=self._series), into, tell)

    async def _evaluate(self, job: Job, into: Path, tell: events.Listener) -> Observation:
        await self._supply.bring(self.host, job)
        told = await self._told(job, tell, until_built=False)
        if told.program != self._program:
            raise _changed("another kseries")
        try:
            seen = msgspec.json.decode(told.observation, type=Observation)
        except msgspec.DecodeError as error:
            raise LostError("it has answered what is no observation") from error
        if seen.tree != job.tree:
            raise LostError("it has answered of another tree")
        if seen.outcome is not Outcome.INFRA_ERROR and seen.host not in (self._facts, None):
            raise _changed("other tools")
        await self._bring_logs(told, into)
        self.done += seen.outcome is not Outcome.INFRA_ERROR
        self._prepared |= {job.tree} if job.is_base else set()
        return seen

    @contextlib.contextmanager
    def _losing(self) -> Iterator[None]:
        """Note why a host is lost."""
        try:
            yield
        except LostError as error:
            self.lost, self.for_good = str(error), self.for_good or error.for_good
            self._supply.forget(self.host)
            raise

    async def _told(self, job: Job, tell: events.Listener, *, until_built: bool) -> Told:
        """What the task for a job returns; events are told in their order, Built with what the build has read."""
        lines: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        telling = asyncio.create_task(self._tell(job, lines, tell))
        try:
            task = Task(job.name, tasks.SUBMITTED, msgspec.json.encode(job), until_built)
            answer = await self._connection.work(self.host, task, lines.put_nowait)
            lines.put_nowait(None)
            await telling
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
        try:
            told = msgspec.convert(answer, type=Told, builtin_types=(bytes,))
        except msgspec.ValidationError as error:
            raise LostError(f"it has answered what is no result: {error}") from error
        if told.kind == "disk" or (told.error and not until_built):  # what does not build now will say so later
            raise LostError(told.error, for_good=told.kind == "disk")
        return told

    async def _tell(self, job: Job, lines: "asyncio.Queue[dict[str, Any] | None]", tell: events.Listener) -> None:
        """Tell what a host says of a job until there is no more of it; that it was built is told in any case."""
        built = False
        while (said := await lines.get()) is not None:
            match said:
                case {"waiting": str(why)}:
                    tell(events.Preparing(f"{job.name} on {self.where}: {why}"))
                case {"stage": str(stage)} if stage in _STAGES:
                    tell(events.StageStarted(job.name, stage, where=self.where))
                case {"compiled": int(made), "what": str(what)}:
                    tell(events.Compiled(job.name, what, self.where, made))
                case {"built": bool(well)} if not built:
                    built = True
                    tell(events.Built(job.name, well, await self._has_read(job)))
        if not built:
            tell(events.Built(job.name, well=False))

    async def _has_read(self, job: Job) -> Dependencies | None:
        """What the build of a job has read, as its host tells once it has built, also of which builds before it that is
        not known any more: its folder may have been emptied. At first, which targets are made of what the series
        changes, too.
        """
        encoded, asked = msgspec.json.encode(job), [*self._read]
        try:
            if not self._readers:
                touched = list(self._supply.touched)
                self._readers.note(await self._connection.call(self.host, tasks.readers, encoded, touched))
            told = await self._connection.call(self.host, tasks.read, encoded, asked)
        except LostError:  # what it was asked for may come all the same
            return None
        known = {*told["known"]}  # another job's answer may have come meanwhile
        self._read = {tree: read for tree, read in self._read.items() if tree in known or tree not in asked}
        if not told["read"]:
            return None
        read = self._read[job.tree] = msgspec.json.decode(told["read"], type=Dependencies)
        return read

    async def _bring_logs(self, told: Told, into: Path) -> None:
        """Put the logs of a job into a folder: those that are in the result, and the rest piece by piece."""
        into.mkdir(parents=True, exist_ok=True)
        for name in LOGS:
            (into / name).unlink(missing_ok=True)
            if name in told.logs:
                (into / name).write_bytes(_unpacked(told.logs[name]))
            elif name in told.large:
                await self._bring_log(told.folder, name, into)

    async def _bring_log(self, folder: str, name: str, into: Path) -> None:
        offset, log = 0, into / name
        while piece := await self._connection.call(self.host, tasks.log_piece, folder, name, offset):
            with log.open("ab") as file:
                file.write(piece)
            offset += len(piece)


def _changed(what: str) -> LostError:
    """What a host has seen is of no use to a run, nor what it will see."""
    return LostError(f"it has {what} now than when the run began", for_good=True)


def _unpacked(data: bytes) -> bytes:
    """A log as zlib has packed it. Raises LostError for what is none."""
    unpacker = zlib.decompressobj()
    try:
        log = unpacker.decompress(data, _LOG_LIMIT)
    except zlib.error as error:
        raise LostError(f"it has sent a log that is damaged: {error}") from error
    if not unpacker.eof:
        raise LostError("it has sent a log that has no end")
    return log
