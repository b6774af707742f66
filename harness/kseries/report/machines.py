# SPDX-License-Identifier: GPL-2.0-only
"""In what a machine differs from the one that kernels are usually booted on."""

from collections.abc import Iterator

from msgspec import UNSET
from msgspec.structs import replace

from kseries.model import DEFAULT_MACHINE, Machine


def lines(machine: Machine) -> Iterator[str]:
    """One line; none for the usual machine. By what it was run is told of every run."""
    if replace(machine, accel=UNSET) != DEFAULT_MACHINE:
        yield f"machine: {words(machine)}"


def words(machine: Machine) -> str:
    """A machine, whichever it is."""
    return ", ".join(_parts(machine))


def _parts(machine: Machine) -> Iterator[str]:
    yield f"{machine.memory} MiB"
    yield f"{machine.cpus} CPU{'s' * (machine.cpus != 1)}"
    yield from (f"a disk of {size} MiB" for size in machine.disks)
    yield from (f"-device {device}" for device in machine.devices)
    if machine.append:
        yield f"-append {' '.join(machine.append)}"
    if machine.probe_seconds != DEFAULT_MACHINE.probe_seconds:
        yield f"{machine.probe_seconds} s for a probe"
