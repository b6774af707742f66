# SPDX-License-Identifier: GPL-2.0-only
"""A QEMU that is killed between any two words of its monitor: the host's fault, told as such, and nobody's verdict.

In its place stands a program that says so many of them and dies.
"""

import asyncio
import os
from pathlib import Path

import pytest

from kseries import arch as archs
from kseries.guest import machine
from kseries.model import Accel, Probe
from kseries.model.errors import InfraError

ARCH = archs.get("x86_64")
QEMU = """#!/usr/bin/python3
import socket, sys, time
sockets = [socket.socket(fileno=int(word.partition("fd=")[2])) for word in sys.argv if word.startswith("socket,id=")]
monitor = sockets[0]
greeting = b'{"QMP": {"version": {"qemu": {"micro": 0, "minor": 0, "major": 9}, "package": ""}, "capabilities": []}}'
for word in [greeting, b'{"return": {}}', b'{"return": {}, "id": "__qmp#00000"}'][:WORDS]:
    monitor.sendall(word + b"\\r\\n")
    if word is not greeting:
        monitor.recv(4096)
monitor.close()
time.sleep(0.3)  # its end is heard of later than that of what it says
sys.exit(7)
"""


@pytest.mark.parametrize("words", range(4))
async def test_the_run_goes_on(words: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / ARCH.qemu).write_text(QEMU.replace("WORDS", str(words)))
    (tools / ARCH.qemu).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    image = machine.Image(*(tmp_path / name for name in ("kernel", "vmlinux", "initrd")))
    for path in (image.kernel, image.symbols, image.initrd):
        path.touch()
    async with asyncio.timeout(60):
        with pytest.raises(InfraError, match="exit status 7"):
            await machine.boot(ARCH, Accel(name="tcg", why=""), image, (Probe.ours("capabilities"),), tmp_path / "log")
