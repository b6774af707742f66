# SPDX-License-Identifier: GPL-2.0-only
"""Hands at work on a plan: each builds one state after the other, and each state boots while the next builds.

A hand may come at any time, and be lost at any time; what it was at then goes to another.
"""

import asyncio
import contextlib
import dataclasses
import itertools
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from kseries.evaluate import folders
from kseries.evaluate.deadline import NEVER, Deadline
from kseries.evaluate.evaluation import Evaluation
from kseries.evaluate.executor import vouched
from kseries.evaluate.hands import Hand, Hands
from kseries.model import Job, Observation, Outcome, State, events
from kseries.model.errors import InfraError, InputError, LostError
from kseries.model.sanitize import line, shortened
from kseries.plan.samebuild import SameBuild
from kseries.plan.schedule import Schedule

_MOST_LOST = 3
"""How often a state may be lost with its host, or because of it: it may be what has ended them."""
_MOST_FAILED = 2
"""Of how many states in a row a host may be why nothing was seen, where another is there: it fails in a moment, and
would soon have had all that is left.
"""
_SHOWN = 200
"""Characters of why that was."""


class Shift:
    """Evaluates what a schedule has left. ``foretold`` builds were thought to be needed, of which some are ``done``:
    there may be more, or fewer. Once the ``deadline`` is over, no state is begun but base.
    """

    def __init__(
        self,
        evaluation: Evaluation,
        schedule: Schedule,
        hands: Hands,
        foretold: int,
        done: int = 0,
        deadline: Deadline = NEVER,
    ) -> None:
        self._evaluation = evaluation
        self._schedule = schedule
        self._hands = hands
        self._foretold = foretold
        self._deadline = deadline
        self._numbers: Iterator[int] = itertools.count(done + 1)
        self._number: dict[str, int] = {}
        self._same: list[tuple[State, SameBuild]] = []
        self._lost: defaultdict[str, list[str]] = defaultdict(list)
        """Of a state, the hosts that it was lost with."""
        self._under_way = 0
        """How many states are being evaluated, each of which may come back."""
        self._base: Job | None = None
        """Base while somebody evaluates it."""
        self._base_built = "base" in evaluation.seen
        self._changed = asyncio.Event()

    async def work(self) -> None:
        """Work until no state is left that may be begun. Raises InputError or InfraError, of base or of a disk that is
        full.
        """
        self._say()
        try:
            async with asyncio.TaskGroup() as tasks:
                admitting = tasks.create_task(self._admit(tasks))
                await self._all_done()
                admitting.cancel()
        except ExceptionGroup as group:
            # Not except*: up to Python 3.11.3 what it raises comes out in a group again (gh-103590).
            ours = group.subgroup((InfraError, InputError, OSError))
            if ours is None:
                raise
            raise ours.exceptions[0] from None
        if self._schedule.closed:
            self._same += self._schedule.without_build()
        await self._settle()

    def _say(self) -> None:
        jobs = self._evaluation.jobs
        for hand in self._hands.able:
            hand.executor.say(jobs.plan.series, len(self._evaluation.seen), len(jobs.states))

    # --- who works --------------------------------------------------------------------------------

    async def _admit(self, tasks: asyncio.TaskGroup) -> None:
        """Have each hand keep on from when it has come, until this is cancelled."""
        working: list[asyncio.Task[None]] = []

        def begin(hand: Hand) -> None:
            self._schedule.join(hand.place)
            working.append(tasks.create_task(self._keep_on(hand, tasks)))

        try:
            for hand in self._hands.able:
                begin(hand)
            while (one := await self._hands.join()) is not None:
                begin(one)
            self._change()
            await asyncio.Event().wait()
        finally:
            for task in working:
                task.cancel()

    async def _all_done(self) -> None:
        while self._is_something_left() or self._under_way:
            if self._hands.complete and not self._hands.able and self._schedule.left:
                raise _nobody()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if self._schedule.closed else self._deadline.timeout):
                    await self._changed.wait()

    def _is_something_left(self) -> bool:
        """Whether a state waits that may be begun, as the clock has it."""
        if self._deadline.is_over and not self._schedule.closed:
            left = self._schedule.close()
            if left and self._under_way:
                what = f"what is at work is finished, and of {left} more states none is begun"
                self._evaluation.tell(events.Preparing(f"{self._deadline.words} used up: {what}"))
        return bool(self._schedule.left)

    def _is_too_late(self, state: State) -> bool:
        return self._deadline.is_over and state.id != "base"

    def _change(self) -> None:
        """Have everybody who waits look again."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def _keep_on(self, hand: Hand, tasks: asyncio.TaskGroup) -> None:
        try:
            if not self._deadline.is_over:
                await hand.prepare(self._base or self._known_base(), self._evaluation.tell)
        except LostError as error:
            self._lose(hand, error)
        while not hand.gone:
            is_something_for_it = self._is_something_left() and self._schedule.has(self._not_for(hand))
            if is_something_for_it and (self._base_built or self._base is None):
                await self._step(hand, tasks)
            else:  # base is being built, or what others are at may come back
                await self._changed.wait()

    def _known_base(self) -> Job | None:
        """Base, where nobody need evaluate it any more, and something is to be built: that begins with what is there of
        base, which may be nothing.
        """
        return self._evaluation.known_base if self._foretold else None

    def _not_for(self, hand: Hand) -> set[str]:
        """The states that another host is to have: lost with this one, which may be back, or because of it."""
        where = hand.executor.where
        return {state for state, hosts in self._lost.items() if where in hosts and self._hands.other_than(hosts)}

    def _lose(self, hand: Hand, error: LostError) -> None:
        if hand.gone:  # with another of its jobs
            return
        self._leave(hand)
        self._evaluation.tell(events.Preparing(f"{hand.executor.where}: {error}; what it was at goes to another host"))

    def _leave(self, hand: Hand) -> None:
        hand.gone = True
        self._schedule.leave(hand.place)
        self._change()

    def _fail(self, hand: Hand, state: State, seen: Observation) -> bool:
        """Note that a host is why nothing was seen of a state; True where another is to have that, and perhaps all that
        the host would have had.
        """
        lost, where = self._lost[state.id], hand.executor.where
        lost.append(where)
        hand.in_a_row += 1
        is_another_s = len(lost) < _MOST_LOST and self._hands.other_than(lost)
        if hand.gone:
            return is_another_s
        why = f"{where}: {state.id}: {shortened(line(seen.detail), _SHOWN)}"
        if hand.in_a_row >= _MOST_FAILED and len(self._hands.able) > 1:
            hand.executor.lost, hand.executor.for_good = why.removeprefix(f"{where}: "), True
            self._leave(hand)
            self._evaluation.tell(events.Preparing(f"{why}; nothing more is given to that host"))
        elif is_another_s:
            self._evaluation.tell(events.Preparing(f"{why}; another host is to have it"))
        return is_another_s

    # --- what is done -----------------------------------------------------------------------------

    async def _step(self, hand: Hand, tasks: asyncio.TaskGroup) -> None:
        """Have the next state built; it boots while who called goes on.

        What was lost with a host before has the next one to itself: if it ends that one too, nothing else is lost.
        """
        state, like = self._schedule.next(hand.place, self._not_for(hand))
        if like is not None:
            self._same.append((state, like))
            self._change()
            return
        if state.id == "base":  # without which there is no use in any other
            self._base = self._evaluation.jobs.of(state)
        self._under_way += 1
        alone = state.id in self._lost
        while alone and hand.jobs:
            await self._changed.wait()
        built = asyncio.Event()
        task = tasks.create_task(self._evaluate(state, hand, built))
        await (asyncio.wait([task]) if alone else built.wait())

    async def _evaluate(self, state: State, hand: Hand, built: asyncio.Event) -> None:
        """Evaluate a state, or give it back; ``built`` is set when another can be built where it was."""
        hand.jobs += 1
        if hand.gone or self._is_too_late(state) or not await self._tried(state, hand, built):
            self._schedule.put_back(state)
        hand.jobs -= 1
        if state.id == "base":
            self._base = None
        self._under_way -= 1
        built.set()
        self._change()

    async def _tried(self, state: State, hand: Hand, built: asyncio.Event) -> bool:
        """Evaluate a state; False where it was lost with its host, or because of it, and another is to have it."""
        job, logs = self._evaluation.jobs.of(state), folders.of(hand.scratch, state.id)
        cost = self._schedule.cost(state, hand.place)
        where = hand.executor.where
        try:
            seen = await self._seen(job, hand, logs, partial(self._hear, state, hand, built))
        except LostError as error:
            self._lose(hand, error)
            self._lost[state.id].append(where)
            if len(self._lost[state.id]) < _MOST_LOST:
                return False
            seen = _given_up(job, self._lost[state.id])
        else:
            if where and seen.outcome is Outcome.INFRA_ERROR:
                if self._fail(hand, state, seen):
                    return False
            else:
                hand.in_a_row = 0
            if not job.is_base:  # which may have been a cold build
                hand.executor.measured(cost, seen)
        for one in self._evaluation.done(state, job, seen, logs):
            self._schedule.put_back(one)
        self._say()
        return True

    def _hear(self, state: State, hand: Hand, built: asyncio.Event, event: events.Event) -> None:
        """What is told of a state while it is evaluated."""
        where = hand.executor.where
        match event:
            case events.Built(_, well, dependencies):
                tree, is_base = state.tree or "", state.id == "base"
                read = partial(vouched, hand.executor, tree, dependencies) if well else None
                self._schedule.built(state, hand.place, read)
                hand.has_base = hand.has_base or (well and is_base)
                if well or not is_base:
                    built.set()
                    self._base_built = self._base_built or is_base
                    self._change()
            case events.StageStarted(name, stage):
                if state.id not in self._number:
                    self._number[state.id] = next(self._numbers)
                number = self._number[state.id]
                self._evaluation.tell(events.StageStarted(name, stage, number, max(number, self._foretold), where))
            case events.Compiled():
                self._evaluation.tell(dataclasses.replace(event, where=where))
            case _:
                self._evaluation.tell(event)

    async def _seen(self, job: Job, hand: Hand, logs: Path, tell: events.Listener) -> Observation:
        """What is seen of a job. Raises InputError of a base that is none."""
        seen = await hand.executor.evaluate(job, logs, tell)
        if job.is_base:
            self._evaluation.check_build(seen)
        return replace(seen, made_on=hand.executor.where) if hand.executor.where else seen

    async def _settle(self) -> None:
        """Take what was seen of others for those that need no build."""
        # One that was lost after others were found to be like it may be like a third, which comes first; or nobody had
        # the time to try it again.
        while (one := next((one for one in self._same if one[1].state in self._evaluation.seen), None)) is not None:
            state, like = one
            self._same.remove(one)
            if self._evaluation.seen[like.state].outcome is not Outcome.INFRA_ERROR:
                self._evaluation.done_as(state, like)
                continue
            # That was its host's, which is not to be another's too.
            while not self._is_too_late(state) and not await self._tried(
                state, await self._anybody(state), asyncio.Event()
            ):
                pass

    async def _anybody(self, state: State) -> Hand:
        able = sorted(self._hands.able, key=lambda hand: hand.executor.where in self._lost[state.id])
        hand = next(iter(able), None) or await self._hands.join()
        if hand is None:
            raise _nobody()
        return hand


def _given_up(job: Job, hosts: list[str]) -> Observation:
    """Of a state that was lost with each of its hosts. Raises InfraError of base."""
    names = list(dict.fromkeys(hosts))
    whom = "three hosts: " if len(names) == _MOST_LOST else "its host three times, on "
    said = f"lost with {whom}{', '.join(names)}"
    if job.is_base:
        raise InfraError(f"base was {said}\n  kseries worker tells on each of them what has ended it")
    return Observation(tree=job.tree, outcome=Outcome.INFRA_ERROR, detail=said)


def _nobody() -> InfraError:
    return InfraError("no host is left to build on\n  finished states are cached: run again once there is one")
