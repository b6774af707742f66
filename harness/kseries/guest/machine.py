# SPDX-License-Identifier: GPL-2.0-only
"""One boot: start QEMU, listen to its channels and to QMP, and stop when there is no more to come."""

import asyncio
import contextlib
import logging
import socket
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qemu.qmp import EventListener, QMPClient, QMPError

from kseries.arch import Arch
from kseries.guest import channel, complaints, ending, folder, klog, load, qemu, trace
from kseries.guest.channel import Channel
from kseries.guest.ending import How, Stop
from kseries.guest.liveness import Watch
from kseries.host import processes
from kseries.kbuild import initramfs
from kseries.model import DEFAULT_MACHINE, Accel, Boot, Ending, Machine
from kseries.probes import ktap

_EXECUTED = "executed"
"""The file into which QEMU logs what runs."""
CONNECT_SECONDS = 60.0
"""For QEMU to come up, which it does in a tenth of a second."""
QUIT_SECONDS = 10.0
"""For QEMU to do as it is told, and for a kernel in panic to come down."""

# A machine that goes away is something we look for, not something to print a traceback of.
logging.getLogger("qemu.qmp").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Image:
    """What one boot is made of, and the ELF file that tells what is where in the kernel."""

    kernel: Path
    symbols: Path
    initrd: Path


async def boot(
    arch: Arch,
    accel: Accel,
    image: Image,
    probes: tuple[str, ...],
    console_log: Path,
    watched: tuple[tuple[int, int], ...] = (),
    machine: Machine = DEFAULT_MACHINE,
) -> Boot:
    """Boot a kernel, run its probes, and judge the ending. Raises InfraError when QEMU itself is at fault.

    ``watched`` are addresses of which the boot tells what has run (exercised/watch.py).
    """
    processes.require(arch.qemu, arch.qemu_package)
    began, load_before = time.monotonic(), load.now()
    guest = _Guest(probes, machine)
    with tempfile.TemporaryDirectory(prefix="kseries-") as scratch, _Wires() as wires:
        place = Path(scratch) / "qemu"
        folder.make(place, image.initrd.read_bytes() + initramfs.listing(probes), machine)
        command_line = qemu.kernel_command_line(arch, machine)
        executed = qemu.Trace(_EXECUTED, watched) if watched else None
        argv = qemu.argv(arch, accel, image.kernel, folder.INITRD, command_line, wires.theirs, executed, machine)
        box = folder.box(place, image.kernel, accel, machine)
        stop = await _run(argv, box, wires, guest)
        ran = qemu.instructions(place, _EXECUTED)
    busy = load.busy(load_before, load.now(), load.cpus())
    console_log.write_bytes(guest.console.data)
    report, said = ktap.parse(guest.results.text), klog.read(guest.console.text)
    judged = ending.judge(stop, report, said)
    told = trace.Decoded("", ())
    found = complaints.found(guest.console.text)
    if judged.ending is not Ending.DONE:
        told = await trace.decode(guest.console.text, image.symbols, arch, complaints.spots(found))
    first = guest.watch.first_result_at
    return Boot(
        outcome=judged.outcome,
        ending=judged.ending,
        detail=judged.detail,
        seconds=time.monotonic() - began,
        seconds_to_first_check=first - began if first is not None else None,
        caps=report.caps,
        disputed=report.disputed,
        checks=ending.settled(report.checks, judged, said, report.running(probes)),
        console=str(console_log),
        log_tail=told.tail,
        trace=told.frames,
        begun=report.begun,
        ended=tuple(report.probes),
        executed=ran,
        complaints=complaints.placed(found, told.places, busy=busy),
    )


def seconds(machine: Machine, probes: tuple[str, ...]) -> float:
    """The longest that a boot may take."""
    return machine.boot_seconds + machine.probe_seconds * len(probes)


class _Guest:
    """What is heard of a guest, and how long it has left."""

    def __init__(self, probes: tuple[str, ...], machine: Machine) -> None:
        self.watch = Watch(machine)
        self.console = Channel(self.watch.console_line, channel.LIMIT)
        self.results = Channel(self.watch.results_line, channel.LIMIT)
        self.deadline = processes.Deadline.after(seconds(machine, probes))


class _Wires:
    """The sockets between us and a QEMU: our ends, and those that it inherits."""

    def __enter__(self) -> "_Wires":
        self._pairs = [socket.socketpair() for _ in range(3)]
        (self.qmp, _), (self.console, _), (self.results, _) = self._pairs
        return self

    @property
    def theirs(self) -> qemu.Sockets:
        return qemu.Sockets(*(theirs.fileno() for _, theirs in self._pairs))

    def hand_over(self) -> None:
        """Leave their ends to QEMU alone, so that ours are closed when it ends."""
        for _, theirs in self._pairs:
            theirs.close()

    def __exit__(self, *_: object) -> None:
        for ours, theirs in self._pairs:
            ours.close()
            theirs.close()


@contextlib.asynccontextmanager
async def _read(wires: _Wires, guest: _Guest) -> AsyncIterator[None]:
    """Read both of a guest's ports, at last until QEMU, which has ended, has closed them."""
    ports = ((wires.console, guest.console), (wires.results, guest.results))
    reading = [asyncio.create_task(port.read(*await asyncio.open_unix_connection(sock=end))) for end, port in ports]
    try:
        yield
        await asyncio.wait(reading, timeout=QUIT_SECONDS)
    finally:
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)


