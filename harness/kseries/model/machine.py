# SPDX-License-Identifier: GPL-2.0-only
"""The machine that a kernel is booted on, and how long all that is done with it may take."""

import re
from typing import Literal

from msgspec import UNSET, UnsetType

from kseries.model.record import Record
from kseries.model.sanitize import line, shortened

LEAST_MEMORY, MOST_MEMORY = 64, 256 << 10
"""MiB. In less than this no kernel of ours unpacks its initramfs."""
MOST_CPUS = 64
"""What a kernel for x86-64 has unless it is told otherwise (arch/x86/Kconfig: NR_CPUS_DEFAULT)."""
MOST_DISKS, MOST_DISK = 8, 64 << 10
"""How many, and MiB of each: a guest may fill them, on this host's disk."""
MOST_DEVICES = 16
MOST_SECONDS = 24 * 60 * 60
_MOST_WORDS, _MOST_BYTES = 24, 1024
"""Of --append: a kernel hands init 32 words, and panics at more (init/main.c: MAX_INIT_ENVS); x86-64 keeps 2048 bytes
of a command line (COMMAND_LINE_SIZE)."""
_SHOWN = 100
"""Characters of what was asked for that an error repeats."""

_DEVICE = re.compile(r"(?P<driver>[A-Za-z0-9][\w.+-]*)(?P<properties>(?:,[A-Za-z][\w.-]*=[!-+.0-~-]*)*)", re.ASCII)
"""DRIVER[,PROPERTY=VALUE...]. No value has a slash, so none is a path; a comma in one would be doubled (qemu(1))."""
_OF_HOST = re.compile(
    r"(?:vhost|vfio|xen|u2f|igd|ccid-card|can-host)-.*|usb-host|scsi-(?:block|generic)|virtio-input-host.*", re.ASCII
)
"""Drivers that look for something of the host by themselves, or have it under some number (QEMU: -device help)."""
_OUTSIDE = re.compile(
    r"[\w-]*(?:dev\d*|file|filename|path|dir|fd|host|hostaddr|hostbus|hostport|hostdevice)"
    r"|drive|driver|pcap|cdat|db|cert\d?|hidraw|kernel|initrd|if",
    re.ASCII,
)
"""Properties by which a device has something of the host, or one of our own channels (QEMU: -device DRIVER,help), or by
which it is another device: of two drivers the last counts."""
_WORD = re.compile(r'(?:[!#-~]|"[ !#-~]*")+')
"""A word of a kernel's command line: what is quoted in it may have spaces (kernel/params.c, lib/cmdline.c)."""
_OURS = {
    "console": "the console is how the kernel is heard",
    "init": "init runs the probes",
    "rdinit": "init runs the probes",
    "initrd": "the initramfs has the probes",
    "noinitrd": "the initramfs has the probes",
    "panic": "a panic ends the machine, and that is waited for",
    "printk.devkmsg": "init marks in the kernel's log which check runs",
    "KTAP": "init reads it",
    "--": "what follows it is for init",
}
"""Words that a boot relies on, and what for."""


ACCELS = ("kvm", "tcg")
"""What a guest's code may be run by: this host's CPU, or QEMU, which translates it."""


