# SPDX-License-Identifier: GPL-2.0-only
"""What of this host a boot depends on: another QEMU emulates other devices, another KVM runs the guest's code."""

import os

from kseries import arch as archs
from kseries.arch import Arch
from kseries.host import processes, versions
from kseries.model import Accel
from kseries.model.errors import InfraError

_SECONDS = 30.0


def version(arch: Arch, accel: Accel) -> str:
    """QEMU's version and, where a module of this host's kernel runs the guest, that kernel's release, in one line.

    And that it does not nest, if so: what a guest that is a hypervisor shows there is another thing, and the same
    kernel may nest on another host, or once the module is loaded with another word. Raises InfraError where QEMU is not
    there, or does not tell.
    """
    qemu = _first_line(versions.told(processes.require(arch.qemu, arch.qemu_package), _SECONDS), arch)
    if archs.translates(accel):
        return qemu
    nests = "" if arch.accel().name == accel.name else ", which does not nest"
    return f"{qemu} / Linux {os.uname().release}{nests}"


def _first_line(done: processes.Done, arch: Arch) -> str:
    """With it Debian's own number: a security update changes nothing else. Below it stands whose copyright it is."""
    line = done.text.partition("\n")[0]
    if done.returncode != 0 or not line:
        said = done.stderr.decode(errors="replace").strip().partition("\n")[0] or f"exit status {done.returncode}"
        raise InfraError(f"{arch.qemu} --version fails: {said}\n  without its version no result can be found again")
    return line
