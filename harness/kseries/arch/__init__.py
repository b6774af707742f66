# SPDX-License-Identifier: GPL-2.0-only
"""What differs by architecture: one record each, one file each. Nothing elsewhere asks which it is."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kseries.model import Accel
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
        kvm = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
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


@dataclass(frozen=True)
class Arch:
    """Everything about an architecture that a build or a boot has to know."""

    name: str
    machine: str
    """What uname -m says on such a machine."""
    make_arch: str
    """ARCH= of the kernel's Makefile, and the folder below arch/ in which that finds it."""
    source: str
    toolchain: Toolchain
    make: tuple[str, ...]
    """Further words for make."""
    kernel_target: str
    """The make target that QEMU boots, and its path below the build folder. Symbols are those of vmlinux."""
    kernel_path: str
    config: str
    """The config fragment, below kernels/."""
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
    accel: Callable[[], Accel]
    """The accelerator under which a guest of this host can itself be a hypervisor, and why."""


def translates(accel: Accel) -> bool:
    """True where QEMU translates the guest's code: slowly, and it can tell what runs."""
    return accel.name == "tcg"


def devices(accel: Accel) -> tuple[Path, ...]:
    """The devices of this host that QEMU needs for an accelerator."""
    return () if translates(accel) else (Path("/dev") / accel.name,)


def known() -> dict[str, Arch]:
    """All records, by their names."""
    from kseries.arch import arm64, x86_64

    return {arch.name: arch for arch in (x86_64.ARCH, arm64.ARCH)}


def get(name: str) -> Arch:
    """The record of an architecture; raises InputError."""
    archs = known()
    if name not in archs:
        raise InputError(f"unknown architecture: {name}\n  there are: {', '.join(archs)}")
    return archs[name]


def default() -> str:
    """The architecture of this host where we have it, and so the one that its KVM may run; else the first."""
    archs = known()
    return next((arch.name for arch in archs.values() if is_host(arch.machine)), next(iter(archs)))
