# SPDX-License-Identifier: GPL-2.0-only
"""An engine whose executors are workers of this host."""

from typing import cast

from kseries.cache.store import Store
from kseries.coverage.tracepoints import Watch
from kseries.evaluate.engine import Engine
from kseries.evaluate.images import Images
from kseries.evaluate.local import Local
from kseries.evaluate.setup import Setup
from kseries.kbuild import Worker
from kseries.model import Observation, StateResult, events


def engine(
    setup: Setup, workers: tuple[object, ...], store: Store, tell: events.Listener, watch: Watch | None = None
) -> Engine:
    """Workers, or what stands in for them."""
    booted = Images()
    executors = tuple(Local(setup, cast(Worker, one), store, booted) for one in workers)
    return Engine(setup, executors, executors[0].worker.trees, store, tell, watch)


def seen_of(result: StateResult) -> Observation:
    """The observation of which a result was made, or may have been."""
    both = set(Observation.__struct_fields__) & set(StateResult.__struct_fields__) - {"logs"}
    fields = {name: getattr(result, name) for name in both}
    return Observation(**{**fields, "tree": result.tree or ""})
