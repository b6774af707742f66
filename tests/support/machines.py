# SPDX-License-Identifier: GPL-2.0-only
"""Machines that end on purpose: a mutant kernel, and a probe that asks it for the ending that it is named after."""

import asyncio
import dataclasses
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from kseries.arch import Arch
from kseries.guest import machine
from kseries.host import paths
from kseries.kbuild import initramfs
from kseries.model import DEFAULT_MACHINE, Boot, Check, Probe
from tests.support.lab import MUTANTS, Lab

_PROBES = Path(__file__).parents[1] / "guest" / "probes"
_GUESTS = paths.project("guests")
_GCC = ("gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-static")


class Machines:
    """Boots the mutant with any of the endings' names for probes."""

    def __init__(self, lab: Lab, home: Path) -> None:
        self.home = home
        self.arch = lab.arch
        self.accel = lab.setup.accel
        self._trees = lab.trees
        self._tree = lab.trees.apply(lab.base.tree, (MUTANTS / "endings.patch").read_bytes())
        built = asyncio.run(lab.worker.build_alone(self._tree, home / "build"))
        assert built.kernel is not None, built.errors
        self.kernel = Path(built.kernel)
        self._init = init_program(home / "init")
        self._probe = probe_program(home / "programs", "ending", self.arch)
        self.machine = DEFAULT_MACHINE
        self.booted = 0
        self._boots: dict[tuple[str, ...], Boot] = {}

    def source(self, path: str) -> list[str]:
        """The lines of a file of the mutant's source."""
        return (self._trees.file(self._tree, path) or b"").decode().split("\n")

    def image(self, *probes: str, init: bool = True) -> Path:
        """An initramfs that has the probe under these names."""
        self.booted += 1
        top = self.home / f"boot-{self.booted}"
        (top / "probes").mkdir(parents=True)
        if init:
            shutil.copy(self._init, top / "init")
        else:
            (top / "init").write_text("no program")
        for name in probes:
            shutil.copy(self._probe, top / "probes" / name)
        initramfs.write(top / "initrd.cpio", top)
        return top / "initrd.cpio"

    async def start(self, *probes: str, init: bool = True, cpu: str | None = None) -> Boot:
        """Boot, and see how it ends. The console is in ``console.log`` beside the image."""
        image = self.image(*probes, init=init)
        arch = dataclasses.replace(self.arch, cpu={self.accel.name: cpu}) if cpu else self.arch
        return await machine.boot(
            arch,
            self.accel,
            machine.Image(self.kernel, self.kernel, image),
            tuple(map(Probe.ours, probes)),
            image.with_name("console.log"),
            machine=self.machine,
        )

    def boot(self, *probes: str, init: bool = True, cpu: str | None = None) -> Boot:
        return asyncio.run(self.start(*probes, init=init, cpu=cpu))

    def booted_once(self, *probes: str) -> Boot:
        """One boot for all tests that look at it."""
        if probes not in self._boots:
            self._boots[probes] = self.boot(*probes)
        return self._boots[probes]


def checks(boot: Boot) -> Mapping[str, Check]:
    return {check.id: check for check in boot.checks}


def init_program(program: Path) -> Path:
    sources = sorted(map(str, (_GUESTS / "init").glob("*.c")))
    subprocess.run([*_GCC, f"-I{_GUESTS / 'lib'}", *sources, "-o", str(program)], check=True, timeout=120)
    return program


def probe_program(out: Path, name: str, arch: Arch) -> Path:
    """The probe of this name, which is for the tests alone, made below ``out`` with this host's headers."""
    words = (f"OUT={out}", "HEADERS=/usr/include", f"ARCH={arch.name}", f"PROGRAMS={_PROBES / f'{name}.c'}")
    subprocess.run(["make", "--silent", f"--directory={_GUESTS}", *words, "theirs"], check=True, timeout=120)
    return out / "programs" / name
