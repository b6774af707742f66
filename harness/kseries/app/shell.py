# SPDX-License-Identifier: GPL-2.0-only
"""A state built for a person to look into: its kernel, booted on their terminal."""

import sys
import tempfile
from pathlib import Path

from kseries.bisect.staterunner import StateRunner
from kseries.evaluate import basecheck
from kseries.guest import busybox, console
from kseries.guest.machine import Image
from kseries.host import paths, signals
from kseries.kbuild.brought import Brought
from kseries.model import Build, State, events
from kseries.model.errors import InfraError, InputError
from kseries.report import unset


def check_terminal() -> None:
    """Raise InputError where nobody can sit at the console."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InputError("a shell needs a terminal, and standard input or output is none")


def run(
    runner: StateRunner, state: State, tell: events.Listener, files: Path | None = None, sockets: Path | None = None
) -> None:
    """Build a state and boot it on our terminal until whoever sits there leaves.

    Raises InputError for one that does not apply or build, InfraError where QEMU did not come up.
    """
    tools = busybox.find(runner.setup.arch, tell)
    wanted = console.Wanted(
        prompt=state.id, busybox=tools, files=files, sockets=sockets, userland=runner.setup.image is not None
    )
    with tempfile.TemporaryDirectory(prefix="kseries-shell-", dir=paths.cache()) as scratch:
        built = signals.run(_built(runner, state, Path(scratch), tell))
        if built.kernel is None or built.symbols is None or built.initrd is None:
            said = built.errors[0] if built.errors else "make failed and said nothing"
            raise InputError(f"{state.id} does not build: {said}\n  what make said is told by: kseries try {state.id}")
        image = Image(Path(built.kernel), Path(built.symbols), Path(built.initrd), runner.setup.image)
        setup = runner.setup
        status = console.run(setup.arch, setup.accel, image, wanted, Path(scratch), setup.machine)
    if status != 0:
        raise InfraError(f"QEMU ended with exit status {status}")


async def _built(runner: StateRunner, state: State, into: Path, tell: events.Listener) -> Build:
    if state.tree is None:
        raise InputError(f"{state.id} does not apply: conflict in {', '.join(state.conflicts)}")
    brought = Brought(runner.trees, runner.base.tree, [patch.tree_after for patch in runner.patches])
    is_base = state.id == "base"  # where a patch takes an option away, a shell is wanted just there
    async with runner.worker.locked(tell):
        tell(events.StageStarted(state.id, "build", 1, 1))
        built = await runner.worker.build(state.tree, into, tell, name=state.id, brought=brought if is_base else None)
    config = runner.setup.config
    if is_base:
        basecheck.check_fragment(brought.missing(config.needed(built.config_dropped)), built.config_unmet)
    for told in unset.of_one(built.config_dropped, config.wanted(built.config_dropped)):
        tell(events.Preparing(f"{state.id}: {told}"))
    tell(events.StageStarted(state.id, "boot", 1, 1))
    return built
