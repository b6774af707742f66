# SPDX-License-Identifier: GPL-2.0-only
"""What of this host a boot depends on: another QEMU emulates other devices, another KVM runs the guest's code."""

import os
import re
from pathlib import Path

from kseries import arch as archs
from kseries.arch import Arch
from kseries.host import checksums, processes, versions
from kseries.model import Accel
from kseries.model.errors import InfraError

_SECONDS = 30.0
_CPUINFO = Path("/proc/cpuinfo")
_OF_CPU = re.compile(
    r"^(?:vendor_id|cpu family|model|flags|vmx flags|bugs"
    r"|CPU (?:implementer|architecture|variant|part|revision)|Features)\s*:.*",
    re.MULTILINE,
)
"""What does not change while the CPU is there (arch/x86/kernel/cpu/proc.c, arch/arm64/kernel/cpuinfo.c)."""
_NAME = re.compile(r"^(?:model name|CPU part)\s*:\s*(.*)", re.MULTILINE)
_DIGITS = 8


def version(arch: Arch, accel: Accel) -> str:
    """QEMU's version and, where KVM runs the guest, this host's kernel and CPU, in one line.

    And that it does not nest, if so: what a guest that is a hypervisor shows there is another thing, and the same
    kernel may nest on another host, or once the module is loaded with another word. A guest has the CPU's features, and
    its faults. Raises InfraError where QEMU is not there, or does not tell, or where nobody tells of the CPU.
    """
    qemu = _first_line(versions.told(processes.require(arch.qemu, arch.qemu_package), _SECONDS), arch)
    if archs.translates(accel):
        return qemu
    nests = "" if arch.accel().name == accel.name else ", which does not nest"
    return f"{qemu} / Linux {os.uname().release}{nests} / CPU {_cpu(_CPUINFO.read_text())}"


def _cpu(told: str) -> str:
    """What the kernel calls this host's CPUs, and a digest of what they are and can do."""
    found = sorted({" ".join(line.split()) for line in _OF_CPU.findall(told)})
    if not found:
        raise InfraError(f"{_CPUINFO} tells nothing of the CPU\n  without that no result of KVM can be found again")
    return " ".join((*sorted({*_NAME.findall(told)}), checksums.of_words(found)[:_DIGITS]))


def _first_line(done: processes.Done, arch: Arch) -> str:
    """With it Debian's own number: a security update changes nothing else. Below it stands whose copyright it is."""
    line = done.text.partition("\n")[0]
    if done.returncode != 0 or not line:
        said = done.stderr.decode(errors="replace").strip().partition("\n")[0] or f"exit status {done.returncode}"
        raise InfraError(f"{arch.qemu} --version fails: {said}\n  without its version no result can be found again")
    return line
