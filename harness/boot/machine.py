# SPDX-License-Identifier: GPL-2.0-only
"""One boot: start QEMU, listen to its channels, and say how it ended."""

import asyncio
import contextlib
import logging
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from qemu.qmp import EventListener, QMPClient, QMPError

from harness import ktap, proc
from harness.arch import Arch
from harness.boot import klog, qemu
from harness.errors import InfraError
from harness.model import Accel, Boot, Check, Outcome, Status

PROBE_SECONDS = 100
"""How long init lets one probe run."""
BOOT_SECONDS = 60.0
"""From QEMU's start to init's first line; under TCG it takes one."""
QUIT_SECONDS = 10.0
CHANNEL_LIMIT = 16 * 1024 * 1024
"""Bytes of a channel that are kept; a guest that prints more is read on and not remembered."""

# A machine that goes away is something we look for, not something to print a traceback of.
logging.getLogger("qemu.qmp").setLevel(logging.CRITICAL)


@dataclass
class Channel:
    """What the guest writes to one of its serial ports."""

    end: bytes | None = None
    data: bytearray = field(default_factory=bytearray)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when ``end`` stood in the data."""
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    first_result_at: float | None = None

    async def read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read until QEMU closes the channel; however the data is cut into pieces, ``end`` is found."""
        try:
            while chunk := await reader.read(65536):
                seen = max(0, len(self.data) - len(self.end or b""))
                self.data += chunk[: max(0, CHANNEL_LIMIT - len(self.data))]
                if self.first_result_at is None and b"ok 1 " in self.data:
                    self.first_result_at = time.monotonic()
                if self.end is not None and self.end in self.data[seen:]:
                    self.ended.set()
        except ConnectionError:
            pass  # QEMU died; how, its exit tells
        finally:
            writer.close()
            self.closed.set()

    @property
    def text(self) -> str:
        return self.data.decode(errors="replace")


class How(Enum):
    """What ended the wait for a guest."""

    END = "init said that it was done"
    DOWN = "the guest went down"
    DEADLINE = "nothing did, in time"
    GONE = "QEMU died"


@dataclass(frozen=True)
class Ending:
    """How the wait for the guest was over, and QEMU's words for it."""

    how: How
    detail: str = ""


async def boot(
    arch: Arch, accel: Accel, kernel: Path, initrd: Path, probes: tuple[str, ...], console_log: Path
) -> Boot:
    """Boot a kernel, run its probes, and judge the ending. Raises InfraError when QEMU itself is at fault."""
    proc.require(arch.qemu, arch.qemu_package)
    began = time.monotonic()
    console, results = Channel(), Channel(end=ktap.END.encode() + b"\n")
    with tempfile.TemporaryDirectory(prefix="kseries-") as scratch:
        sockets = qemu.Sockets(*(Path(scratch) / name for name in ("qmp", "console", "ktap")))
        command_line = qemu.kernel_command_line(arch, probes, PROBE_SECONDS)
        argv = qemu.argv(arch, accel, kernel, initrd, command_line, sockets)
        box = proc.Box(
            writable=(Path(scratch),),
            readable=(kernel, initrd),
            devices=(Path("/dev/kvm"),) if accel.name == "kvm" else (),
        )
        deadline = proc.Deadline.after(BOOT_SECONDS + PROBE_SECONDS * len(probes))
        async with _listening(sockets.console, console), _listening(sockets.ktap, results):
            ending = await _run(argv, box, sockets.qmp, results, deadline)
            for channel in (console, results):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(channel.closed.wait(), QUIT_SECONDS)
    console_log.write_bytes(console.data)
    report, log = ktap.parse(results.text), klog.read(console.text)
    outcome, detail = outcome_of(ending, report, log)
    first = results.first_result_at
    return Boot(
        outcome=outcome,
        detail=detail,
        seconds=time.monotonic() - began,
        seconds_to_first_check=first - began if first is not None else None,
        caps=report.caps,
        checks=with_splats(report.checks, log.splats),
        console=str(console_log),
    )


def outcome_of(ending: Ending, report: ktap.Report, log: klog.KernelLog) -> tuple[Outcome, str]:
    """What the ending of a boot says of the kernel. Raises InfraError when it says nothing of it."""
    if ending.how is How.GONE:
        raise InfraError(f"QEMU ended by itself: {ending.detail}")
    if ending.how is How.END:
        return Outcome.OK, ""
    panics = [splat.text for splat in log.splats if splat.panic]
    what = panics[0] if panics else ending.detail
    if not report.began:
        return Outcome.BOOT_FAILED, f"{what}, before the first probe"
    hung = ending.how is How.DEADLINE and not panics
    during = f", during {log.under_way}" if log.under_way else ""
    return Outcome.TIMED_OUT if hung else Outcome.CRASHED, what + during


