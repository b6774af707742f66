# SPDX-License-Identifier: GPL-2.0-only
"""Single states of a series, built and asked one at a time: for try, bisect and shell, and within a run."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from kseries import inputs
from kseries.app import clusters, rundir, suiting
from kseries.app.options import Options
from kseries.app.planning import base_of, explained, tell_fuzz
from kseries.app.premises import at_work, freedom, room
from kseries.app.setup import asked, engine_of, jobs_of, setup_of
from kseries.bisect.commits import Commits
from kseries.bisect.staterunner import StateRunner
from kseries.evaluate.crew import Crew
from kseries.evaluate.setup import Setup
from kseries.host import paths
from kseries.model import Base, Plan, events
from kseries.plan import scenarios
from kseries.sources import TreeStore, kernels, repository
from kseries.sources.manytrees import ManyTrees

ONTO = "onto"
"""Where in a folder the logs are of states on another base than the series' own."""


@contextlib.contextmanager
def state_runner(
    target: inputs.Target,
    options: Options,
    out: Path | None,
    tell: events.Listener,
    onto: str | None = None,
    *,
    watched: bool = False,
) -> Iterator[StateRunner]:
    """What runs states of a TARGET; logs go to ``out``/states/ID, or nowhere. Raises InputError or InfraError.

    With ``watched`` the tip is traced, as in a run: its result tells what of the series is compiled.
    """
    options = options.of(target)
    with contextlib.ExitStack() as stack:
        if out is not None:
            stack.enter_context(rundir.own(out))
        stack.enter_context(freedom(unboxed=options.unboxed))
        place = out or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kseries-")))
        stack.enter_context(room(place))
        stack.enter_context(at_work(tell))
        stack.enter_context(clusters.joined(options, tell))
        trees = TreeStore(paths.cache("trees.git"))
        base = base_of(target, options, trees, tell)
        with explained(target, base, trees):
            patches = scenarios.apply_all(target.series, base, trees, tell, options.fuzz)
        tell_fuzz(patches, tell)
        patches = scenarios.with_files(patches, ManyTrees(trees, tell)) if watched else patches
        plan = Plan(series=target.series.name, version=target.series.version, patches=patches, base=base, states=())
        setup = suiting.suited(setup_of(options, tell), options, plan, trees, tell)
        beside = runner_for(target, replace(options, out=place), setup, plan, trees, tell)
        yield replace(beside, onto=onto, history=_history(target, beside, trees))


def _history(target: inputs.Target, runner: StateRunner, trees: TreeStore) -> Commits | None:
    if target.history is None:
        return None
    return Commits(repository.top(Path(runner.repository)), target.history, runner.base, trees)


def moved(
    home: StateRunner,
    target: inputs.Target,
    options: Options,
    base: Base,
    patches: scenarios.Patches,
    tell: events.Listener,
) -> StateRunner:
    """What runs states on another base than the series' own; ``patches`` are those of it that apply there."""
    options = replace(options.of(target), out=home.out / ONTO)
    plan = Plan(series=target.series.name, version=target.series.version, patches=patches, base=base, states=())
    setup = suiting.suited(setup_of(options, tell), options, plan, home.trees, tell)
    return runner_for(target, options, setup, plan, home.trees, tell)


def runner_for(
    target: inputs.Target,
    options: Options,
    setup: Setup,
    planned: Plan,
    trees: TreeStore,
    tell: events.Listener,
    crew: Crew | None = None,
) -> StateRunner:
    """What runs single states of a series that is planned; with a run's crew, where it is part of one."""
    builds: list[str] = []

    def heard(event: events.Event) -> None:
        if isinstance(event, events.StageStarted) and event.stage == "build":
            builds.append(event.state)
        tell(event)

    if crew is None:
        setup, crew = clusters.crew_of(setup, target, options, trees, planned, tell)
    engine = engine_of(setup, trees, heard, planned, crew, options)
    return StateRunner(
        series=target.series,
        patches=planned.patches,
        base=planned.base,
        repository=kernels.called(options.tree or target.tree or kernels.DEFAULT),
        trees=trees,
        setup=setup,
        engine=engine,
        jobs=jobs_of(options),
        contracts=asked(setup, options),
        out=options.out,
        onto=None,
        builds=builds,
    )
