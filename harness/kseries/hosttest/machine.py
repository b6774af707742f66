# SPDX-License-Identifier: GPL-2.0-only
"""What a host-side test has of the machine: its console, programs in it, its monitor, and which state it is."""

import asyncio
import codecs
import contextlib
import re
import socket
import threading
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pexpect.socket_pexpect import SocketSpawn
from qemu.qmp import EventListener, QMPClient

from kseries.hosttest.control import Control
from kseries.hosttest.inside import Done, Inside, Program

T = TypeVar("T")
SECONDS = 60.0
"""For what a test waits for, unless it says otherwise."""
_MONITOR_SECONDS = 30.0
_POLL_SECONDS = 0.2
_READ = 64 * 1024
_PRINTED = 2000
"""Characters of a console that a test which fails shows, and lines."""
_PRINTED_LINES = 20


class GoneError(Exception):
    """There is no guest to be had, or it has gone."""


@dataclass(frozen=True)
class State:
    """The state that is booted."""

    arch: str
    caps: dict[str, int] = field(default_factory=dict)
    """What its kernel advertises, as the probes before the tests have told."""
    userland: bool = False
    id: str | None = None
    """What it is called; None within a run, where states with the same kernel have one result."""
    patches: tuple[int, ...] | None = None
    """Those of the series that are in it; None within a run."""


class _Tail:
    """The end of what a console has printed."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        lines = (self.text + text.replace("\r", ""))[-_PRINTED:].split("\n")
        self.text = "\n".join(lines[-_PRINTED_LINES:])


class Console(SocketSpawn):  # type: ignore[type-arg]  # which it takes in its stubs alone
    """pexpect on a socket, in text: its own SocketSpawn hands on the bytes that it reads, whatever encoding it has."""

    def __init__(self, wire: socket.socket, read: _Tail) -> None:
        super().__init__(wire, timeout=SECONDS, encoding="utf-8", codec_errors="replace")
        self._text = codecs.getincrementaldecoder("utf-8")("replace")
        self._read = read

    def read_nonblocking(self, size: int = 1, timeout: float | None = -1) -> str:
        text = self._text.decode(super().read_nonblocking(size, timeout))
        self._read.write(text)
        return text


class Guest:
    """A booted kernel whose probes have run."""

    def __init__(self, control: Control, state: State, console: socket.socket, programs: socket.socket) -> None:
        self._wire = console
        self._read = _Tail()
        self.console = Console(self._wire, self._read)
        """What the kernel and init print from here on, and where a test types (pexpect)."""
        self._control, self._state = control, state
        self._inside = Inside(programs)

    def run(self, command: str | Sequence[str], timeout: float = SECONDS) -> Done:
        """Run a program where the probes are, by its path and words; or a line of shell, in the userland.

        Raises InsideError where it does not run, or is not done in so many seconds.
        """
        return self._inside.run(self._words(command), timeout, userland=isinstance(command, str))

    def start(self, command: str | Sequence[str]) -> Program:
        """The same, without waiting for its end: lines go in and out."""
        return self._inside.start(self._words(command), userland=isinstance(command, str))

    def log(self) -> str:
        """The kernel's log since it booted."""
        answer, _ = self._control.ask("log")
        return str(answer["text"])

    def wait_for(self, pattern: str, timeout: float = SECONDS) -> re.Match[str]:
        """Wait until the kernel's log has something, a regular expression. Raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while (found := re.search(pattern, self.log(), re.MULTILINE)) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the kernel's log has no {pattern!r} after {timeout:g} s")
            time.sleep(_POLL_SECONDS)
        return found

    def _words(self, command: str | Sequence[str]) -> Sequence[str]:
        if not isinstance(command, str):
            return command
        if not self._state.userland:
            raise GoneError(f"there is no shell for {command!r}: this run has no --userland")
        return ("/bin/sh", "-c", command)

    def renew(self) -> None:
        """Forget what was printed before: it is no answer to what comes now."""
        self._drain()
        self._read = _Tail()
        self.console = Console(self._wire, self._read)

    def printed(self) -> str:
        """The last lines that its console has printed since the test began, read or not."""
        self._read.write(self._drain().decode(errors="replace"))
        return self._read.text

    def _drain(self) -> bytes:
        """What is there to be read, of which the last counts."""
        found = b""
        with contextlib.suppress(OSError):
            while piece := self._wire.recv(_READ, socket.MSG_DONTWAIT):
                found = (found + piece)[-_READ:]
        return found

    def mark(self, what: str) -> None:
        self._inside.mark(what)

    def close(self) -> None:
        self._wire.close()


class Monitor:
    """QEMU's monitor, one of the test's own (QMP: docs/interop/qemu-qmp-ref of QEMU)."""

    def __init__(self, wire: socket.socket) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._client = QMPClient("host-test")
        self._events = EventListener()
        self._client.register_listener(self._events)
        self._do(self._client.connect(wire), _MONITOR_SECONDS)

    def __call__(self, command: str, timeout: float = _MONITOR_SECONDS, **arguments: object) -> Any:
        """Execute a command: ``qmp("stop")``, ``qmp("device_del", id="nic")``; a _ of its words is a -.

        Raises qemu.qmp.ExecuteError where QEMU refuses it, TimeoutError.
        """
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        return self._do(self._client.execute(command, named or None), timeout)

    def event(self, *names: str, timeout: float = _MONITOR_SECONDS) -> dict[str, Any]:
        """The next event that is called so, or any; those before it are passed over. Raises TimeoutError."""

        async def wait() -> dict[str, Any]:
            while True:
                event = dict(await self._events.get())
                if not names or event["event"] in names:
                    return event

        return self._do(wait(), timeout)

    def lend(self, file: int) -> str:
        """Have QEMU have an open file; what its block devices call it. Raises as a command does.

        It stays open there until ``remove-fd`` is told the number in that name.
        """

        taken = self._do(self._sent(file, "add-fd"), _MONITOR_SECONDS)
        return f"/dev/fdset/{taken['fdset-id']}"

    def give(self, file: int, name: str) -> None:
        """Have QEMU have an open socket, by a name for one command that takes it. Raises as a command does."""
        self._do(self._sent(file, "getfd", {"fdname": name}), _MONITOR_SECONDS)

    def renew(self) -> None:
        """Forget the events that have come: they tell of what was before."""
        self._loop.call_soon_threadsafe(self._events.clear)

    def close(self) -> None:
        with contextlib.suppress(Exception):  # whatever it says of a QEMU that is gone
            self._do(self._client.disconnect(), _MONITOR_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _sent(self, file: int, command: str, arguments: dict[str, object] | None = None) -> Any:
        self._client.send_fd_scm(file)
        return await self._client.execute(command, arguments)

    def _do(self, work: Coroutine[Any, Any, T], seconds: float) -> T:
        return asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, seconds), self._loop).result()
