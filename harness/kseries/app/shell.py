# SPDX-License-Identifier: GPL-2.0-only
"""A state built for a person to look into: its kernel, booted on their terminal."""

import sys
import tempfile
from pathlib import Path

from kseries.app import stateimage
from kseries.bisect.staterunner import StateRunner
from kseries.guest import busybox, console
from kseries.host import paths, signals
from kseries.model import State, events
from kseries.model.errors import InfraError, InputError, in_words


def check_terminal() -> None:
    """Raise InputError where nobody can sit at the console."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InputError("a shell needs a terminal, and standard input or output is none")


def check_sockets(folder: Path | None) -> None:
    """Raise InputError where there is no folder for the guest's sockets, and none can be made."""
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"--sockets {folder}: {in_words(error)}\n  name a folder, or one that is to be made"
        ) from error


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
        image = signals.run(stateimage.build(runner, state, Path(scratch), tell))
        setup = runner.setup
        status = console.run(setup.arch, setup.accel, image, wanted, Path(scratch), setup.machine)
    if status != 0:
        raise InfraError(f"QEMU ended with exit status {status}")
