# SPDX-License-Identifier: GPL-2.0-only
"""What every dask worker that evaluates jobs loads: it tells the scheduler which kseries it has.

``kseries worker`` starts them so; where something else does, as dask-jobqueue: ``--preload kseries.cluster.preload
--resources kseries=2 --memory-limit 0``.
"""

import os
from typing import Any

from distributed import Worker

import kseries
from kseries.cache import store

FACTS = "kseries"
"""What a worker's facts are called in what dask knows of it (``extra``)."""
RESOURCE = "kseries"
"""Of which each evaluation takes one, and a worker has AT_ONCE."""
AT_ONCE = 2
"""Jobs of a worker: one builds while the one before it boots."""
JOBS = "KSERIES_WORKER_JOBS"
"""In the environment: make's -jN."""


def dask_setup(worker: Worker) -> None:
    """Called by dask before the worker is registered."""
    facts = {"program": store.program(), "version": kseries.__version__, "jobs": jobs()}
    worker.startup_information[FACTS] = lambda _: facts


def jobs() -> int:
    """How many jobs make has here."""
    told = os.environ.get(JOBS, "")
    return int(told) if told.isdigit() and int(told) else os.cpu_count() or 1


def facts_of(worker: dict[str, Any]) -> dict[str, Any]:
    """What a worker has told, as the scheduler's ``identity`` has it; empty of one that is not ours."""
    found = worker.get(FACTS)
    return found if isinstance(found, dict) else {}
