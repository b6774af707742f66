# SPDX-License-Identifier: GPL-2.0-only
"""Whether QEMU takes the machine that a user asks for: seen before anything is built for it."""

import tempfile
from functools import partial
from pathlib import Path

import msgspec

from kseries.arch import Arch
from kseries.guest import channel, folder, qemu
from kseries.guest.channel import Channel
from kseries.guest.ending import GoneError
from kseries.guest.guest import Guest
from kseries.host import processes
from kseries.model import DEFAULT_MACHINE, Accel, Machine
from kseries.model.errors import InfraError, InputError

_SECONDS = 60.0


async def check(arch: Arch, accel: Accel, machine: Machine) -> None:
    """Start a machine with nothing to boot, and end it. Raises InputError where QEMU says no to it, else InfraError."""
    processes.require(arch.qemu, arch.qemu_package)
    with tempfile.TemporaryDirectory(prefix="kseries-") as scratch:
        place = Path(scratch) / "qemu"
        folder.make(place, b"", machine)
        box, deadline = folder.box(place, accel, machine), processes.Deadline.after(_SECONDS)
        console, results = (Channel(lambda _: None, channel.LIMIT) for _ in range(2))
        try:
            async with Guest.start(
                partial(qemu.bare_argv, arch, accel, machine), box, console, results, deadline
            ) as guest:
                await guest.stop()
        except GoneError as error:
            own = f"{arch.qemu}: "
            if not error.detail.startswith(own):  # it was killed, or there is no room for it
                raise
            said = error.detail.removeprefix(own)
            if _is_of_this_host(accel, machine, said):
                raise InfraError(f"QEMU fails with KVM on this host: {said}\n  {_other_way(machine)}") from error
            raise InputError(f"QEMU does not take this machine: {said}\n  {_advice(arch, said)}") from error


def _is_of_this_host(accel: Accel, machine: Machine, said: str) -> bool:
    """Whether it is KVM here that QEMU fails with, whose words about an option begin with that option."""
    unusual = msgspec.structs.replace(machine, accel=msgspec.UNSET) != DEFAULT_MACHINE
    return accel.name == "kvm" and not said.startswith("-") and (not unusual or "kvm" in said.lower())


def _other_way(machine: Machine) -> str:
    option = "--accel tcg has" if machine.accel is msgspec.UNSET else "leave --accel out, or --accel tcg has"
    return f"{option} QEMU itself run the machine, which is slower"


def _advice(arch: Arch, said: str) -> str:
    if said.startswith("-accel "):
        return "leave --accel out, or see to it that /dev/kvm is open to a group, which the box then has: mode 660"
    return f"see --memory, --cpus, --disk and --device; {arch.qemu} -device help lists what there is"
