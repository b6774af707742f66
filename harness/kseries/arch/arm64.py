# SPDX-License-Identifier: GPL-2.0-only
"""arm64: QEMU's virt, booting Image at EL2, L2 guests at EL1."""

import fcntl

from kseries.arch import Arch, accel_of_host, toolchain
from kseries.arch.heads import UP_TO_DETAIL, head
from kseries.arch.syscalls import Syscalls
from kseries.model import Accel, Gravity

_MACHINE = "aarch64"
# Documentation/virt/kvm/api.rst, 4.4 KVM_CHECK_EXTENSION: _IO(0xAE, 0x03).
_KVM_CHECK_EXTENSION = 0xAE03
# include/uapi/linux/kvm.h since 6.16: whether guests can be given EL2.
_KVM_CAP_ARM_EL2 = 240


def _nests(kvm: int) -> str:
    """What this host's KVM can give a guest that is a hypervisor."""
    return "EL2" if fcntl.ioctl(kvm, _KVM_CHECK_EXTENSION, _KVM_CAP_ARM_EL2) > 0 else ""


def _accel() -> Accel:
    return accel_of_host(_MACHINE, _nests, "no EL2")


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
    debian="arm64",
    elf_machine=183,
    toolchain=toolchain(_MACHINE, "aarch64-linux-gnu", "arm64"),
    make=(),
    kernel_target="Image",
    kernel_path="arch/arm64/boot/Image",
    config="arm64.config",
    defconfig="arch/arm64/configs/defconfig",
    pci="arm64-pci.config",
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
    words=(),
    stopped=(),
    accel=_accel,
    heads=(
        # arch/arm64/mm/fault.c die_kernel_fault()
        head(Gravity.OOPS, "Unable to handle kernel ", r"(?P<what>Unable to handle kernel [\w -]+?) at "),
        # arch/arm64/kernel/traps.c __die()
        head(Gravity.OOPS, "Internal error: ", rf"(?P<what>Internal error: {UP_TO_DETAIL})"),
    ),
    # arch/arm64/kernel/traps.c __die(); of ubsan_handler(), in 7.3: die(report_ubsan_failure(esr & UBSAN_BRK_MASK), …),
    # which begins with "UBSAN: ".
    died=r"Internal error: (?:UBSAN: )?[^:\[]{1,200}",
    # arch/arm64/kernel/process.c __show_regs()
    counter="pc : ",
    link="lr : ",
    # arch/arm64/kernel/stacktrace.c
    reporters="dump_backtrace",
    # include/uapi/asm-generic/unistd.h
    syscalls=Syscalls(
        audit=0xC00000B7,
        clone=220,
        unshare=97,
        keyctl=219,
        refused=(217, 218, 219, 241, 280, 282, 425, 194, 435),
    ),
    rank=1,
)
