# SPDX-License-Identifier: GPL-2.0-only
"""arm64: QEMU's virt, booting Image at EL2, L2 guests at EL1."""

import fcntl
import os

from harness.arch import Arch, is_host, toolchain
from harness.model import Accel

_MACHINE = "aarch64"
# Documentation/virt/kvm/api.rst, 4.4 KVM_CHECK_EXTENSION: _IO(0xAE, 0x03).
_KVM_CHECK_EXTENSION = 0xAE03
# include/uapi/linux/kvm.h since 6.16: whether guests can be given EL2.
_KVM_CAP_ARM_EL2 = 240


def _accel() -> Accel:
    """KVM if it offers its guests EL2. That /dev/kvm is there does not say so."""
    if not is_host(_MACHINE):
        return Accel(name="tcg", why=f"this host is no {_MACHINE} machine")
    try:
        kvm = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        return Accel(name="tcg", why=f"/dev/kvm: {error.strerror}")
    try:
        nests = fcntl.ioctl(kvm, _KVM_CHECK_EXTENSION, _KVM_CAP_ARM_EL2) > 0
    except OSError as error:
        return Accel(name="tcg", why=f"/dev/kvm does not tell what it supports: {error.strerror}")
    finally:
        os.close(kvm)
    if nests:
        return Accel(name="kvm", why="this host's KVM offers its guests EL2")
    return Accel(name="tcg", why="this host's KVM does not offer its guests EL2, so no nested guest can run on it")


def _channels(console: str, ktap: str) -> tuple[str, ...]:
    """virt has one UART that is not the secure world's; with one port, a virtio console is there from the first."""
    return (
        *("-serial", f"chardev:{console}"),
        *("-device", "virtio-serial-device,max_ports=1"),
        *("-device", f"virtconsole,chardev={ktap}"),
    )


ARCH = Arch(
    name="arm64",
    machine=_MACHINE,
    make_arch="arm64",
    source="arm64",
    toolchain=toolchain(_MACHINE, "aarch64-linux-gnu", "arm64"),
    make=(),
    kernel_target="Image",
    kernel_path="arch/arm64/boot/Image",
    config="arm64.config",
    qemu="qemu-system-aarch64",
    qemu_package="qemu-system-arm",
    # With virtualization=on the kernel is entered at EL2 (QEMU: docs/system/arm/virt.rst).
    board="virt,virtualization=on,gic-version=3",
    cpu={"tcg": "max", "kvm": "host"},
    console="ttyAMA0",
    ktap="hvc0",
    channels=_channels,
    # There is one on PCI only, which the configuration leaves out.
    panic_device=(),
    accel=_accel,
)
