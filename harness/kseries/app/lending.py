# SPDX-License-Identifier: GPL-2.0-only
"""Booted states that are lent to a pytest of the user's own, and to those that it has started (pytest-xdist).

It ends with that pytest, however it ended: nothing that was built for it, and no machine of its, is left.
"""

import asyncio
import contextlib
import os
import socket
import tempfile
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

from kseries.app import stateimage
from kseries.app.options import Options
from kseries.bisect import pick
from kseries.bisect.staterunner import StateRunner
from kseries.guest.machine import Booting, Image
from kseries.guest.pytests import MOST_TEST_SECONDS, TEST_SECONDS
from kseries.guest.tenant import Tenant
from kseries.host import paths, signals
from kseries.hosttest import control
from kseries.model import State, events
from kseries.plan import scenarios

ALL = "all"
"""In the place of states: those of a plan."""
_CAPABILITIES = "capabilities"
"""The probe that tells what a kernel advertises; none but this runs before a test."""
_POLL_SECONDS = 1.0


def run(runner: StateRunner, states: tuple[State, ...], wire: socket.socket, tell: events.Listener) -> None:
    """Lend states to who has the other end of a socket, until that is closed."""
    with tempfile.TemporaryDirectory(prefix="kseries-shell-", dir=paths.cache()) as scratch:
        signals.run(_Lender(runner, states, Path(scratch), tell).serve(wire))


def states(runner: StateRunner, names: tuple[str, ...], options: Options, tell: events.Listener) -> tuple[State, ...]:
    """The states that are named: the tip without any, and of a plan each tree once. Raises InputError."""
    if names == (ALL,):
        series, base = runner.series, runner.base
        scenarios.check(options.scenarios)
        made = scenarios.plan_of(
            series.name, series.version, runner.patches, base, options.scenarios, runner.trees, tell
        )
        return tuple(
            state for state in pick.with_reverts(made, options.reverts, runner.trees).states if state.same_as is None
        )
    return tuple(runner.state(name) for name in dict.fromkeys(names)) or (runner.tip,)


class _Lender:
    def __init__(self, runner: StateRunner, states: tuple[State, ...], scratch: Path, tell: events.Listener) -> None:
        self._runner, self._scratch, self._tell = runner, scratch, tell
        self._states = {state.id: state for state in states}
        self._images: dict[str, asyncio.Task[Image]] = {}
        self._lock = asyncio.Lock()
        self._work: set[asyncio.Task[None]] = set()

    async def serve(self, wire: socket.socket) -> None:
        """Answer a process, and who comes in by the door that it is told of, until it has gone."""
        with _door() as (listening, folder):
            wire.sendall(control.line("hello", **self._hello(folder)))
            self._begin(self._admit(listening))
            ends = {self._begin(self._serve(wire)), self._begin(_orphaned())}
            try:
                done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            finally:
                every = (*self._work, *self._images.values())
                for task in every:
                    task.cancel()
                await asyncio.gather(*every, return_exceptions=True)
        for task in done:
            task.result()

    def _hello(self, folder: Path) -> dict[str, Any]:
        setup, base = self._runner.setup, self._runner.base
        described = [
            {"id": one.id, "patches": one.applied, "conflicts": one.conflicts} for one in self._states.values()
        ]
        return {
            "series": self._runner.series.name,
            "base": base.name,
            "arch": setup.arch.name,
            "userland": setup.image is not None,
            "states": described,
            "door": str(folder),
            "seconds": TEST_SECONDS,
            "most": MOST_TEST_SECONDS,
        }

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._work.add(task)
        return task

    async def _admit(self, listening: socket.socket) -> None:
        while True:
            wire, _ = await asyncio.get_running_loop().sock_accept(listening)
            self._begin(self._serve(wire))

    async def _serve(self, wire: socket.socket) -> None:
        probes = tuple(one for one in self._runner.setup.probes if one.name == _CAPABILITIES)
        await Tenant(wire, self._find, probes).serve()

    # --- kernels --------------------------------------------------------------------------------

    async def _find(self, name: str) -> Booting:
        """What a state is booted from, which is built once, whoever asks. Raises InputError, InfraError."""
        state = self._states[name]
        key = state.tree or name
        if key not in self._images:
            self._images[key] = asyncio.create_task(self._build(state))
        image = await asyncio.shield(self._images[key])
        setup = self._runner.setup
        files = setup.added.path if setup.added is not None else None
        return Booting(setup.arch, setup.accel, image, setup.machine, (), files)

    async def _build(self, state: State) -> Image:
        async with self._lock:
            into = self._scratch / str(len(list(self._scratch.iterdir())))
            return await stateimage.build(self._runner, state, into, self._tell)


async def _orphaned() -> None:
    """Wait until who has started us is gone: a process that it has forked may hold its end of the socket open."""
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(_POLL_SECONDS)


@contextlib.contextmanager
def _door() -> Iterator[tuple[socket.socket, Path]]:
    """A socket for others, in a folder that nobody else may enter."""
    with tempfile.TemporaryDirectory(prefix="kseries-") as place, socket.socket(socket.AF_UNIX) as listening:
        with control.address(Path(place)) as address:
            listening.bind(address)
        listening.listen()
        listening.setblocking(False)
        yield listening, Path(place)
