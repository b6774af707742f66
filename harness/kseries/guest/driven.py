# SPDX-License-Identifier: GPL-2.0-only
"""Host-side tests beside a guest: pytest in a box (hosttest/), which is given a machine, and tells of each test.

It is started before the kernel boots, and has found its tests when the probes have run. A test may do anything to its
guest, to QEMU and to its own process: each costs itself alone. One that takes the machine down is followed by a fresh
boot, one that takes pytest down by a pytest that begins behind it.
"""

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from kseries.guest import isolation, machine
from kseries.guest.ending import GoneError, How, Stop
from kseries.guest.guest import Guest
from kseries.guest.liveness import Unwatched
from kseries.guest.machine import Booting, Heard
from kseries.guest.pytests import About, Message, Pytest, longest
from kseries.host import processes
from kseries.model import Boot, Check, Outcome, Probe, Status
from kseries.probes import ktap
from kseries.probes.hosttests import HostTest

_SECONDS = 3600.0
"""For all tests of a boot: one that might take longer begins on a fresh one."""
_ALL_SECONDS = 4 * 3600.0
"""For all tests of a state."""
_MOST_BOOTS = 50
"""For the tests of a state, beside that in which its probes run."""
_SETTLE_SECONDS = 10.0
_KILLED = f"exit status {128 + signal.SIGKILL}"
"""Of a QEMU that somebody on this host has killed: no test reaches it otherwise than by its monitor."""
LONGEST_LOG = 1 << 20
"""Characters of a kernel's log that a test is given, its last."""


async def boot(
    booting: Booting,
    probes: tuple[Probe, ...],
    tests: tuple[HostTest, ...],
    about: About,
    log: Path,
    words: tuple[str, ...] = (),
) -> Boot:
    """Boot a kernel as often as it takes to have run its probes and all tests, each once. Raises InfraError."""
    async with Session(tests, about, booting.image.symbols) as session:
        whole = await isolation.boot(
            lambda some, file: machine.boot_as(booting, some, file, words, session), probes, log
        )
        for _ in range(_MOST_BOOTS):
            if not session.left or whole.outcome is Outcome.BOOT_FAILED:
                break
            again = log.with_suffix(".again")
            more = await machine.boot_as(booting, (), again, words, session)
            with log.open("ab") as file:
                file.write(b"\n--- a fresh boot, for host-side tests\n" + again.read_bytes())
            again.unlink()
            whole = msgspec.structs.replace(isolation.joined(whole, more), ended_in=whole.ended_in)
            if more.outcome is Outcome.BOOT_FAILED:
                break
        session.give_up("there was no machine for it")
        return msgspec.structs.replace(whole, checks=(*whole.checks, *session.checks()))


class Session:
    """The tests of one state: those of each file, one file after the other, over as many boots as that takes."""

    seconds = _SECONDS

    def __init__(self, tests: tuple[HostTest, ...], about: About, symbols: Path) -> None:
        self._left = [*tests]
        self._about = about
        self._symbols = symbols
        self._running: Pytest | None = None
        self._told: list[Check] = []
        self._caps: dict[str, int] = {}
        self._asked: Message | None = None
        """What waits for another machine."""
        self._over = processes.Deadline.after(_ALL_SECONDS)

    @property
    def left(self) -> bool:
        """Whether there are tests that have not been run, and time for them."""
        return bool(self._left) and not self._over.passed

    async def __aenter__(self) -> "Session":
        await self._begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._running is not None:
            await self._running.end()

    async def drive(self, guest: Guest, heard: Heard) -> Stop | None:
        """Have tests drive a guest whose probes have run, until there are none, or one wants another machine.

        How the guest came to its end, if that says something of it.
        """
        self._caps |= ktap.parse(heard.results.text).caps
        async with Lent.of(guest, heard) as lent:
            while self._running is not None and await self._go_on(self._running, lent):
                await self._running.end()
                del self._left[0]
                await self._begin()
            return lent.stop

    def checks(self) -> tuple[Check, ...]:
        """What the tests have come to since this was asked."""
        told, self._told = self._told, []
        return tuple(told)

    def give_up(self, why: str) -> None:
        """Tell of those that are left that they were not run."""
        if self._running is not None and self._left:
            self._told += self._running.missing(why)
        for test in self._left[1:]:
            self._told.append(Check(id=test.collected, status=Status.MISSING, detail=why))
        self._left.clear()

    async def _begin(self) -> None:
        self._running = await Pytest.start(self._left[0], self._about, self._symbols) if self._left else None

    async def _go_on(self, running: Pytest, lent: "Lent") -> bool:
        """Answer a file's tests until all are done (True), or one wants another machine."""
        while (asked := self._asked or await running.next()) is not None:
            self._asked = None
            match asked.what:
                case "guest":
                    if not (lent.takes(asked) and await self._lend(lent, running, asked)):
                        self._asked = asked
                        return False
                case "log":
                    await running.answer(asked, text=lent.log[-LONGEST_LOG:])
                case "resume":
                    await lent.resume()
                    await running.answer(asked)
                case "result" | "ended":
                    self._told.append(await self._result(running, asked, lent))
                    await running.answer(asked)
        self._told += running.missing("it was not run")
        return True

    async def _lend(self, lent: "Lent", running: Pytest, asked: Message) -> bool:
        """Whether there is a machine to be lent."""
        wires = await lent.wires(running.process, asked.name)
        if wires is None:
            return False
        lent.mark(running.check_now)
        await running.answer(asked, caps=self._caps, files=tuple(wire.fileno() for wire in wires))
        for wire in wires:  # from here on it is theirs alone, and closed when they end
            wire.close()
        return True

    async def _result(self, running: Pytest, asked: Message, lent: "Lent") -> Check:
        check = running.check(asked) if asked.what == "result" else running.ended(asked)
        if lent.lent_to_test != asked.name:  # it has not had this machine
            return check
        if asked.deaf:
            await lent.give_up(check.id)
        why = await lent.gone()
        if why is None:
            return check
        told = f"the machine ended in it: {why}\n{check.detail}".rstrip()
        return msgspec.structs.replace(check, status=Status.FAIL, detail=told)


