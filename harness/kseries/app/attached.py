# SPDX-License-Identifier: GPL-2.0-only
"""One job evaluated for somebody who follows it, beside others on this host: one builds while those before it boot."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from kseries.app import evaluation
from kseries.evaluate.local import Local
from kseries.evaluate.memory import Memory
from kseries.evaluate.setup import Setup
from kseries.host import ownfolder, paths, signals
from kseries.model import Job, Observation, Outcome, events
from kseries.model.attached import Line
from kseries.report.live import waiting

_SCRATCH = "attached"
"""Below the worker's home, and not in its ``scratch``: that is removed by whoever has the worker's lock."""
_COMPILED_SECONDS = 1.0
"""Between two lines of what is compiled."""


class Lines:
    """A listener that writes what it hears as lines of JSON. A reader that has gone away is no error: our standard
    input ends with it.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._compiled = 0
        self._say_at = 0.0

    def __call__(self, event: events.Event) -> None:
        match event:
            case events.StageStarted(_, stage):
                self.write(Line(stage=stage))
            case events.Compiled(_, what):
                self._compile(what)
            case events.Built(_, well):
                self.write(Line(built=well))
            case events.Waiting(wait):
                self.write(Line(waiting=waiting(wait)))
            case events.Preparing(what):
                self.write(Line(waiting=what))

    def write(self, line: Line) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._out.write(msgspec.json.encode(line) + b"\n")
            self._out.flush()

    def _compile(self, what: str) -> None:
        self._compiled += 1
        now = time.monotonic()
        if now >= self._say_at:
            self._say_at = now + _COMPILED_SECONDS
            self.write(Line(compiled=self._compiled, what=what))


@dataclass(frozen=True)
class Seen:
    """What is seen of a job, and by what."""

    observation: Observation
    logs: Path | None
    """The folder that has them, if any has."""
    is_stored: bool
    """Whether they stay."""
    program: str
    """As cache.store.program()."""


@contextlib.contextmanager
def evaluated(job: Job, tell: events.Listener, jobs: int | None = None) -> Iterator[Seen]:
    """What is seen of a job; logs that are not stored are there until the context is left.

    ``tell`` hears Built once, when the next job may be built here. Raises as evaluation.evaluate().
    """
    with evaluation.begun(job, tell) as (setup, memory), _scratch() as scratch:
        seen = memory.find(job)
        if seen is not None:
            _tell_known(seen, job, tell)
        else:
            seen = signals.run(_evaluated(job, setup, memory, scratch, tell, jobs))
        if seen.logs:
            yield Seen(seen, memory.place(job), is_stored=True, program=setup.program)
        else:
            yield Seen(seen, scratch if any(scratch.iterdir()) else None, is_stored=False, program=setup.program)


def prepare(job: Job, tell: events.Listener, jobs: int | None = None) -> None:
    """Have a job built here, for those that are built after it; nothing is booted. ``tell`` hears Built.

    Raises as evaluation.evaluate().
    """
    with evaluation.begun(job, tell) as (setup, _):
        signals.run(_prepared(job, setup, tell, jobs))


async def _evaluated(
    job: Job, setup: Setup, memory: Memory, scratch: Path, tell: events.Listener, jobs: int | None
) -> Observation:
    executor = evaluation.executor_of(job, setup, jobs)
    with contextlib.ExitStack() as ours:
        await executor.take(tell)
        ours.callback(executor.give_back)
        if (known := memory.find(job)) is not None:  # found out by another while this one waited for it
            _tell_known(known, job, tell)
            return known

        def hear(event: events.Event) -> None:
            if isinstance(event, events.Built):
                ours.close()  # what is left to do is done in our own folder
            tell(event)

        seen = await executor.evaluate(job, scratch, hear)
        return memory.keep(job, seen, scratch)


def _tell_known(seen: Observation, job: Job, tell: events.Listener) -> None:
    tell(events.Built(job.name, seen.outcome is not Outcome.BUILD_FAILED, seen.dependencies))


async def _prepared(job: Job, setup: Setup, tell: events.Listener, jobs: int | None) -> None:
    executor = evaluation.executor_of(job, setup, jobs)
    await executor.take(tell)
    try:
        worker = executor.worker
        if await worker.finds(job.tree) if job.trusted else worker.dependencies.knows(job.tree):
            tell(events.Built(job.name, well=True))
            return
        with _scratch() as scratch:
            await _built(job, executor, scratch, tell)
    finally:
        executor.give_back()


async def _built(job: Job, executor: Local, scratch: Path, tell: events.Listener) -> None:
    """Evaluate a job until it is built well, or has ended without that."""
    built = asyncio.Event()

    def hear(event: events.Event) -> None:
        tell(event)
        if isinstance(event, events.Built) and event.well:
            built.set()

    work, well = asyncio.ensure_future(executor.evaluate(job, scratch, hear)), asyncio.ensure_future(built.wait())
    try:
        await asyncio.wait((work, well), return_when=asyncio.FIRST_COMPLETED)
    finally:
        well.cancel()
        if not work.done():
            work.cancel()
            await asyncio.wait((work,))
    if not built.is_set():
        work.result()


def _scratch() -> contextlib.AbstractContextManager[Path]:
    return ownfolder.made(paths.cache("workers", "0", _SCRATCH))
