# SPDX-License-Identifier: GPL-2.0-only
"""A booted machine as an object: its console, its results' channel, its monitor, and how it comes to its end."""

import asyncio
import contextlib
import dataclasses
import logging
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

from qemu.qmp import EventListener, QMPClient, QMPError

from kseries.guest.channel import Channel
from kseries.guest.ending import GoneError, How, Stop
from kseries.guest.liveness import Unwatched, Watch
from kseries.guest.qemu import Sockets
from kseries.guest.wires import Wires
from kseries.host import processes

CONNECT_SECONDS = 60.0
"""For QEMU to come up, which it does in a tenth of a second."""
QUIT_SECONDS = 10.0
"""For QEMU to do as it is told, and for a kernel in panic to come down."""
_EVENT_SECONDS = 1.0
"""For an event that is on its way through the socket of a QEMU that is gone."""
_LAST_LINES = 20
_MUTE = "it does not answer on its monitor"
_LOST = (QMPError, EOFError, ConnectionError)

# A machine that goes away is something we look for, not something to print a traceback of.
logging.getLogger("qemu.qmp").setLevel(logging.CRITICAL)


class Guest:
    """A machine under QEMU, alive within ``start``; what it prints comes to its two channels all the while.

    ``qmp`` is its monitor, for whoever wants more of it than to go on and to stop. A program that is to run in the
    guest needs somebody in there who starts it: none of our kernels has one.

        async with Guest.start(argv, box, console, results, deadline) as guest:
            await guest.resume()
            stop = await guest.wait(watch)
            await guest.stop()
    """

    def __init__(
        self, process: processes.Running, console: Channel, results: Channel, deadline: processes.Deadline, wires: Wires
    ) -> None:
        self.console = console
        self.results = results
        self.deadline = deadline
        """When all that is to be done with it has to be over."""
        self.qmp = QMPClient("kseries")
        self._process = process
        self._wires = wires
        self._events = EventListener(["SHUTDOWN", "GUEST_PANICKED"])
        self.qmp.register_listener(self._events)
        self._output: list[str] = []
        self._gone = asyncio.create_task(self._collect())
        """Done when QEMU has ended, or the deadline has passed."""

    @classmethod
    @contextlib.asynccontextmanager
    async def start(
        cls,
        argv: Callable[[Sockets], list[str]],
        box: processes.Box,
        console: Channel,
        results: Channel,
        deadline: processes.Deadline,
        *,
        lent: bool = False,
    ) -> AsyncIterator["Guest"]:
        """A machine that waits for ``resume``; ``argv`` makes QEMU's command line (qemu.py), which is to have -S.

        Of one that is ``lent`` somebody else will have a monitor. When the context is left QEMU is gone, and what the
        guest has printed is read to its end. Raises GoneError where QEMU does not come up, InfraError where it cannot
        be started.
        """
        with Wires(lent=lent) as wires:
            theirs = wires.theirs
            inherited = tuple(file for file in dataclasses.astuple(theirs) if file is not None)
            async with _reading(wires, console, results), processes.start(argv(theirs), box, inherited) as process:
                wires.hand_over()
                guest = cls(process, console, results, deadline, wires)
                try:
                    await guest._connect(wires.qmp)
                    yield guest
                finally:
                    await guest._leave()

    async def resume(self) -> None:
        """Let the guest run. Raises GoneError."""
        await self._execute("cont")

    async def answers(self) -> bool:
        """Whether QEMU is there: by then it has told of all that happened before."""
        try:
            await self._execute("query-status")
        except GoneError:
            return False
        return True

    def monitor(self) -> socket.socket:
        """A monitor for somebody else, of a machine that is lent. Raises OSError."""
        return self._wires.door.enter()

    async def wait(self, watch: Watch | Unwatched) -> Stop:
        """How the machine came to its end, or why it is not waited for any longer; QEMU's own death is told as GONE.

        ``watch`` is told what comes through the channels, and says when the guest gets nowhere.
        """
        try:
            stop = await self._stopped(watch)
            if stop.how in (How.STALL, How.DEADLINE):
                return await self._whose(stop)
            return Stop(How.GONE, await self._last_words()) if stop == Stop(How.GONE) else stop
        except GoneError as error:
            return Stop(How.GONE, error.detail)

    async def stop(self) -> None:
        """Have QEMU quit, if it is still there."""
        with contextlib.suppress(*_LOST, TimeoutError):
            async with asyncio.timeout(QUIT_SECONDS):
                await self.qmp.execute("quit")

    # --- its monitor ----------------------------------------------------------------------------

    async def _connect(self, monitor: socket.socket) -> None:
        """Wait for QEMU to greet us. Raises GoneError if it ended instead."""
        greeted = asyncio.create_task(self.qmp.connect(monitor))
        await asyncio.wait({greeted, self._gone}, timeout=CONNECT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not greeted.done():
            greeted.cancel()
            await asyncio.wait({greeted})
            raise GoneError(await self._last_words())
        # One that dies right after its greeting meets an assert at the end of connect() (qemu.qmp, protocol.py).
        if isinstance(greeted.exception(), (AssertionError, *_LOST)):
            raise GoneError(await self._last_words())
        greeted.result()

    async def _execute(self, command: str) -> object:
        """What QEMU answers to a command that it never refuses. Raises GoneError."""
        try:
            async with asyncio.timeout(QUIT_SECONDS):
                return await self.qmp.execute(command)
        except _LOST:
            raise GoneError(await self._last_words()) from None
        except TimeoutError:
            raise GoneError(_MUTE) from None

    async def _leave(self) -> None:
        self._gone.cancel()
        with contextlib.suppress(*_LOST, TimeoutError):
            async with asyncio.timeout(QUIT_SECONDS):
                await self.qmp.disconnect()

    # --- its process ----------------------------------------------------------------------------

    async def _collect(self) -> None:
        """QEMU's own words; returns when it has ended."""
        with contextlib.suppress(processes.DeadlineError):
            async for line in self._process.lines(self.deadline):
                self._output[:] = [*self._output[-_LAST_LINES:], line.decode(errors="replace")]

    async def _last_words(self) -> str:
        """How a QEMU ended that nobody told to: its last line, or else its exit status."""
        await asyncio.wait({self._gone}, timeout=QUIT_SECONDS)
        if self._output:
            return self._output[-1]
        try:
            # bwrap(1) passes a status on as a shell does: 128 + N for one that signal N killed.
            return f"exit status {await self._process.wait(processes.Deadline.after(QUIT_SECONDS))}"
        except processes.DeadlineError:
            return _MUTE

    # --- its end --------------------------------------------------------------------------------

    async def _stopped(self, watch: Watch | Unwatched) -> Stop:
        """Wait for whichever comes first: init's last line, the guest's going down, QEMU's death, no progress."""
        ended = asyncio.create_task(watch.ended.wait())
        down = asyncio.create_task(_shutdown(self._events))
        full = [asyncio.create_task(port.full.wait()) for port in (self.console, self.results)]
        waited_for = {ended, down, self._gone, *full}
        try:
            while True:
                patience = min(watch.left, self.deadline.left)
                await asyncio.wait(waited_for, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
                if ended.done():
                    return Stop(How.END)
                if (stop := await self._down(down)) is not None:
                    return stop
                if any(task.done() for task in full):
                    return Stop(How.FLOOD, "it printed without end")
                if (stop := self._overdue(watch)) is not None:
                    return stop
        finally:
            for task in (ended, down, *full):
                task.cancel()

    async def _down(self, down: "asyncio.Task[Stop]") -> Stop | None:
        """How the guest, or QEMU, went down; None where neither did."""
        if self._gone.done() and not down.done():
            await asyncio.wait({down}, timeout=_EVENT_SECONDS)
        if down.done():
            return down.result()
        return Stop(How.GONE) if self._gone.done() and not self.deadline.passed else None

    def _overdue(self, watch: Watch | Unwatched) -> Stop | None:
        if self.deadline.passed:
            return Stop(How.DEADLINE, "it was not done within the time limit of all its probes")
        return None if watch.left else Stop(How.STALL, watch.stall)

    async def _whose(self, stop: Stop) -> Stop:
        """The same, where QEMU runs its guest: else it is not the guest that got no further."""
        seen = await self._execute("query-status")
        # "internal-error": the accelerator gave up (QEMU: qapi/run-state.json, RunState). "paused": somebody else's
        # doing. "io-error": there is no room for what the guest writes to a disk.
        state = str(dict(seen).get("status")) if isinstance(seen, dict) else "?"
        return stop if state == "running" else Stop(How.GONE, f"it has stopped running its guest ({state})")


@contextlib.asynccontextmanager
async def _reading(wires: Wires, console: Channel, results: Channel) -> AsyncIterator[None]:
    """Read both of a guest's ports, at last until QEMU, which has ended, has closed them."""
    ports = ((wires.console, console), (wires.results, results))
    reading = [asyncio.create_task(port.read(*await asyncio.open_unix_connection(sock=end))) for end, port in ports]
    try:
        yield
        await asyncio.wait(reading, timeout=QUIT_SECONDS)
    finally:
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)


async def _shutdown(events: EventListener) -> Stop:
    """Wait for SHUTDOWN; a kernel that has told of its panic has only a moment left to come down."""
    first: dict[str, Any] = dict(await events.get())
    panicked = first["event"] == "GUEST_PANICKED"
    last = first
    if panicked:
        try:
            async with asyncio.timeout(QUIT_SECONDS):
                while last["event"] != "SHUTDOWN":
                    last = dict(await events.get())
        except TimeoutError:
            return Stop(How.DOWN, "it did not come down", panicked=True)
    data = last.get("data", {})
    reason = data.get("reason", "unknown")
    if not data.get("guest"):
        return Stop(How.GONE, f"something on this host ended it ({reason})")
    return Stop(How.DOWN, f"the guest went down ({reason})", reason, panicked)
