# SPDX-License-Identifier: GPL-2.0-only
"""The executors of a run, which may come and go. Nothing above it knows how many there are, nor where."""

from collections.abc import AsyncGenerator
from typing import Protocol

from kseries.evaluate.executor import Executor
from kseries.model import Dependencies, Job, events
from kseries.plan.schedule import Place


class Crew(Protocol):
    """Whom a run may have work for it. It is asked what it knows before anybody is taken, too."""

    def vouches(self, tree: str, read: Dependencies) -> bool:
        """Whether any of them does, as Executor.vouches."""

    def foreseen(self, base: str) -> Place:
        """What the first of them is likely to hold, as Executor.place."""

    def lacks(self, base: Job) -> bool:
        """Whether the first of them is likely to build base though it is known, as Executor.lacks."""

    def seconds(self, targets: int) -> float | None:
        """What a build is likely to take, as Executor.seconds."""

    def members(self, most: int, tell: events.Listener) -> AsyncGenerator[Executor, None]:
        """Those who take part, at most so many at a time: each when it comes, taken for us (Executor.take).

        Who gets one calls its give_back. ``tell`` hears what is waited for. It goes on for as long as another may come:
        one that was lost comes again once it is back. Raises InfraError where none is left and none comes.
        """


class Fixed:
    """A crew that neither grows nor shrinks: the first is waited for, each other takes part where it is free."""

    def __init__(self, executors: tuple[Executor, ...]) -> None:
        self._executors = executors

    def vouches(self, tree: str, read: Dependencies) -> bool:
        return any(one.vouches(tree, read) for one in self._executors)

    def foreseen(self, base: str) -> Place:
        return self._executors[0].place(base)

    def lacks(self, base: Job) -> bool:
        return self._executors[0].lacks(base)

    def seconds(self, targets: int) -> float | None:
        return self._executors[0].seconds(targets)

    async def members(self, most: int, tell: events.Listener) -> AsyncGenerator[Executor, None]:
        first, *others = self._executors
        await first.take(tell)
        yield first
        for executor in others[: most - 1]:
            try:
                await executor.take()
            except BlockingIOError:
                continue
            yield executor
