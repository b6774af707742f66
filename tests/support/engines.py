# SPDX-License-Identifier: GPL-2.0-only
"""Engines whose executors are workers of this host, and what stands in for a worker that cannot build."""

import errno
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import cast

from kseries import arch
from kseries.cache.store import Store
from kseries.coverage.tracepoints import Watch
from kseries.evaluate.bases import Bases
from kseries.evaluate.crew import Fixed
from kseries.evaluate.engine import Engine
from kseries.evaluate.images import Images
from kseries.evaluate.local import Local
from kseries.evaluate.setup import Setup
from kseries.kbuild import Worker
from kseries.kbuild.config import Config
from kseries.kbuild.dependencies import FolderDependencies
from kseries.kbuild.timing import Timing
from kseries.model import Accel, Build, Observation, StateResult, events
from kseries.model.events import Wait
from kseries.sources import Diff


class FullDisk:
    """A worker on a disk that has no room left."""

    def __init__(self) -> None:
        self.trusted: list[object] = []

    async def take(self, wait: Callable[[Wait], None]) -> None:
        pass

    def give_back(self) -> None:
        pass

    def say(self, what: str, done: int, total: int) -> None:
        pass

    @property
    def trees(self) -> "FullDisk":
        return self

    def changes(self, _old: str, _new: str) -> tuple[()]:
        return ()

    def diffs(self, pairs: Sequence[tuple[str, str]], _paths: str) -> list[Diff]:
        return [() for _ in pairs]

    def scratch(self) -> AbstractContextManager[Path]:
        return nullcontext(Path("/nonexistent"))

    @property
    def holds(self) -> None:
        return None

    @property
    def dependencies(self) -> FolderDependencies:
        return FolderDependencies(Path("/nonexistent"), Path("/nonexistent"), Path("/nonexistent"))

    @property
    def timing(self) -> Timing:
        return Timing(Path("/nonexistent"))

    def begins_with(self, base: str) -> bool:
        return True

    async def finds(self, base: str) -> bool:
        return True

    async def build(self, *_: object, trusted: bool, **__: object) -> Build:
        self.trusted.append(trusted)
        raise OSError(errno.ENOSPC, "No space left on device", "/x")


SETUP = Setup(
    arch=arch.get("x86_64"),
    accel=Accel(name="tcg", why=""),
    toolchain="",
    config=Config(""),
    probes=(),
    program="",
)


def engine(
    setup: Setup, workers: tuple[object, ...], store: Store, tell: events.Listener, watch: Watch | None = None
) -> Engine:
    """Workers, or what stands in for them."""
    booted = Images()
    bases = Bases()
    executors = tuple(Local(setup, cast(Worker, one), store, booted, bases) for one in workers)
    return Engine(setup, Fixed(executors), executors[0].worker.trees, store, tell, watch)


def seen_of(result: StateResult) -> Observation:
    """The observation of which a result was made, or may have been."""
    both = set(Observation.__struct_fields__) & set(StateResult.__struct_fields__) - {"logs"}
    fields = {name: getattr(result, name) for name in both}
    return Observation(**{**fields, "tree": result.tree or ""})
