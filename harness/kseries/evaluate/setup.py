# SPDX-License-Identifier: GPL-2.0-only
"""What every state of a run has in common: as jobs tell it, and as this host has it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import msgspec

from kseries.arch import Arch
from kseries.cache import store
from kseries.guest.added import Files
from kseries.guest.sysroot import Sysroot
from kseries.kbuild.config import Config, Start
from kseries.kbuild.keptselftests import KeptSelftests
from kseries.model import DEFAULT_MACHINE, Accel, Conditions, HostFacts, Machine, NamedProgram, Probe, Record, Userland
from kseries.probes import kunit
from kseries.probes.hosttests import HostTest
from kseries.probes.programs import Program
from kseries.probes.selftests import Selftest
from kseries.probes.targets import Target


@dataclass(frozen=True)
class Setup:
    """What every state of a run has in common, on the host that evaluates it."""

    arch: Arch
    accel: Accel
    toolchain: str
    config: Config
    probes: tuple[Probe, ...]
    program: str
    repeat: int = 1
    programs: tuple[Program, ...] = ()
    selftests: tuple[Selftest, ...] = ()
    build_only: bool = False
    unboxed: bool = False
    """Such results are of no use to a run with boxes."""
    emulator: str = ""
    """What boots (guest/emulator.py), as ``toolchain`` is what builds."""
    machine: Machine = DEFAULT_MACHINE
    userland: Userland | None = None
    image: Path | None = None
    """Where this host has that userland."""
    added: Files | None = None
    kunit: tuple[str, ...] = ()
    """Globs of KUnit's suites."""
    suites: tuple[str, ...] = ()
    """Those that they mean, as far as the trees of a series have them."""
    targets: tuple[Target, ...] = ()
    host_tests: tuple[HostTest, ...] = ()
    sysroot: Sysroot | None = None
    record_console: bool = False
    """Such results have a recording, which a run that asks for none neither makes nor misses."""
    attempt: int = 0
    """Which time it is that the same is asked: an answer of before is none to it."""
    installed: KeptSelftests | None = None
    """What the guests of all states have of kselftest, where none has its own ``targets``."""

    @property
    def probe_names(self) -> tuple[str, ...]:
        """What contracts and results call its probes."""
        tests = (one.name for one in self.host_tests)
        return (*(probe.name for probe in self.probes), *map(kunit.probe, self.suites), *tests)

    def asking(self, probes: tuple[Probe, ...]) -> "Setup":
        """The same for a state that is asked these alone; all that is built stays what it is."""
        return self if probes == self.probes else replace(self, probes=probes)

    def under(self, conditions: Conditions) -> "Setup":
        """The same for a job that is asked other probes, or is asked again; all that is built stays what it is."""
        if conditions == self.conditions:
            return self
        return replace(self, probes=conditions.probes, repeat=conditions.repeat, attempt=conditions.attempt or 0)

    @cached_property
    def conditions(self) -> Conditions:
        """The same without what is this host's."""
        return Conditions(
            arch=self.arch.name,
            config=self.config.text,
            make=self.config.make,
            start=self.config.start if self.config.start is not Start.TINY else msgspec.UNSET,
            probes=self.probes,
            programs=_named(self.programs),
            selftests=tuple(f"{one.target}:{one.test}" for one in self.selftests),
            machine=self.machine,
            repeat=self.repeat,
            boots=False if self.build_only else msgspec.UNSET,
            boxed=not self.unboxed,
            userland=self.userland.digest if self.userland is not None else msgspec.UNSET,
            added=self.added.digest if self.added is not None else msgspec.UNSET,
            kunit=self.kunit or msgspec.UNSET,
            targets=tuple(one.word for one in self.targets) or msgspec.UNSET,
            host_tests=_named(self.host_tests) or msgspec.UNSET,
            sysroot=self.sysroot.digest if self.sysroot is not None else msgspec.UNSET,
            record_console=self.record_console or msgspec.UNSET,
            attempt=self.attempt or msgspec.UNSET,
            installed=self.installed.digest if self.installed is not None else msgspec.UNSET,
        )

    @cached_property
    def host(self) -> HostFacts:
        """What of this host its observations depend on."""
        return HostFacts(accel=Accel(name=self.accel.name, why=""), toolchain=self.toolchain, emulator=self.emulator)

    def key(self, *what: str) -> str:
        """The name under which the observation of a tree, or of an image, is stored."""
        # Whether somebody has asked for the accelerator does not matter: the host tells which it is.
        machine = msgspec.structs.replace(self.machine, accel=msgspec.UNSET)
        conditions = msgspec.structs.replace(self.conditions, machine=machine)
        return store.key(*what, *map(_text, (conditions, self.host)), self.program)


def _text(record: Record) -> str:
    return msgspec.json.encode(record).decode()


def _named(files: Sequence[Program | HostTest]) -> tuple[NamedProgram, ...]:
    return tuple(NamedProgram(name=one.name, digest=one.digest) for one in files)
