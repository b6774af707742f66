# SPDX-License-Identifier: GPL-2.0-only
"""One probing boot: a guest that runs its probes, listened to until there is no more to come, and judged."""

import dataclasses
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from msgspec.structs import replace

from kseries.arch import Arch
from kseries.guest import channel, complaints, ending, folder, klog, load, qemu, trace
from kseries.guest.asciicast import Cast
from kseries.guest.channel import Channel
from kseries.guest.ending import How, Judged, Stop
from kseries.guest.guest import Guest
from kseries.guest.liveness import Watch
from kseries.host import processes
from kseries.kbuild import initramfs
from kseries.model import DEFAULT_MACHINE, Accel, Boot, Check, Ending, Machine, Origin, Probe
from kseries.probes import ktap, printed

_EXECUTED = "executed"
"""The file into which QEMU logs what runs."""


@dataclass(frozen=True)
class Image:
    """What one boot is made of, and the ELF file that tells what is where in the kernel."""

    kernel: Path
    symbols: Path
    initrd: Path
    userland: Path | None = None

    @property
    def archives(self) -> bytes:
        """All that the guest's root begins with, whatever is asked of it there."""
        return self.initrd.read_bytes() + initramfs.userland(self.userland)


async def boot(
    arch: Arch,
    accel: Accel,
    image: Image,
    probes: tuple[Probe, ...],
    console_log: Path,
    watched: tuple[tuple[int, int], ...] = (),
    machine: Machine = DEFAULT_MACHINE,
    added: Path | None = None,
) -> Boot:
    """Boot a kernel, run its probes, and judge the ending. Raises InfraError when QEMU itself is at fault.

    The arguments are those of Booting, and of boot_as().
    """
    return await boot_as(Booting(arch, accel, image, machine, watched, added), probes, console_log)


@dataclass(frozen=True)
class Booting:
    """What every boot of a kernel has in common."""

    arch: Arch
    accel: Accel
    image: Image
    machine: Machine = DEFAULT_MACHINE
    watched: tuple[tuple[int, int], ...] = ()
    """Addresses of which a boot tells what has run (coverage/tracepoints.py)."""
    added: Path | None = None
    """An archive of the user's files (added.py)."""
    cast: Cast | None = None
    """What records the consoles of all these boots, where somebody asks for it."""


class Driver(Protocol):
    """Who has a guest once its probes have run (driven.py)."""

    seconds: float
    """For all that it does with one."""

    async def drive(self, guest: Guest, heard: "Heard") -> Stop | None:
        """Do it; how the guest came to its end by that, if it did."""
        ...

    def checks(self) -> tuple[Check, ...]:
        """What came of it since this was asked."""
        ...


async def boot_as(
    booting: Booting,
    probes: tuple[Probe, ...],
    console_log: Path,
    words: tuple[str, ...] = (),
    driver: Driver | None = None,
) -> Boot:
    """The same of a kernel that is told some ``words`` more on its command line, and that somebody may drive."""
    more = driver.seconds if driver is not None else 0.0
    heard = Heard(booting.machine, console_log, seconds(booting.machine, probes) + more, cast=booting.cast)
    stop = await listen(booting, heard, probes, words, driver)
    return await _told(booting.arch, booting.image, probes, heard, stop, driver.checks() if driver is not None else ())


class Heard:
    """What is heard of a guest since it began, what is seen beside it, and how long it has left."""

    def __init__(
        self, machine: Machine, log: Path, seconds: float, *, kunit: bool = False, cast: Cast | None = None
    ) -> None:
        self.began = time.monotonic()
        self.log = log
        self.busy = True
        """Whether this host had other work meanwhile."""
        self.executed: tuple[int, ...] = ()
        self.watch = Watch(machine, kunit=kunit)
        self.cast = cast
        if cast is not None:
            cast.boot()
        self.console = Channel(self.watch.console_line, channel.LIMIT, cast)
        self.results = Channel(self.watch.results_line, channel.LIMIT)
        self.deadline = processes.Deadline.after(seconds)


