# SPDX-License-Identifier: GPL-2.0-only
"""Executors at work on a plan: each builds one state after the other, and each state boots while the next builds."""

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from kseries.evaluate import folders
from kseries.evaluate.evaluation import Evaluation
from kseries.evaluate.executor import Executor, vouched
from kseries.model import Job, Observation, Outcome, State, events
from kseries.model.errors import InfraError, InputError
from kseries.plan.samebuild import SameBuild
from kseries.plan.schedule import Place, Schedule


@dataclass(frozen=True)
class Hand:
    """An executor at work: what it holds, and where the logs of its jobs lie until they are stored."""

    executor: Executor
    place: Place
    scratch: Path


class Shift:
    """Evaluates what a schedule has left. ``foretold`` builds were thought to be needed, of which some are ``done``:
    there may be more, or fewer.
    """

    def __init__(
        self, evaluation: Evaluation, schedule: Schedule, hands: list[Hand], foretold: int, done: int = 0
    ) -> None:
        self._evaluation = evaluation
        self._schedule = schedule
        self._hands = hands
        self._foretold = foretold
        self._numbers: Iterator[int] = itertools.count(done + 1)
        self._same: list[tuple[State, SameBuild]] = []

    async def work(self) -> None:
        """Work until no state is left. Raises InputError or InfraError, of base or of a disk that is full."""
        self._say()
        try:
            async with asyncio.TaskGroup() as tasks:
                if "base" not in self._evaluation.seen:  # without which there is no use in any other
                    await self._step(self._hands[0], tasks)
                for hand in self._hands:
                    tasks.create_task(self._keep_on(hand, tasks))
        except ExceptionGroup as group:
            # Not except*: up to Python 3.11.3 what it raises comes out in a group again (gh-103590).
            ours = group.subgroup((InfraError, InputError, OSError))
            if ours is None:
                raise
            raise ours.exceptions[0] from None
        for state, like in self._same:
            if self._evaluation.seen[like.state].outcome is Outcome.INFRA_ERROR:
                # That was this host's, which is not to be another's too.
                await self._evaluate(state, self._hands[0], asyncio.Event())
            else:
                self._evaluation.done_as(state, like)

    def _say(self) -> None:
        jobs = self._evaluation.jobs
        for hand in self._hands:
            hand.executor.say(jobs.plan.series, len(self._evaluation.seen), len(jobs.states))

    async def _keep_on(self, hand: Hand, tasks: asyncio.TaskGroup) -> None:
        while self._schedule.left:
            await self._step(hand, tasks)

    async def _step(self, hand: Hand, tasks: asyncio.TaskGroup) -> None:
        """Have the next state built; it boots while who called goes on."""
        state, like = self._schedule.next(hand.place)
        if like is not None:
            self._same.append((state, like))
            return
        built = asyncio.Event()
        tasks.create_task(self._evaluate(state, hand, built))
        await built.wait()

    async def _evaluate(self, state: State, hand: Hand, built: asyncio.Event) -> None:
        """Evaluate a state; ``built`` is set when another can be built where it was."""
        job, logs = self._evaluation.jobs.of(state), folders.of(hand.scratch, state.id)
        cost, number = self._schedule.cost(state, hand.place), next(self._numbers)

        def hear(event: events.Event) -> None:
            match event:
                case events.Built(_, well, dependencies):
                    read = partial(vouched, (hand.executor,), job.tree, dependencies) if well else None
                    self._schedule.built(state, hand.place, read)
                    if well or not job.is_base:
                        built.set()
                case events.StageStarted(name, stage):
                    most = max(number, self._foretold)
                    self._evaluation.tell(events.StageStarted(name, stage, number, most))
                case _:
                    self._evaluation.tell(event)

        seen = await self._seen(job, hand, logs, hear)
        if not job.is_base:  # which may have been a cold build
            hand.executor.measured(cost, seen)
        self._evaluation.done(state, seen, logs)
        self._say()

    async def _seen(self, job: Job, hand: Hand, logs: Path, tell: events.Listener) -> Observation:
        """What is seen of a job. Raises InputError of a base that is none."""
        seen = await hand.executor.evaluate(job, logs, tell)
        if job.is_base:
            self._evaluation.check_build(seen)
        return seen