class Lent:
    """A guest that is lent to tests: sockets to its ports, and whether it is still there."""

    def __init__(self, guest: Guest, heard: Heard) -> None:
        self._guest, self._heard = guest, heard
        self.stop: Stop | None = None
        """How it came to its end, where that says something of the kernel."""
        self.lent_to_test: str | None = None
        """The test that had it last."""
        self._lent_to: object = None
        self._ended: Stop | None = None
        self._down = asyncio.Event()
        self._over = processes.Deadline.after(_SECONDS)

    @classmethod
    @contextlib.asynccontextmanager
    async def of(cls, guest: Guest, heard: Heard) -> AsyncIterator["Lent"]:
        lent = cls(guest, heard)
        watching = asyncio.create_task(lent._watch())
        try:
            yield lent
        finally:
            watching.cancel()
            await asyncio.wait({watching})

    @property
    def log(self) -> str:
        """What the kernel has printed."""
        return self._heard.console.text

    def takes(self, asked: Message) -> bool:
        """Whether a test may have it: it is there, has the time, and where that is asked for nobody had it before."""
        used = self.lent_to_test is not None
        in_time = self._over.left > longest(asked.seconds) or not used
        return not self._down.is_set() and in_time and not (asked.fresh and used)

    async def wires(self, to: object, test: str) -> tuple[socket.socket, ...] | None:
        """Sockets for a process that has none yet: a copy of the console, init's channel, and a monitor.

        The machine goes on, whatever a test has left behind. None where it is gone.
        """
        try:
            await self._guest.resume()
            monitor = self._guest.monitor() if self._lent_to != to else None
        except (GoneError, OSError) as error:
            self._end(Stop(How.GONE, str(error)))
            return None
        self.lent_to_test, self._lent_to = test, to
        if monitor is None:
            return ()
        return (*(port.bridged() for port in (self._heard.console, self._heard.results)), monitor)

    def mark(self, check: str) -> None:
        """Have a recording tell where a test begins."""
        if self._heard.cast is not None:
            self._heard.cast.mark(check)

    async def resume(self) -> None:
        """Have it go on, if it is there."""
        with contextlib.suppress(GoneError):
            await self._guest.resume()

    async def give_up(self, test: str) -> None:
        """A guest that does not answer any more is of no use to others."""
        if await self.gone() is None:
            self._end(Stop(How.STALL, f"no answer after {test}"))

    async def gone(self) -> str | None:
        """How it ended, if it did. Raises GoneError where that was this host's doing."""
        if not self._down.is_set() and not await self._guest.answers():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._down.wait(), _SETTLE_SECONDS)
            self._end(Stop(How.GONE, "QEMU does not answer on its monitor"))
        if self._ended == Stop(How.GONE, _KILLED):
            raise GoneError(_KILLED)
        return self._ended.detail if self._ended is not None else None

    async def _watch(self) -> None:
        self._end(await self._guest.wait(Unwatched()))

    def _end(self, stop: Stop) -> None:
        """It has come to its end; what is seen first counts."""
        if self._ended is None:
            self._ended = stop
            self.stop = None if stop.how in (How.GONE, How.DEADLINE) else stop
            self._down.set()
