# SPDX-License-Identifier: GPL-2.0-only
"""A state built for who will look into it: what its kernel is booted from."""

from dataclasses import dataclass
from pathlib import Path

from kseries.app.setup import series_of, worker_of
from kseries.bisect.staterunner import StateRunner
from kseries.evaluate import basecheck
from kseries.guest.machine import Image
from kseries.kbuild.brought import Brought
from kseries.model import Build, Probe, State, events
from kseries.model.errors import InputError
from kseries.probes import commands
from kseries.probes import runner as targets
from kseries.report import unset


@dataclass(frozen=True)
class Made:
    """What came of a state's build: its .config, empty where there is none, and the probes that its kernel is asked."""

    build: Build
    config: str
    probes: tuple[Probe, ...]


async def build(runner: StateRunner, state: State, into: Path, tell: events.Listener) -> Image:
    """Build a state into a folder. Raises InputError for one that does not apply or build, InfraError."""
    built = (await make(runner, state, into, tell)).build
    image = image_of(runner, built)
    if image is None:
        said = built.errors[0] if built.errors else "make failed and said nothing"
        raise InputError(f"{state.id} does not build: {said}\n  what make said is told by: kseries try {state.id}")
    tell(events.StageStarted(state.id, "boot", 1, 1))
    return image


def image_of(runner: StateRunner, built: Build) -> Image | None:
    """What a state that has built is booted from; None of one that has not."""
    if built.kernel is None or built.symbols is None or built.initrd is None:
        return None
    return Image(Path(built.kernel), Path(built.symbols), Path(built.initrd), runner.setup.image)


async def make(runner: StateRunner, state: State, into: Path, tell: events.Listener) -> Made:
    """Build a state into a folder, well or not. Raises InputError for one that does not apply, InfraError."""
    if state.tree is None:
        raise InputError(f"{state.id} does not apply: conflict in {', '.join(state.conflicts)}")
    brought = Brought(runner.trees, runner.base.tree, [patch.tree_after for patch in runner.patches])
    is_base = state.id == "base"  # where a patch takes an option away, a guest is wanted just there
    worker = worker_of(runner.setup, runner.trees, series_of(runner.base, runner.patches), runner.jobs)
    async with worker.locked(tell):
        tell(events.StageStarted(state.id, "build", 1, 1))
        built = await worker.build(state.tree, into, tell, name=state.id, brought=brought if is_base else None)
        configuration = worker.configuration
        probes = commands.for_kernel(runner.setup.probes, lambda: configuration)
        probes = targets.for_kernel(probes, worker.selftest_file)
    config = runner.setup.config
    if is_base:
        basecheck.check_fragment(brought.missing(config.needed(built.config_dropped)), built.config_unmet)
    for told in unset.of_one(built.config_dropped, config.wanted(built.config_dropped)):
        tell(events.Preparing(f"{state.id}: {told}"))
    return Made(built, configuration, probes)
