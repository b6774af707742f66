# SPDX-License-Identifier: GPL-2.0-only
"""A state built for who will look into it: what its kernel is booted from."""

from pathlib import Path

from kseries.app.setup import series_of, worker_of
from kseries.bisect.staterunner import StateRunner
from kseries.evaluate import basecheck
from kseries.guest.machine import Image
from kseries.kbuild.brought import Brought
from kseries.model import Build, State, events
from kseries.model.errors import InputError
from kseries.report import unset


async def build(runner: StateRunner, state: State, into: Path, tell: events.Listener) -> Image:
    """Build a state into a folder. Raises InputError for one that does not apply or build, InfraError."""
    built = await _built(runner, state, into, tell)
    if built.kernel is None or built.symbols is None or built.initrd is None:
        said = built.errors[0] if built.errors else "make failed and said nothing"
        raise InputError(f"{state.id} does not build: {said}\n  what make said is told by: kseries try {state.id}")
    return Image(Path(built.kernel), Path(built.symbols), Path(built.initrd), runner.setup.image)


async def _built(runner: StateRunner, state: State, into: Path, tell: events.Listener) -> Build:
    if state.tree is None:
        raise InputError(f"{state.id} does not apply: conflict in {', '.join(state.conflicts)}")
    brought = Brought(runner.trees, runner.base.tree, [patch.tree_after for patch in runner.patches])
    is_base = state.id == "base"  # where a patch takes an option away, a guest is wanted just there
    worker = worker_of(runner.setup, runner.trees, series_of(runner.base, runner.patches), runner.jobs)
    async with worker.locked(tell):
        tell(events.StageStarted(state.id, "build", 1, 1))
        built = await worker.build(state.tree, into, tell, name=state.id, brought=brought if is_base else None)
    config = runner.setup.config
    if is_base:
        basecheck.check_fragment(brought.missing(config.needed(built.config_dropped)), built.config_unmet)
    for told in unset.of_one(built.config_dropped, config.wanted(built.config_dropped)):
        tell(events.Preparing(f"{state.id}: {told}"))
    tell(events.StageStarted(state.id, "boot", 1, 1))
    return built
