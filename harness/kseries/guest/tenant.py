# SPDX-License-Identifier: GPL-2.0-only
"""A pytest of the user's own (hosttest/lent.py) that machines are lent to, one at a time, each for as long as it lasts.

It says which state its next test is of. The machine that it has stays where that is the same one, does something, and
is not to be fresh; else another is booted.
"""

import asyncio
import contextlib
import socket
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from kseries.guest import ending, klog, machine
from kseries.guest.driven import LONGEST_LOG, Lent
from kseries.guest.ending import GoneError, Stop
from kseries.guest.guest import Guest
from kseries.guest.machine import Booting, Heard
from kseries.guest.pytests import Message
from kseries.hosttest import control
from kseries.model import Check, Outcome, Probe
from kseries.model.errors import KseriesError
from kseries.model.sanitize import shortened
from kseries.probes import ktap

_SECONDS = 24 * 3600.0
"""For a machine: a person may sit at the prompt of a debugger."""
_MARK_SECONDS = 2.0
"""For what the kernel has printed to come through; a kernel that prints nothing more is not waited for."""
_POLL_SECONDS = 0.005
_LINES = 60
"""Of the kernel's log, the last since a test began."""
_LONGEST_LINE = 400
_READ = 64 * 1024

Find = Callable[[str], Awaitable[Booting]]
"""What a state is booted from, by its id. Raises KseriesError."""


class Asked(Message, frozen=True):
    """What it asks."""

    state: str = ""
    mark: str = ""
    """What the kernel's log was made to say last."""


