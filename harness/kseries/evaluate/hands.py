# SPDX-License-Identifier: GPL-2.0-only
"""Those of a crew who are at work on a plan, as they come."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from dataclasses import dataclass
from pathlib import Path

from kseries.evaluate import folders
from kseries.evaluate.crew import Crew
from kseries.evaluate.executor import Executor
from kseries.model import Job, events
from kseries.plan.schedule import Place


@dataclass(eq=False)
class Hand:
    """An executor at work: what it holds, and where the logs of its jobs lie until they are stored."""

    executor: Executor
    place: Place
    scratch: Path
    jobs: int = 0
    """How many it is at."""
    gone: bool = False
    """It was lost. Once it is back, it is another hand."""
    in_a_row: int = 0
    """Of how many states its host was why nothing was seen, since it has seen something."""
    has_base: bool = False
    """It has built base itself."""
    preparing: asyncio.Task[None] | None = None

    async def prepare(self, base: Job | None, tell: events.Listener) -> None:
        """Have base built here, too, where it is given and was not; or wait until that is done which was begun before.

        Raises as Executor.prepare().
        """
        if self.preparing is None and base is not None and not self.has_base:
            self.preparing = asyncio.create_task(self._begin_with(base, tell))
        if self.preparing is not None:
            await asyncio.shield(self.preparing)  # which may outlast who waits for it here

    async def _begin_with(self, base: Job, tell: events.Listener) -> None:
        await self.executor.prepare(base, folders.of(self.scratch, base.name), tell)
        self.place.here = self.executor.place(base.tree).here


class Hands:
    """The hands of one plan; ``stack`` gives back what each has, and ``kept`` the executor itself."""

    def __init__(
        self,
        members: AsyncGenerator[Executor, None],
        base: str,
        stack: contextlib.ExitStack,
        kept: contextlib.ExitStack,
    ) -> None:
        self.present: list[Hand] = []
        """All who have come, those who are gone, too."""
        self.complete = False
        """Whether no more will come."""
        self._members = members
        self._base = base
        self._stack = stack
        self._kept = kept
        self._coming: asyncio.Task[Hand | None] | None = None

    async def join(self) -> Hand | None:
        """The next who comes; None where no more will. One call at a time, which may be cancelled and made again.

        Raises InfraError where nobody is left and nobody comes.
        """
        if self._coming is None:
            self._coming = asyncio.create_task(self._next())
        hand = await asyncio.shield(self._coming)
        self._coming = None
        if hand is not None:
            self.present.append(hand)
        return hand

    async def _next(self) -> Hand | None:
        executor = await anext(self._members, None)
        if executor is None:
            self.complete = True
            return None
        self._kept.callback(executor.give_back)
        return Hand(executor, executor.place(self._base), self._stack.enter_context(executor.scratch()))

    @property
    def able(self) -> list[Hand]:
        """Those who are not gone."""
        return [hand for hand in self.present if not hand.gone]

    def other_than(self, hosts: Collection[str]) -> bool:
        """Whether somebody on another host than these is there."""
        return any(one.executor.where not in hosts for one in self.able)

    async def dismiss(self) -> None:
        """Wait for nobody any more, and let nobody prepare for what is over."""
        tasks = [one for one in (self._coming, *(hand.preparing for hand in self.present)) if one is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._members.aclose()


@contextlib.asynccontextmanager
async def at_work(
    crew: Crew, base: str, most: int, tell: events.Listener, kept: contextlib.ExitStack | None
) -> AsyncIterator[Hands]:
    """Those of a crew who join in a plan on a base, until that is carried out; ``kept`` has them for longer."""
    with contextlib.ExitStack() as stack:
        hands = Hands(crew.members(most, tell), base, stack, stack if kept is None else kept)
        try:
            yield hands
        finally:
            await hands.dismiss()