async def listen(
    booting: Booting, heard: Heard, probes: tuple[Probe, ...], words: tuple[str, ...], driver: Driver | None = None
) -> Stop:
    """Boot a kernel that is told some words more and runs its probes, and hear what it says until something stops it.

    Raises InfraError.
    """
    arch, accel, image, machine = booting.arch, booting.accel, booting.image, booting.machine
    processes.require(arch.qemu, arch.qemu_package)
    load_before = load.now()
    with tempfile.TemporaryDirectory(prefix="kseries-") as scratch:
        place = Path(scratch) / "qemu"
        listing = initramfs.listing(probes, machine.probe_seconds)
        files = booting.added.read_bytes() if booting.added is not None else b""
        folder.make(place, image.archives + listing + files, machine)
        executed = qemu.Trace(_EXECUTED, booting.watched) if booting.watched else None
        line = qemu.kernel_command_line(arch, machine, words)
        argv = partial(qemu.argv, arch, accel, image.kernel, folder.INITRD, line, trace=executed, machine=machine)
        try:
            box = folder.box(place, accel, machine, image.kernel, saves=driver is not None)
            stop = await _run(argv, box, heard, driver)
        finally:
            heard.log.write_bytes(heard.console.data)
        heard.executed = qemu.instructions(place, _EXECUTED)
    heard.busy = load.busy(load_before, load.now(), load.cpus())
    return stop


def seconds(machine: Machine, probes: tuple[Probe, ...]) -> float:
    """The longest that a boot may take."""
    return machine.boot_seconds + sum(probe.seconds or machine.probe_seconds for probe in probes)


async def _run(
    argv: Callable[[qemu.Sockets], list[str]], box: processes.Box, heard: Heard, driver: Driver | None
) -> Stop:
    """Start QEMU, let the guest run until something stops it, and quit; what it has printed is read to its end."""
    lent = driver is not None
    async with Guest.start(argv, box, heard.console, heard.results, heard.deadline, lent=lent) as guest:
        await guest.resume()
        stop = await guest.wait(heard.watch)
        if driver is not None and stop.how is How.END:
            stop = await driver.drive(guest, heard) or stop
        await guest.stop()
    return stop


async def _told(
    arch: Arch, image: Image, probes: tuple[Probe, ...], heard: Heard, stop: Stop, driven: tuple[Check, ...]
) -> Boot:
    """What both channels say, in the light of how it stopped. Raises GoneError where QEMU itself did."""
    report = ktap.parse(heard.results.text)
    running = report.running([probe.name for probe in probes])
    report = dataclasses.replace(report, checks=(*report.checks, *driven))
    told = await tell(arch, image, heard, stop, report, heard.console.text, running)
    commands = [probe.name for probe in probes if probe.origin is Origin.COMMAND]
    return replace(told, printed=printed.of(heard.results.text, commands)) if commands else told


async def tell(
    arch: Arch, image: Image, heard: Heard, stop: Stop, report: ktap.Report, log: str, running: str | None
) -> Boot:
    """What a boot came to: ``report`` is what it said, ``log`` the kernel's with marks, and ``running`` ran at last.

    Raises GoneError where QEMU itself stopped.
    """
    said = klog.read(log)
    judged = ending.judge(stop, report, said, busy=heard.busy)
    found = complaints.found(log)
    told = await _decoded(judged, log, image, arch, found)
    first = heard.watch.first_result_at
    return Boot(
        outcome=judged.outcome,
        ending=judged.ending,
        detail=judged.detail,
        seconds=time.monotonic() - heard.began,
        seconds_to_first_check=first - heard.began if first is not None else None,
        caps=report.caps,
        surface=report.surface,
        disputed=report.disputed,
        checks=ending.settled(report.checks, judged, said, running),
        console=str(heard.log),
        log_tail=told.tail,
        trace=told.frames,
        begun=report.begun,
        ended=tuple(report.probes),
        ended_in=ending.ended_in(judged, said, running),
        executed=heard.executed,
        complaints=complaints.placed(found, told.places, busy=heard.busy),
    )


async def _decoded(
    judged: Judged, log: str, image: Image, arch: Arch, found: tuple[complaints.Found, ...]
) -> trace.Decoded:
    """The log of a boot that did not end as it should, with places in the source."""
    if judged.ending is Ending.DONE:
        return trace.Decoded("", ())
    return await trace.decode(log, image.symbols, arch, complaints.spots(found))
