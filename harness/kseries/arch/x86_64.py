# SPDX-License-Identifier: GPL-2.0-only
"""x86-64: QEMU's q35, booting the ELF vmlinux through PVH, L2 guests through SVM or VMX."""

import fcntl
import struct

from kseries.arch import Arch, accel_of_host, toolchain
from kseries.arch.heads import UP_TO_DETAIL, head
from kseries.arch.syscalls import Syscalls
from kseries.model import Accel, Gravity

# Documentation/virt/kvm/api.rst, 4.5 KVM_GET_SUPPORTED_CPUID: _IOWR(0xAE, 0x05, struct kvm_cpuid2).
_KVM_GET_SUPPORTED_CPUID = 0xC008AE05
_MACHINE = "x86_64"
_HEADER = struct.Struct("=II")
_ENTRY = struct.Struct("=IIIIIII12x")
_MAX_ENTRIES = 256
# (CPUID leaf, bit of ECX): Intel SDM vol. 2A "CPUID" for VMX, AMD APM vol. 3 appendix E for SVM.
_VMX = (0x00000001, 5)
_SVM = (0x80000001, 2)


def _supported_ecx(kvm: int) -> dict[int, int]:
    """ECX by leaf of the CPU that this host's KVM can give a guest."""
    buffer = bytearray(_HEADER.size + _ENTRY.size * _MAX_ENTRIES)
    _HEADER.pack_into(buffer, 0, _MAX_ENTRIES, 0)
    fcntl.ioctl(kvm, _KVM_GET_SUPPORTED_CPUID, buffer)
    count, _ = _HEADER.unpack_from(buffer)
    entries = (_ENTRY.unpack_from(buffer, _HEADER.size + number * _ENTRY.size) for number in range(count))
    return {leaf: ecx for leaf, _index, _flags, _eax, _ebx, ecx, _edx in entries}


def _nests(kvm: int) -> str:
    """What this host's KVM can give a guest that is a hypervisor."""
    ecx = _supported_ecx(kvm)
    return next((name for name, (leaf, bit) in (("SVM", _SVM), ("VMX", _VMX)) if ecx.get(leaf, 0) >> bit & 1), "")


def _accel() -> Accel:
    return accel_of_host(_MACHINE, _nests, "neither SVM nor VMX")


# arch/x86/kernel/traps.c, arch/x86/mm/fault.c
_TRAPS = (
    "Bad pagetable|Split lock detected|alignment check|bounds|control protection fault|coprocessor segment overrun"
    "|divide error|double fault|fpu exception|(?:segment-related )?general protection fault|int3|invalid TSS"
    "|invalid opcode|iret exception|kernel stack overflow|overflow|segment not present|simd exception|stack guard page"
    "|stack segment|unexpected #NM exception"
)


def _serial_ports(console: str, ktap: str) -> tuple[str, ...]:
    return ("-serial", f"chardev:{console}", "-serial", f"chardev:{ktap}")


ARCH = Arch(
    name="x86_64",
    machine=_MACHINE,
    make_arch="x86_64",
    source="x86",
    debian="amd64",
    elf_machine=62,
    toolchain=toolchain(_MACHINE, "x86_64-linux-gnu", "amd64"),
    # PVH's first C code asks CPUID for Xen's name, with memcmp(), before KASAN has a shadow to look into (6.12:
    # arch/x86/platform/pvh/enlighten.c); instrumented, it is a triple fault. With AMD_MEM_ENCRYPT, lib/Makefile
    # leaves string.o out for the like reason.
    make=("KASAN_SANITIZE_string.o=n",),
    kernel_target="vmlinux",
    kernel_path="vmlinux",
    config="x86_64.config",
    defconfig="arch/x86/configs/x86_64_defconfig",
    pci="x86_64-pci.config",
    qemu="qemu-system-x86_64",
    qemu_package="qemu-system-x86",
    board="q35",
    # Under TCG "max" is an AMD CPU with SVM and nested paging (QEMU: target/i386/cpu.c).
    cpu={"tcg": "max", "kvm": "host"},
    console="ttyS0",
    ktap="ttyS1",
    channels=_serial_ports,
    # On the ISA bus, found through ACPI (QEMU0001) by drivers/misc/pvpanic/pvpanic-mmio.c. Only a configuration
    # with PVPANIC, PVPANIC_MMIO and PCI listens: without PCI, ACPI cannot load q35's tables, and with it a boot
    # takes 0.4 s longer. Ours leaves them out.
    panic_device=("-device", "pvpanic"),
    # arch/x86/kernel/apic/io_apic.c: check_timer() waits for four ticks of the timer, and the kernel panics where a
    # busy host brings them too late. Under KVM, Hyper-V and VMware a kernel spares itself that (kvm_guest_init()).
    words=("no_timer_check",),
    # kernel/time/clocksource.c: the watchdog calls the TSC unstable that has not stood still as long as the other clock
    # has (Documentation/admin-guide/kernel-parameters.txt, "tsc=").
    stopped=("tsc=nowatchdog",),
    accel=_accel,
    heads=(
        # arch/x86/kernel/unwind_*.c
        head(Gravity.REPORT, "WARNING: ", r"(?P<what>WARNING: kernel stack (?:regs|frame pointer)) at "),
        # What ends the task that did it: arch/x86/mm/fault.c, arch/x86/kernel/traps.c.
        head(Gravity.OOPS, "BUG: kernel NULL pointer dereference", r"(?P<what>BUG: kernel NULL pointer dereference)"),
        head(Gravity.OOPS, "BUG: unable to handle ", rf"(?P<what>BUG: unable to handle {UP_TO_DETAIL})"),
        head(Gravity.OOPS, "BUG: ", r"BUG: \S{1,20} (?P<what>stack guard page was hit)", "BUG: "),
        head(Gravity.OOPS, "BUG: stack guard page", r"(?P<what>BUG: stack guard page was hit)"),
        head(Gravity.OOPS, "traps: PANIC: ", r"traps: (?P<what>PANIC: double fault)"),
        head(Gravity.OOPS, "PANIC: double fault", r"(?P<what>PANIC: double fault)"),
        # arch/x86/kernel/traps.c handle_bug(), in 7.3: pr_crit("%s at %pS\n", report_ubsan_failure(ud_imm), …), whose
        # names are in lib/ubsan.c ("UBSAN: array index out of bounds"); an oops for an invalid opcode follows.
        head(Gravity.OOPS, "traps: UBSAN: ", r"traps: (?P<what>UBSAN: [\w /]{1,60}) at "),
    ),
    # __die_header() in arch/x86/kernel/dumpstack.c; from 6.10 on "Oops: " stands before the trap.
    died=rf"Oops(?:: [^:\[]{{1,200}})?|(?:{_TRAPS})(?:,? [^:\[]{{1,200}})?",
    # arch/x86/kernel/dumpstack.c show_ip(): "RIP", the code segment, the symbol.
    counter=r"RIP: \w+:",
    link="",
    # arch/x86/kernel/traps.c, arch/x86/include/asm/idtentry.h
    reporters=r"handle_bug|(?:asm_)?exc_\w+",
    # arch/x86/entry/syscalls/syscall_64.tbl
    syscalls=Syscalls(
        audit=0xC000003E,
        clone=56,
        unshare=272,
        keyctl=250,
        refused=(248, 249, 250, 298, 321, 323, 425, 29, 435),
    ),
    rank=0,
)
