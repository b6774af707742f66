# SPDX-License-Identifier: GPL-2.0-only
"""What differs by architecture: one record each, one file each. Nothing elsewhere asks which it is.

A module of this folder that holds an ``ARCH`` is an architecture; there is no list of them.
"""

import functools
import importlib
import os
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from msgspec import UNSET

from kseries.arch.heads import Head
from kseries.arch.syscalls import Syscalls
from kseries.model import Accel, Machine
from kseries.model.errors import InputError, in_words


@dataclass(frozen=True)
class Toolchain:
    """What compiles for an architecture, and the Debian packages that bring it."""

    prefix: str
    """CROSS_COMPILE=, empty for a native build."""
    compiler_package: str
    binutils_package: str
    libc_package: str
    """The headers and the static libraries of the probes."""


def toolchain(machine: str, triplet: str, debian: str) -> Toolchain:
    """The native one on a host that is such a ``machine`` (uname -m), else Debian's cross compiler.

    ``triplet`` is GNU's name of the architecture, ``debian`` Debian's.
    """
    if is_host(machine):
        return Toolchain("", "gcc", "binutils", "libc6-dev")
    package = triplet.replace("_", "-")
    return Toolchain(f"{triplet}-", f"gcc-{package}", f"binutils-{package}", f"libc6-dev-{debian}-cross")


def is_host(machine: str) -> bool:
    """True where this host is such a machine (uname -m), so that its KVM runs that architecture's guests."""
    return os.uname().machine == machine


def accel_of_host(machine: str, nests: Callable[[int], str], lacks: str) -> Accel:
    """KVM if it offers its guests what a hypervisor needs. That /dev/kvm is there does not say so.

    ``nests`` asks the open /dev/kvm what it offers, empty for nothing, and may raise OSError; ``lacks`` says what is
    not offered then.
    """
    if not is_host(machine):
        return Accel(name="tcg", why=f"this host is no {machine} machine")
    try:
        kvm = _open_kvm()
    except OSError as error:
        return Accel(name="tcg", why=f"/dev/kvm: {in_words(error)}")
    try:
        offered = nests(kvm)
    except OSError as error:
        return Accel(name="tcg", why=f"/dev/kvm does not tell what it supports: {in_words(error)}")
    finally:
        os.close(kvm)
    if offered:
        return Accel(name="kvm", why=f"this host's KVM offers its guests {offered}")
    return Accel(name="tcg", why=f"this host's KVM offers its guests {lacks}, so no nested guest can run on it")


def _open_kvm() -> int:
    """Raises OSError."""
    return os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)


@dataclass(frozen=True)
class Arch:
    """Everything about an architecture that a build or a boot has to know."""

    name: str
    machine: str
    """What uname -m says on such a machine."""
    make_arch: str
    """ARCH= of the kernel's Makefile, and the folder below arch/ in which that finds it."""
    source: str
    debian: str
    """What Debian calls it."""
    elf_machine: int
    """e_machine of its programs (elf(5))."""
    toolchain: Toolchain
    make: tuple[str, ...]
    """Further words for make."""
    kernel_target: str
    """The make target that QEMU boots, and its path below the build folder. Symbols are those of vmlinux."""
    kernel_path: str
    config: str
    """The config fragment, below kernels/."""
    defconfig: str
    """The kernel's own configuration, a path in its tree (KBUILD_DEFCONFIG)."""
    pci: str
    """The fragment by which a kernel finds disks and devices on PCI, which it has no use for otherwise."""
    qemu: str
    qemu_package: str
    board: str
    """QEMU's -machine."""
    cpu: dict[str, str]
    """The -cpu of each accelerator."""
    console: str
    """console= of the kernel log."""
    ktap: str
    """The device of the probes' channel, below /dev."""
    channels: Callable[[str, str], tuple[str, ...]]
    """QEMU's arguments for (console chardev, KTAP chardev)."""
    panic_device: tuple[str, ...]
    """QEMU's arguments for the device by which a panic reaches QMP as GUEST_PANICKED; empty where there is none."""
    words: tuple[str, ...]
    """What each of its kernels is told, since it runs on no machine of its own."""
    stopped: tuple[str, ...]
    """Words for a kernel whose machine is stopped and goes on: of two clocks it may then blame one for the gap."""
    accel: Callable[[], Accel]
    """The accelerator under which a guest of this host can itself be a hypervisor, and why."""
    heads: tuple[Head, ...]
    """The first lines of complaints that only its own code prints, in the order in which they are tried."""
    died: str
    """The text at the head of an oops, before its error code and number: a regular expression."""
    counter: str
    """What stands before the symbol of the program counter, in a line that tells of registers: a regular expression."""
    link: str
    """What stands before that of the register with the address to return to; empty where there is none."""
    reporters: str
    """Its functions that tell of a mistake, and have not made it: a regular expression."""
    syscalls: Syscalls
    """Those of a host of this architecture."""
    rank: int = 100
    """Its place among all: the first is the default of a host that is none of them."""


def accel_for(arch: Arch, machine: Machine) -> Accel:
    """What runs the guests of a machine here: what it asks for, KVM that does not nest included, else what this host
    has. Raises InputError where that is not to be had.
    """
    usual = arch.accel()
    if machine.accel in (UNSET, usual.name):
        return usual
    if machine.accel == "tcg":
        return Accel(name="tcg", why="--accel asks for it")
    if not is_host(arch.machine):
        raise InputError(f"--accel kvm: {usual.why}\n  leave it out: QEMU translates the code of such guests")
    try:
        os.close(_open_kvm())
    except OSError as error:
        raise InputError(
            f"--accel kvm: /dev/kvm: {in_words(error)}\n"
            "  it takes KVM in this host's kernel, and the right to write to it; without --accel guests run under TCG"
        ) from error
    return Accel(name="kvm", why=f"--accel asks for it: {usual.why}")


def translates(accel: Accel) -> bool:
    """True where QEMU translates the guest's code: slowly, and it can tell what runs."""
    return accel.name == "tcg"


def devices(accel: Accel) -> tuple[Path, ...]:
    """The devices of this host that QEMU needs for an accelerator."""
    return () if translates(accel) else (Path("/dev") / accel.name,)


@functools.cache
def known() -> dict[str, Arch]:
    """All records, by their names."""
    modules = (importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
    archs = [arch for module in modules if isinstance(arch := getattr(module, "ARCH", None), Arch)]
    return {arch.name: arch for arch in sorted(archs, key=lambda arch: (arch.rank, arch.name))}


def either(pattern: Callable[[Arch], str]) -> str:
    """A regular expression for what any of the architectures has: a log does not tell which machine has written it."""
    return "|".join(found for arch in known().values() if (found := pattern(arch))) or "(?!)"


def get(name: str) -> Arch:
    """The record of an architecture; raises InputError."""
    archs = known()
    if name not in archs:
        meant = [one.name for one in archs.values() if name in (one.machine, one.make_arch, one.source, one.debian)]
        hint = f"did you mean {meant[0]}? " if meant else ""
        raise InputError(f"unknown architecture: {name}\n  {hint}there are: {', '.join(archs)}")
    return archs[name]


def of_host() -> Arch | None:
    """The architecture of this host, where we have it: the one that its KVM may run."""
    return next((arch for arch in known().values() if is_host(arch.machine)), None)


def default() -> str:
    """The architecture of this host where we have it, else the first."""
    ours = of_host()
    return ours.name if ours is not None else next(iter(known()))
