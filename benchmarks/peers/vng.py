# SPDX-License-Identifier: GPL-2.0-only
"""virtme-ng, in a virtual environment of its own, and what it runs in a guest."""

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kseries.host import paths
from kseries.model import DEFAULT_MACHINE

_PINNED = "virtme-ng==1.42"
_SPEAKS = """#!/bin/sh
# On a host without udev nothing names vng's ports in the guest, and what a program says would be lost.
[ -e /dev/virtio-ports ] || for port in /sys/class/virtio-ports/*; do
	read name <"$port/name"
	[ "$name" != virtme.stdout ] || exec >"/dev/${port##*/}"
done
"""
_PATIENCE = 300
"""Seconds after which its user ends a guest that says nothing more: vng has no bound of its own."""


@dataclass(frozen=True)
class Vng:
    """How it is called here."""

    programs: Path
    home: Path

    @property
    def env(self) -> Mapping[str, str]:
        return {"PATH": f"{self.programs}:{os.environ['PATH']}", "HOME": str(self.home)}

    def words(self, kernel: Path, command: str) -> list[str]:
        """As its users do. It is spared three things: the compression of a bzImage, since QEMU boots the ELF file, too;
        the wait for QEMU 7.2's virtiofsd, which it does not take; and the wait for a guest that hangs.
        """
        machine = ["--cpus", str(DEFAULT_MACHINE.cpus), "--memory", f"{DEFAULT_MACHINE.memory}M"]
        # Without CONFIG_BLOCK the kernel mounts no 9p as its root that it is not told of (init/do_mounts.c).
        root = ["--force-9p", "--append", "root=/dev/root"]
        run = ["vng", "--run", str(kernel), "--disable-kvm", *root, *machine, "--exec", command]
        return ["timeout", "--kill-after=10", str(_PATIENCE), *run]


def installed(work: Path) -> Vng:
    """Make the environment, where it is not there."""
    place, home = work / "vng", work / "home"
    home.mkdir(exist_ok=True)
    if not (place / "bin" / "vng").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", place], check=True)
        subprocess.run([place / "bin" / "pip", "install", "--quiet", _PINNED], check=True)
    return Vng(place / "bin", home)


@dataclass(frozen=True)
class Guests:
    """Our probes, built once."""

    place: Path

    @property
    def script(self) -> Path:
        """Runs them all."""
        return self.place / "run.sh"

    def only(self, name: str) -> Path:
        """A script that runs one of them."""
        return _script(self.place / f"{name}.sh", [self.place / "probes" / name])


def build(source: Path, place: Path, log: Path) -> None:
    """Build them against the headers of a tree."""
    headers, guests = place / "headers", paths.project("guests")
    names = sorted(one.stem for one in (guests / "probes").glob("*.c") if one.stem != "surface")
    uapi = headers / "usr" / "include"
    probes = [f"OUT={place}", f"HEADERS={uapi}", f"PROBES={' '.join(names)}", "ours"]
    headers.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        for words in (["-C", str(source), f"O={headers}", "headers"], ["-C", str(guests), *probes]):
            subprocess.run(["make", *words], check=True, stdout=output, stderr=output)
    _script(Guests(place).script, [place / "probes" / name for name in names])


def _script(path: Path, probes: Iterable[Path]) -> Path:
    lines = (f"timeout {DEFAULT_MACHINE.probe_seconds} {probe}\n" for probe in probes)
    path.write_text(_SPEAKS + "".join(lines))
    path.chmod(0o755)
    return path
