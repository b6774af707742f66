# SPDX-License-Identifier: GPL-2.0-only
"""Hosts of a cluster, as a run sees them: they come when a test says so, and are lost where it says."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping
from pathlib import Path

from kseries.evaluate.executor import Executor
from kseries.model import Dependencies, Job, Observation, Outcome, events
from kseries.model.errors import InfraError, LostError
from kseries.plan.schedule import Place
from tests.support.shown import READ, Fake


class Host(Fake):
    """``deadly`` are states, and the stage in which it is lost with them; ``slow`` are stages of states that take until
    an event is set. ``unable`` are states of which it sees nothing, for a reason of its own.
    """

    def __init__(
        self,
        where: str,
        deadly: Mapping[str, str] | None = None,
        slow: Mapping[tuple[str, str], asyncio.Event] | None = None,
        unable: Collection[str] = (),
    ) -> None:
        super().__init__({})
        self.where = where
        self.deadly = deadly or {}
        self.slow = slow or {}
        self.unable = unable
        self.tried: list[str] = []
        """What it was unable to do."""
        self.gone = asyncio.Event()
        self.taken = 0
        self.prepared: list[str] = []
        self.preparing = asyncio.Event()

    async def take(self, tell: events.Listener | None = None) -> None:
        self.taken += 1

    def give_back(self) -> None:
        self.taken -= 1

    async def prepare(self, base: Job, into: Path, tell: events.Listener) -> None:
        self.prepared.append("begun")
        self.preparing.set()
        try:
            await self._stage("prepare", base.name)
            self.prepared.append("done")
        except asyncio.CancelledError:
            self.prepared.append("cancelled")
            raise

    async def evaluate(self, job: Job, into: Path, tell: events.Listener) -> Observation:
        self.jobs[job.name] = job
        if self.gone.is_set():  # which who has given it may not know yet
            raise LostError("it is gone")
        tell(events.StageStarted(job.name, "build"))
        tell(events.Compiled(job.name, "main.o"))
        await self._stage("build", job.name)
        tell(events.Built(job.name, well=True, dependencies=READ))
        tell(events.StageStarted(job.name, "boot"))
        await self._stage("boot", job.name)
        if job.name in self.unable:
            self.tried.append(job.name)
            return Observation(tree=job.tree, outcome=Outcome.INFRA_ERROR, detail=f"no memory on {self.where}")
        self.log.append(job.name)
        return Observation(tree=job.tree, outcome=Outcome.OK, dependencies=READ)

    async def _stage(self, stage: str, state: str) -> None:
        await asyncio.sleep(0)
        if self.deadly.get(state) == stage:
            self.gone.set()
        if (hold := self.slow.get((stage, state))) is not None:
            waits = [asyncio.create_task(one.wait()) for one in (hold, self.gone)]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in waits:
                    one.cancel()
        if self.gone.is_set():
            raise LostError("its process has ended")


class Coming:
    """A crew: who comes, and when, a test says."""

    def __init__(self, *first: Host) -> None:
        self._first = first[0]
        self._queue: asyncio.Queue[Host | InfraError | None] = asyncio.Queue()
        for host in first:
            self._queue.put_nowait(host)
        self.ended = False

    def come(self, host: Host) -> None:
        self._queue.put_nowait(host)

    def none_comes(self, error: InfraError | None) -> None:
        """It is over, with an error or without."""
        self._queue.put_nowait(error)

    def vouches(self, tree: str, read: Dependencies) -> bool:
        return True

    def foreseen(self, base: str) -> Place:
        return self._first.place(base)

    def lacks(self, base: Job) -> bool:
        return False

    def seconds(self, targets: int) -> float | None:
        return None

    async def members(self, most: int, tell: events.Listener) -> AsyncGenerator[Executor, None]:
        try:
            while True:
                host = await self._queue.get()
                if host is None:
                    return
                if isinstance(host, InfraError):
                    raise host
                await host.take(tell)
                yield host
        finally:
            self.ended = True
