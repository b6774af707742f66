# SPDX-License-Identifier: GPL-2.0-only
"""gdb on a machine that tests drive: QEMU's stub (docs/system/gdb.rst of QEMU), and the symbols of the kernel in it."""

import secrets
import shutil
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from kseries import arch as archs
from kseries.host import processes
from kseries.hosttest.machine import SECONDS, Monitor
from kseries.model.errors import InfraError


class DebuggerError(Exception):
    """What gdb has said against it."""


class Debugger:
    """Where the stub listens, and what a gdb says of the machine. The machine stands while one is attached."""

    def __init__(self, monitor: Monitor, arch: str, symbols: Path | None) -> None:
        self.symbols = symbols
        """The kernel's vmlinux; None where it is not known."""
        self._arch = arch
        self._place = tempfile.TemporaryDirectory(prefix="kseries-gdb-")
        self.address = str(Path(self._place.name) / "stub")
        """For gdb's ``target remote``."""
        name = f"gdb-{secrets.token_hex(4)}"  # the pytest before this one may have had one of this QEMU's
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(self.address)
            listening.listen()
            monitor.give(listening.fileno(), name)
        where = {"type": "fd", "data": {"str": name}}
        backend = {"type": "socket", "data": {"addr": where, "server": True, "wait": False}}
        monitor("chardev-add", id=name, backend=backend)
        said = monitor("human-monitor-command", command_line=f"gdbserver chardev:{name}")
        if "Waiting for gdb" not in said:
            raise DebuggerError(said.strip())

    def run(self, *commands: str, timeout: float = SECONDS) -> str:
        """What gdb prints for these commands; afterwards the machine goes on as it was.

        Skips where this host has no gdb for the machine. Raises DebuggerError, InfraError where it takes longer.
        """
        gdb = self._gdb()
        try:
            done = self._gave(gdb, commands, timeout)
        except InfraError:
            self._gave(gdb, (), SECONDS)  # what was killed has left its breakpoints behind, and the machine stopped
            raise
        if done.returncode != 0:
            raise DebuggerError(done.stderr.decode(errors="replace").strip() or f"exit status {done.returncode}")
        return done.stdout.decode(errors="replace")

    def _gave(self, gdb: str, commands: Sequence[str], seconds: float) -> processes.Done:
        given = (f"target remote {self.address}", *commands, "detach")
        words = (word for command in given for word in ("-ex", command))
        options = ("--batch", "--nx", "-iex", "set auto-load off")
        return processes.run([gdb, *options, *words, *self._file()], seconds=seconds)

    def close(self) -> None:
        self._place.cleanup()

    def _file(self) -> Sequence[str]:
        return [str(self.symbols)] if self.symbols is not None else []

    def _gdb(self) -> str:
        ours = archs.is_host(archs.get(self._arch).machine)
        names = ("gdb-multiarch", *(["gdb"] if ours else []))
        found = next(filter(None, map(shutil.which, names)), None)
        if found is None:
            pytest.skip(f"this host has no {names[-1]}")
        return found
