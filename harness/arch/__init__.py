# SPDX-License-Identifier: GPL-2.0-only
"""What differs by architecture: one record each, one file each. Nothing elsewhere asks which it is."""

from collections.abc import Callable
from dataclasses import dataclass

from harness.errors import InputError
from harness.model import Accel


@dataclass(frozen=True)
class Arch:
    """Everything about an architecture that a build or a boot has to know."""

    name: str
    make_arch: str
    """ARCH= of the kernel's Makefile."""
    cross_prefix: str
    """CROSS_COMPILE=, empty for a native build."""
    make: tuple[str, ...]
    """Further words for make."""
    kernel_target: str
    """The make target that QEMU boots, and its path below the build folder."""
    kernel_path: str
    config: str
    """The config fragment, below kernels/."""
    qemu: str
    qemu_package: str
    machine: str
    cpu: dict[str, str]
    """The -cpu of each accelerator."""
    console: str
    """console= of the kernel log: QEMU's first serial port."""
    ktap: str
    """The device of the probes' channel: QEMU's second serial port."""
    channels: Callable[[str, str], tuple[str, ...]]
    """QEMU's arguments for (console chardev, KTAP chardev)."""
    panic_device: tuple[str, ...]
    """QEMU's arguments for the device by which a panic reaches QMP as GUEST_PANICKED; empty where there is none."""
    accel: Callable[[], Accel]
    """The accelerator under which a guest of this host can itself be a hypervisor, and why."""


def get(name: str) -> Arch:
    """The record of an architecture; raises InputError."""
    from harness.arch import x86_64

    known = {arch.name: arch for arch in (x86_64.ARCH,)}
    if name not in known:
        raise InputError(f"unknown architecture: {name}\n  there are: {', '.join(known)}")
    return known[name]