def with_splats(checks: tuple[Check, ...], found: tuple[klog.Splat, ...]) -> tuple[Check, ...]:
    """The checks, failed where the kernel complained while they ran: ``ok`` after a WARNING is no pass."""
    during: dict[str, list[str]] = {}
    for splat in found:
        if splat.check is not None:
            during.setdefault(splat.check, []).append(splat.text)
    return tuple(_failed(check, during[check.id]) if check.id in during else check for check in checks)


def _failed(check: Check, complaints: list[str]) -> Check:
    said = [f"the kernel said: {text}" for text in complaints]
    status = check.status if check.status is Status.MISSING else Status.FAIL
    return Check(id=check.id, status=status, detail="\n".join([*said, *filter(None, [check.detail])]))


@contextlib.asynccontextmanager
async def _listening(path: Path, channel: Channel) -> AsyncIterator[None]:
    server = await asyncio.start_unix_server(channel.read, path)
    try:
        yield
    finally:
        server.close()


async def _run(argv: list[str], box: proc.Box, socket: Path, results: Channel, deadline: proc.Deadline) -> Ending:
    """Start QEMU, let the guest run until something ends it, and quit."""
    qmp = QMPClient("kseries")
    await qmp.start_server(str(socket))
    output: list[str] = []
    async with proc.start(argv, box) as process:
        said = asyncio.create_task(_collect(process, output, deadline))
        try:
            if not await _connected(qmp, said, deadline):
                return Ending(How.GONE, _last(output))
            with qmp.listener(["SHUTDOWN"]) as shutdown:
                await qmp.execute("cont")
                ending = await _first_ending(results, shutdown, said, output, deadline)
            with contextlib.suppress(QMPError, EOFError, ConnectionError, TimeoutError):
                async with asyncio.timeout(QUIT_SECONDS):
                    await qmp.execute("quit")
            return ending
        except (QMPError, EOFError, ConnectionError) as error:
            await asyncio.wait({said}, timeout=QUIT_SECONDS)
            return Ending(How.GONE, _last(output) or str(error))
        finally:
            said.cancel()
            with contextlib.suppress(QMPError, EOFError, ConnectionError):
                await qmp.disconnect()


async def _collect(process: proc.Running, output: list[str], deadline: proc.Deadline) -> None:
    """QEMU's own words; returns when it has ended."""
    with contextlib.suppress(proc.DeadlineError):
        async for line in process.lines(deadline):
            output[:] = [*output[-20:], line.decode(errors="replace")]


def _last(output: list[str]) -> str:
    return output[-1] if output else "no message"


async def _connected(qmp: QMPClient, gone: "asyncio.Task[None]", deadline: proc.Deadline) -> bool:
    """Wait for QEMU to connect; False if it ended instead."""
    accept = asyncio.create_task(qmp.accept())
    await asyncio.wait({accept, gone}, timeout=deadline.left, return_when=asyncio.FIRST_COMPLETED)
    if accept.done():
        accept.result()
        return True
    accept.cancel()
    await asyncio.wait({accept})
    return False


async def _first_ending(
    results: Channel,
    shutdown: EventListener,
    gone: "asyncio.Task[None]",
    output: list[str],
    deadline: proc.Deadline,
) -> Ending:
    """Whichever comes first: init's last line, the guest's going down, QEMU's death, the deadline."""
    ended = asyncio.create_task(results.ended.wait())
    down = asyncio.create_task(shutdown.get())
    try:
        await asyncio.wait({ended, down, gone}, timeout=deadline.left, return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            return Ending(How.END)
        if gone.done() and not down.done():
            # The event may still be on its way through the socket of a QEMU that is gone.
            await asyncio.wait({down}, timeout=1.0)
        if down.done():
            data: Any = down.result().get("data", {})
            return Ending(How.DOWN, f"the guest went down ({data.get('reason', 'unknown')})")
        if gone.done() and not deadline.passed:
            return Ending(How.GONE, _last(output))
        return Ending(How.DEADLINE, "no end in sight after the time limit")
    finally:
        for task in (ended, down):
            task.cancel()