class Tenant:
    """One process, by a socket to it. ``probes`` run when a state is booted for the first time."""

    seconds = _SECONDS

    def __init__(self, wire: socket.socket, find: Find, probes: tuple[Probe, ...]) -> None:
        wire.setblocking(False)
        self._wire, self._find, self._probes = wire, find, probes
        self._queue = asyncio.Queue[Asked]()
        self._asked: Asked | None = None
        """What waits for another machine."""
        self._state = ""
        self._symbols = Path()
        """Of its kernel, for gdb."""
        self._caps: dict[str, dict[str, int]] = {}
        self._refused: dict[str, str] = {}
        """Why a state does not boot: nobody waits for that again."""
        self._since = self._at = 0
        self._told: set[str] = set()
        """What was said of the machine since the test that has it began."""

    async def serve(self) -> None:
        """Answer it until it has gone, and leave no machine of its."""
        both = [asyncio.create_task(work) for work in (self._read(), self._serve())]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            _, served = await asyncio.gather(*both, return_exceptions=True)
            self._wire.close()
        if isinstance(served, Exception):
            raise served

    async def drive(self, guest: Guest, heard: Heard) -> Stop | None:
        """Lend a guest that has come up until another is asked for."""
        self._caps.setdefault(self._state, {}).update(ktap.parse(heard.results.text).caps)
        async with Lent.of(guest, heard) as lent:
            while True:
                asked = self._asked or await self._queue.get()
                self._asked = None
                match asked.what:
                    case "guest":
                        if not await self._lend(lent, heard, asked):
                            self._asked = asked
                            return lent.stop
                    case "log":
                        await self._answer(asked, text=lent.log[-LONGEST_LOG:])
                    case "left":
                        await self._left(lent, heard, asked)
                    case _:
                        await lent.resume()
                        await self._answer(asked)

    def checks(self) -> tuple[Check, ...]:
        """None: what comes of its tests, pytest tells."""
        return ()

    # --- machines -------------------------------------------------------------------------------

    async def _serve(self) -> None:
        """What is asked while there is no machine."""
        while True:
            asked = self._asked or await self._queue.get()
            self._asked = None
            if asked.what != "guest":
                await self._answer(asked, text="", why=[], log="")
            elif asked.state in self._refused:
                await self._answer(asked, refused=self._refused[asked.state])
            else:
                await self._boot(asked)

    async def _boot(self, asked: Asked) -> None:
        """Boot a state, and lend it until another machine is asked for."""
        self._asked, self._state = asked, asked.state
        try:
            booting = await self._find(asked.state)
            self._symbols = booting.image.symbols
            why = await self._booted(booting, () if asked.state in self._caps else self._probes)
        except KseriesError as error:
            why = str(error)
        if self._asked is asked:  # nobody has had it
            self._asked = None
            await self._answer(asked, refused=why)

    async def _booted(self, booting: Booting, probes: tuple[Probe, ...]) -> str:
        """How the boot went, for whom it did not come so far as to be lent. Raises InfraError."""
        with tempfile.TemporaryDirectory(prefix="kseries-") as place:
            seconds = machine.seconds(booting.machine, probes) + self.seconds
            heard = Heard(booting.machine, Path(place) / "console.log", seconds)
            stop = await machine.listen(booting, heard, probes, booting.arch.stopped, self)
        log = klog.read(heard.console.text)
        judged = ending.judge(stop, ktap.parse(heard.results.text), log)
        why = f"{self._state} does not boot: {judged.detail or judged.ending}"
        if self._state not in self._caps and judged.outcome is not Outcome.OK:
            self._refused[self._state] = why
        return why

    async def _lend(self, lent: Lent, heard: Heard, asked: Asked) -> bool:
        """Whether there is a machine to be lent."""
        if asked.state != self._state or not lent.takes(asked):
            return False
        wires = await lent.wires(self, asked.name)
        if wires is None:
            return False
        self._since = self._at = len(heard.console.data)
        self._told.clear()
        caps, files = self._caps[self._state], tuple(wire.fileno() for wire in wires)
        await self._answer(asked, caps=caps, symbols=str(self._symbols), files=files)
        for wire in wires:  # from here on it is theirs alone
            wire.close()
        return True

    async def _left(self, lent: Lent, heard: Heard, asked: Asked) -> None:
        """Tell what became of the machine since a test has it, but for what was told before."""
        if asked.deaf:
            await lent.give_up(asked.name)
        else:
            await self._come_through(heard, asked.mark)
        try:
            ended = await lent.gone()
        except GoneError as error:
            ended = str(error)
        since = heard.console.data[self._since :].decode(errors="replace")
        said = [f"the kernel said: {one.text}" for one in klog.read(since).splats if not one.stall]
        said = [*dict.fromkeys(said), *([f"the machine ended in it: {ended}"] if ended is not None else [])]
        why = [one for one in said if one not in self._told]
        self._told.update(said)
        lines = [shortened(line, _LONGEST_LINE) for line in since.splitlines()[-_LINES:]]
        await self._answer(asked, why=why, log="\n".join(lines))

    async def _come_through(self, heard: Heard, mark: str) -> None:
        """Wait until what was printed before a mark is here: a program may end before its last words have come."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_MARK_SECONDS):
                while heard.console.data.find(mark.encode(), self._at) < 0:
                    await asyncio.sleep(_POLL_SECONDS)
        self._at = len(heard.console.data)

    # --- its words ------------------------------------------------------------------------------

    async def _read(self) -> None:
        """Hear what it asks, until it has gone."""
        loop = asyncio.get_running_loop()
        begun = b""
        with contextlib.suppress(OSError):
            while piece := await loop.sock_recv(self._wire, _READ):
                *lines, begun = (begun + piece).split(b"\n")
                for line in lines:
                    self._queue.put_nowait(msgspec.json.decode(line, type=Asked))

    async def _answer(self, asked: Asked, *, files: tuple[int, ...] = (), **more: object) -> None:
        data = control.line("answer", number=asked.number, **more)
        with contextlib.suppress(OSError):
            sent = socket.send_fds(self._wire, [data], files) if files else 0
            await asyncio.get_running_loop().sock_sendall(self._wire, data[sent:])