class Machine(Record, frozen=True):
    """What QEMU is given to boot a kernel on, and every deadline of a state.

    Raises ValueError, in at most two lines that begin with the option's name, for what no machine can have or what
    would reach for something of this host.
    """

    memory: int = 512
    """MiB."""
    cpus: int = 2
    disks: tuple[int, ...] = ()
    """MiB of each; they are empty when a boot begins, and gone after it."""
    devices: tuple[str, ...] = ()
    """As for QEMU's -device: ``DRIVER,PROPERTY=VALUE``."""
    append: tuple[str, ...] = ()
    """Words for the kernel's command line."""
    build_seconds: float = 3600.0
    """The longest that a build may take."""
    boot_seconds: float = 60.0
    """From QEMU's start to init's first line; under TCG it takes one."""
    stall_seconds: float = 30.0
    """Without progress for so long, a guest is taken for hung.

    A probe of ours answers for each check within 12 s, whatever becomes of it (CHECK_SECONDS + REAP_SECONDS in
    guests/lib/ktap.c), and init for a probe that has ended 2 s later (REAP_MS in guests/init/init.c). Twice that
    is for a busy host. The kernel reports a stalled CPU after 21 s (CONFIG_RCU_CPU_STALL_TIMEOUT), which is
    waited for: its report has the call trace of what hangs.
    """
    probe_seconds: int = 100
    """How long one probe may run."""
    accel: Literal["kvm", "tcg"] | UnsetType = UNSET
    """What QEMU is to run it with; not there where the host decides."""

    def __post_init__(self) -> None:
        _check_range("--memory", self.memory, LEAST_MEMORY, MOST_MEMORY, "MiB")
        _check_range("--cpus", self.cpus, 1, MOST_CPUS, "CPUs")
        _check_range("--timeout", self.probe_seconds, 1, MOST_SECONDS, "seconds")
        for name in ("build_seconds", "boot_seconds", "stall_seconds"):
            _check_range(name, getattr(self, name), 1, MOST_SECONDS, "seconds")
        for size in self.disks:
            _check_range("--disk", size, 1, MOST_DISK, "MiB")
        _check_range("--disk", len(self.disks), 0, MOST_DISKS, "disks")
        _check_range("--device", len(self.devices), 0, MOST_DEVICES, "devices")
        for device in self.devices:
            _check_device(device)
        _check_words(self.append)

    @property
    def needs_pci(self) -> bool:
        """True where a kernel must have PCI to find all that the machine has."""
        return bool(self.disks or self.devices)

    @property
    def unusual(self) -> bool:
        """True where QEMU is given another machine than usual, which it may not take."""
        return (
            self.needs_pci
            or self.accel == "kvm"
            or (self.memory, self.cpus) != (DEFAULT_MACHINE.memory, DEFAULT_MACHINE.cpus)
        )


def _shown(text: str) -> str:
    return line(shortened(text, _SHOWN))


def _check_range(what: str, value: float, least: int, most: int, unit: str) -> None:
    if not least <= value <= most:
        raise ValueError(f"{what}: {value} is not from {least} to {most} {unit}")


def _check_device(device: str) -> None:
    match = _DEVICE.fullmatch(device)
    if match is None or match["driver"] in ("help", "none") or device.endswith(",help"):
        raise ValueError(f"--device {_shown(device)}: expected DRIVER,PROPERTY=VALUE,.. without a path")
    for pair in match["properties"].split(",")[1:]:
        name, _, value = pair.partition("=")
        if value and _OUTSIDE.fullmatch(name):
            raise ValueError(
                f"--device {_shown(device)}: {name}= would give the guest something of this host\n"
                "  leave it out; a disk is had by --disk SIZE"
            )
    if _OF_HOST.fullmatch(match["driver"]):
        raise ValueError(f"--device {_shown(device)}: {match['driver']} would give the guest something of this host")


def _check_words(words: tuple[str, ...]) -> None:
    if len(words) > _MOST_WORDS or sum(map(len, words)) > _MOST_BYTES:
        raise ValueError(f"--append: more than {_MOST_WORDS} words or {_MOST_BYTES} bytes, which no kernel takes")
    for word in words:
        if not _WORD.fullmatch(word):
            raise ValueError(f"--append {_shown(word)}: not one word in ASCII, or a quote is open")
        # To the kernel a dash is an underscore there (kernel/params.c: parameqn).
        name = word.partition("=")[0].strip('"').replace("-", "_") if word != "--" else word
        if name in _OURS:
            raise ValueError(f"--append {_shown(word)}: kseries sets {name} itself\n  {_OURS[name]}")


DEFAULT_MACHINE = Machine()
"""What a kernel is booted on unless its user says otherwise."""
