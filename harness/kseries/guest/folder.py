# SPDX-License-Identifier: GPL-2.0-only
"""The folder in which a QEMU works: its initramfs and the guest's disks, and the box around them."""

import os
from pathlib import Path

from kseries import arch as archs
from kseries.guest import qemu
from kseries.host import processes
from kseries.host.box import Host, devices
from kseries.host.box.layout import Layout
from kseries.model import Accel, Machine

INITRD = Path("initrd")
"""As QEMU is told of it: a path from its working folder. TMPDIR may have in it whatever a file's name may have."""
_MIB = 1 << 20


def make(place: Path, initrd: bytes, machine: Machine) -> None:
    """Fill a new folder. The disks are files of holes: they take room as the guest writes."""
    place.mkdir()
    (place / INITRD).write_bytes(initrd)
    (place / INITRD).chmod(0o644)  # whatever our umask: whoever is in the box reads it
    for number, size in enumerate(machine.disks):
        disk = place / qemu.disk(number)
        disk.touch()
        os.truncate(disk, size * _MIB)


def box(place: Path, accel: Accel, machine: Machine, *kernel: Path, saves: bool = False) -> processes.Box:
    """What QEMU may touch: that folder, the kernel if it boots one, and what the accelerator needs.

    ``saves`` is as qemu.limits() has it. Beside the folder a device may get a node of its own.
    """
    nodes = devices.for_box(archs.devices(accel), place.parent, Host.here())
    return processes.Box(
        writable=(place,),
        readable=kernel,
        devices=tuple(nodes.values()),
        layout=Layout({node: device for device, node in nodes.items()}),
        cwd=place,
        limits=qemu.limits(machine, saves=saves),
    )
