# SPDX-License-Identifier: GPL-2.0-only
"""An engine whose executor has seen all states already: what each shows, a test says."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import cast

from kseries.cache.store import Store
from kseries.evaluate.crew import Fixed
from kseries.evaluate.engine import Engine
from kseries.kbuild.dependencies import FolderDependencies
from kseries.model import Check, Dependencies, Job, Observation, Outcome, Plan, Probe, StateResult, Status, events
from kseries.model.probe import Origin
from kseries.plan.schedule import Place
from kseries.sources import Diff, TreeStore
from kseries.sources.treestore import Change
from tests.support.engines import SETUP
from tests.support.judged import plan_of

PASS, FAIL, SKIP, XFAIL, MISSING = Status
SLOW, SOUND, OURS = "kvm.slow", "kvm.sound", "capabilities"
ASKED = SETUP.asking((Probe.ours(OURS), Probe.program(SLOW, Origin.SELFTEST), Probe.program(SOUND, Origin.SELFTEST)))
IN_TIME = {f"{SLOW}.part": PASS, f"{SLOW}.exit_status": PASS, f"{SOUND}.exit_status": PASS, f"{OURS}.a": PASS}
OVERDUE = IN_TIME | {f"{SLOW}.exit_status": FAIL}
SAID = "no answer after 100 s"
READ = Dependencies(paths=frozenset({"main.c"}))


def seen(job: Job, checks: Mapping[str, Status], said: str = SAID, flaky: tuple[str, ...] = ()) -> Observation:
    """What a boot shows that is asked what a job asks, and nothing else."""
    names = {probe.name for probe in job.conditions.probes}
    told = (
        Check(id=name, status=status, detail=said if status is FAIL else "")
        for name, status in checks.items()
        if name.rpartition(".")[0] in names
    )
    return Observation(tree=job.tree, outcome=Outcome.OK, checks=tuple(told), flaky=flaky, dependencies=READ)


class Fake:
    """An executor that has seen it all. ``shows`` says what each state shows that is asked everything."""

    where = ""
    lost = ""
    for_good = False

    def __init__(self, shows: Mapping[str, Mapping[str, Status]], said: str = SAID) -> None:
        self.jobs: dict[str, Job] = {}
        self.log: list[str] = []
        self._shows = shows
        self._said = said

    async def take(self, tell: events.Listener | None = None) -> None:
        pass

    def give_back(self) -> None:
        pass

    def scratch(self) -> AbstractContextManager[Path]:
        return nullcontext(Path("/nonexistent"))

    def place(self, base: str) -> Place:
        return Place(FolderDependencies(Path("/nonexistent"), Path("/nonexistent"), Path("/nonexistent")))

    def vouches(self, tree: str, read: Dependencies) -> bool:
        return True

    def seconds(self, targets: int) -> float | None:
        return None

    def measured(self, targets: int, seen: Observation) -> None:
        pass

    def say(self, what: str, done: int, total: int) -> None:
        pass

    def lacks(self, base: Job) -> bool:
        return False

    async def prepare(self, base: Job, into: Path, tell: events.Listener) -> None:
        pass

    async def evaluate(self, job: Job, into: Path, tell: events.Listener) -> Observation:
        self.jobs[job.name] = job
        self.log.append(f"build {job.name}")
        tell(events.Built(job.name, well=True, dependencies=READ))
        await asyncio.sleep(0.01)
        self.log.append(f"seen {job.name}")
        return self.seen(job, seen(job, self._shows.get(job.name, IN_TIME), self._said))

    def seen(self, job: Job, shown: Observation) -> Observation:
        return shown


class Trees:
    """Trees of which each differs from base in a file that no build reads, or in one that every build does."""

    def __init__(self, path: str = "Documentation/x.rst") -> None:
        self._path = path

    def changes(self, old: str, new: str) -> tuple[Change, ...]:
        return (Change(self._path, ("100644", old), ("100644", new)),) if old != new else ()

    def diffs(self, pairs: Sequence[tuple[str, str]], paths: str) -> list[Diff]:
        return [() for _ in pairs]


class Lab:
    """A plan, a store, and whatever engines a test makes of them."""

    def __init__(self, place: Path) -> None:
        self.store = Store(place / "results")
        self.place = place
        self.plan = plan_of(("base", "prefix-1", "prefix-2"), patches=(1, 2))
        self.heard: list[events.Event] = []
        self.engine: Engine

    def run(
        self, executor: Fake, kept: tuple[str, ...] = (), plan: Plan | None = None, path: str = "main.c"
    ) -> dict[str, StateResult]:
        trees = cast(TreeStore, Trees(path))
        self.engine = Engine(ASKED, Fixed((executor,)), trees, self.store, self.heard.append, None, frozenset(kept))
        return asyncio.run(self.engine.run(plan or self.plan, self.place / "out"))

    def forget(self) -> None:
        """Have nothing be known from before."""
        self.store = Store(self.place / f"results-{len(self.heard)}")

    @property
    def told(self) -> list[str]:
        return [event.what for event in self.heard if isinstance(event, events.Preparing)]


def asked(executor: Fake) -> dict[str, list[str]]:
    return {name: [probe.name for probe in job.conditions.probes] for name, job in executor.jobs.items()}


def checks(result: StateResult) -> dict[str, Status]:
    return {check.id: check.status for check in result.checks}
