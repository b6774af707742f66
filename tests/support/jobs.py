# SPDX-License-Identifier: GPL-2.0-only
"""Jobs of the tiny kernel: a repository of it, and what a run of its series would have evaluated."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from kseries import inputs
from kseries.app import planning, setup
from kseries.app.options import Options
from kseries.cache.store import Store
from kseries.coverage.tracepoints import Watch
from kseries.evaluate.jobs import Jobs
from kseries.evaluate.memory import Memory
from kseries.model import Job
from kseries.sources import TreeStore
from tests.support import tiny
from tests.support.gitrepo import Repository

BASE, TOPIC = "base", "topic"


def repository(place: Path, delays: Mapping[str, int] | None = None) -> Path:
    """The tiny kernel at the tag ``base``, and a patch on it at ``topic``; ``delays`` are those of tiny.kernel()."""
    made = Repository(place / "linux")
    for name in (BASE, TOPIC):
        made.commit(name, {**tiny.kernel(name, (delays or {}).get(name, 1)), "arch/x86/kvm/Kconfig": ""})
        subprocess.run(["git", "-C", made.path, "tag", name], check=True)
    return made.path


@contextmanager
def cached(cache: Path) -> Iterator[None]:
    """Have what is called here use the cache below a folder, as XDG_CACHE_HOME."""
    with mock.patch.dict(os.environ, XDG_CACHE_HOME=str(cache)):
        yield


def jobs_of(cache: Path, linux: Path) -> tuple[Memory, dict[str, Job]]:
    """The jobs of that series by their states, whose trees are in a cache afterwards, and what it keeps of them."""
    with cached(cache):
        options = Options(out=cache, tree=str(linux), scenarios=("prefixes",), probes=("capabilities",))
        trees, made = TreeStore(cache / "kseries" / "trees.git"), setup.setup_of(options)
        plan = planning.plan(inputs.load(f"{BASE}..{TOPIC}", str(linux)), options, trees, lambda _: None)
        jobs = Jobs(made, plan, Watch.of(trees, plan.base.tree, plan.patches))
        memory = Memory(made, Store(cache / "kseries" / "results"))
        return memory, {state.id: jobs.of(state) for state in jobs.states}