async def _run(argv: list[str], box: processes.Box, wires: _Wires, guest: _Guest) -> Stop:
    """Start QEMU, let the guest run until something stops it, and quit; what it has printed is read to its end."""
    theirs = wires.theirs
    async with _read(wires, guest), processes.start(argv, box, (theirs.qmp, theirs.console, theirs.ktap)) as process:
        wires.hand_over()
        return await _watched(process, wires.qmp, guest)


async def _watched(process: processes.Running, monitor: socket.socket, guest: _Guest) -> Stop:
    """How a machine stops that waits for the word to begin."""
    qmp = QMPClient("kseries")
    output: list[str] = []
    said = asyncio.create_task(_collect(process, output, guest.deadline))
    try:
        if not await _connected(qmp, monitor, said, processes.Deadline.after(CONNECT_SECONDS)):
            return await _death(process, said, output)
        with qmp.listener(["SHUTDOWN", "GUEST_PANICKED"]) as events:
            async with asyncio.timeout(QUIT_SECONDS):
                await qmp.execute("cont")
            stop = await _stop(guest, events, said)
            if stop.how in (How.STALL, How.DEADLINE):
                stop = await _whose(stop, qmp)
        with contextlib.suppress(QMPError, EOFError, ConnectionError, TimeoutError):
            async with asyncio.timeout(QUIT_SECONDS):
                await qmp.execute("quit")
        return stop if stop.how is not How.GONE or stop.detail else await _death(process, said, output)
    except (QMPError, EOFError, ConnectionError):
        return await _death(process, said, output)
    except TimeoutError:
        return Stop(How.GONE, "it does not answer on its monitor")
    finally:
        said.cancel()
        with contextlib.suppress(QMPError, EOFError, ConnectionError, TimeoutError):
            async with asyncio.timeout(QUIT_SECONDS):
                await qmp.disconnect()


async def _whose(stop: Stop, qmp: QMPClient) -> Stop:
    """The same, where QEMU runs its guest: else it is not the guest that got no further."""
    try:
        async with asyncio.timeout(QUIT_SECONDS):
            seen = await qmp.execute("query-status")
    except TimeoutError:
        return Stop(How.GONE, "it does not answer on its monitor")
    # "internal-error": the accelerator gave up (QEMU: qapi/run-state.json, RunState). "paused": somebody else's doing.
    state = str(dict(seen).get("status")) if isinstance(seen, dict) else "?"
    return stop if state == "running" else Stop(How.GONE, f"it has stopped running its guest ({state})")


async def _collect(process: processes.Running, output: list[str], deadline: processes.Deadline) -> None:
    """QEMU's own words; returns when it has ended."""
    with contextlib.suppress(processes.DeadlineError):
        async for line in process.lines(deadline):
            output[:] = [*output[-20:], line.decode(errors="replace")]


async def _death(process: processes.Running, said: "asyncio.Task[None]", output: list[str]) -> Stop:
    """How a QEMU ended that nobody told to: its last words, or else its exit status."""
    await asyncio.wait({said}, timeout=QUIT_SECONDS)
    if output:
        return Stop(How.GONE, output[-1])
    try:
        # bwrap(1) passes a status on as a shell does: 128 + N for one that signal N killed.
        return Stop(How.GONE, f"exit status {await process.wait(processes.Deadline.after(QUIT_SECONDS))}")
    except processes.DeadlineError:
        return Stop(How.GONE, "it does not answer on its monitor")


async def _connected(
    qmp: QMPClient, monitor: socket.socket, gone: "asyncio.Task[None]", deadline: processes.Deadline
) -> bool:
    """Wait for QEMU to greet us; False if it ended instead."""
    greeted = asyncio.create_task(qmp.connect(monitor))
    await asyncio.wait({greeted, gone}, timeout=deadline.left, return_when=asyncio.FIRST_COMPLETED)
    if greeted.done():
        # One that dies right after its greeting meets an assert at the end of connect() (qemu.qmp, protocol.py).
        if isinstance(greeted.exception(), AssertionError):
            return False
        greeted.result()
        return True
    greeted.cancel()
    await asyncio.wait({greeted})
    return False


async def _stop(guest: _Guest, events: EventListener, gone: "asyncio.Task[None]") -> Stop:
    """Wait for whichever comes first: init's last line, the guest's going down, QEMU's death, no progress."""
    ended = asyncio.create_task(guest.watch.ended.wait())
    down = asyncio.create_task(_shutdown(events))
    full = [asyncio.create_task(port.full.wait()) for port in (guest.console, guest.results)]
    try:
        while True:
            patience = min(guest.watch.left, guest.deadline.left)
            await asyncio.wait({ended, down, gone, *full}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                return Stop(How.END)
            if gone.done() and not down.done():
                # The event may still be on its way through the socket of a QEMU that is gone.
                await asyncio.wait({down}, timeout=1.0)
            if down.done():
                return down.result()
            if gone.done() and not guest.deadline.passed:
                return Stop(How.GONE)
            if any(task.done() for task in full):
                return Stop(How.FLOOD, "it printed without end")
            if guest.deadline.passed:
                return Stop(How.DEADLINE, "it was not done within the time limit of all its probes")
            if not guest.watch.left:
                return Stop(How.STALL, guest.watch.stall)
    finally:
        for task in (ended, down, *full):
            task.cancel()


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
