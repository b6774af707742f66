# SPDX-License-Identifier: GPL-2.0-only
"""QEMU's command line: one pure function in which every flag carries its reason."""

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kseries.arch import Arch
from kseries.host.box import Limits
from kseries.kbuild import artifacts
from kseries.model import DEFAULT_MACHINE, Accel, Machine

_MONITORS = {"qmp": ("-mon", "chardev={},mode=control"), "gdb": ("-gdb", "chardev:{}")}
_INSTRUCTION = re.compile(rb"^0x([0-9a-f]{1,16}):", re.MULTILINE)
"""A line of what -d in_asm logs: address, bytes, mnemonic."""
_MIB, _GIB = 1 << 20, 1 << 30
_A_CPU = 144 * _MIB
"""Of QEMU's address space: a thread with its stack, and what malloc(3) reserves for it."""
_SAVED = 256
"""MiB beside a guest's memory, for what else a snapshot has."""
_LOG = 256 * _MIB
"""Bytes that QEMU may log of what runs; of more, nothing is read (kbuild/artifacts.py)."""


def limits(machine: Machine, *, saves: bool = False) -> Limits:
    """Of QEMU: the guest's memory, 1 GiB of code that TCG makes of the guest's, libraries and threads; its disks.

    One that ``saves`` may write all its guest's memory into a file that a host-side test has lent it.
    """
    memory = machine.memory * _MIB + 4 * _GIB + machine.cpus * _A_CPU
    sizes = [size * _MIB for size in (*machine.disks, *([machine.memory + _SAVED] if saves else []))]
    return Limits(processes=256, memory=memory, file=max((_LOG, *sizes)))


@dataclass(frozen=True)
class Sockets:
    """Descriptors of sockets that QEMU inherits, connected or listening: those have no path that could be too long.

    A path takes 107 bytes (unix(7)), and of QEMU's options a comma ends it.
    """

    qmp: int
    console: int
    ktap: int
    monitor: int | None = None
    """Another monitor, for host-side tests."""


@dataclass(frozen=True)
class Trace:
    """Code of which QEMU logs what it runs, each block as it is translated."""

    log: str
    """Below QEMU's working folder: in a path -D takes a % for its own."""
    addresses: tuple[tuple[int, int], ...]
    """The first address of each stretch, and the one behind it."""

    def argv(self) -> list[str]:
        """QEMU's arguments."""
        ranges = ",".join(f"{first:#x}..{end - 1:#x}" for first, end in self.addresses)
        return ["-d", "in_asm", "-D", self.log, "-dfilter", ranges]


def kernel_command_line(arch: Arch, machine: Machine = DEFAULT_MACHINE, more: tuple[str, ...] = ()) -> str:
    """What the kernel is told, and what init finds in its environment. The probes are in a list of their own.

    ``more`` is what one boot alone is told.
    """
    words = [
        f"console={arch.console}",
        "ignore_loglevel",  # a splat that is not printed is not found
        "printk.devkmsg=on",  # init's marks in the log would be rate-limited
        "panic=-1",  # reboot at once, which -no-reboot turns into an exit
        *arch.words,
        f"KTAP={arch.ktap}",
        *machine.append,
        *more,
    ]
    return " ".join(words)


def console_command_line(arch: Arch, script: str, machine: Machine = DEFAULT_MACHINE) -> str:
    """What the kernel is told for a person at the console, and the script that busybox's sh runs as init."""
    # What the kernel warns of is for the console too; what it merely tells is in dmesg.
    words = [f"console={arch.console}", "loglevel=5", "panic=-1", *arch.words, *machine.append]
    return " ".join([*words, "rdinit=/bin/sh", "--", script])


def argv(
    arch: Arch,
    accel: Accel,
    kernel: Path,
    initrd: Path,
    command_line: str,
    sockets: Sockets,
    trace: Trace | None = None,
    machine: Machine = DEFAULT_MACHINE,
) -> list[str]:
    """The command line that boots one kernel."""
    return [
        *_waiting(arch, accel, sockets, machine, _boots(kernel, initrd, command_line)),
        # Only TCG translates, so nothing else can tell.
        *(trace.argv() if trace else ()),
    ]


def bare_argv(arch: Arch, accel: Accel, machine: Machine, sockets: Sockets) -> list[str]:
    """The command line of a machine with nothing to boot: whether QEMU takes it is all that can be asked."""
    return _waiting(arch, accel, sockets, machine, [])


def _waiting(arch: Arch, accel: Accel, sockets: Sockets, machine: Machine, boots: list[str]) -> list[str]:
    """A machine that begins when it is told to, and is listened to."""
    return [
        *_machine(arch, accel, machine),
        *boots,
        # A panic that is told goes on: the rest of its trace is still to be printed.
        *arch.panic_device,
        "-action", "panic=none",
        # Nothing runs before we listen to its events.
        "-S",
        "-chardev", f"socket,id=qmp,fd={sockets.qmp}",
        "-mon", "chardev=qmp,mode=control",
        # The kernel's log and the probes' results have a channel each, so that neither tears the other.
        "-chardev", f"socket,id=console,fd={sockets.console}",
        "-chardev", f"socket,id=ktap,fd={sockets.ktap}",
        *arch.channels("console", "ktap"),
        *(_listening("monitor", sockets.monitor, *_MONITORS["qmp"]) if sockets.monitor is not None else ()),
        *_more(machine),
    ]  # fmt: skip


def file_argv(
    arch: Arch,
    accel: Accel,
    kernel: Path,
    initrd: Path,
    command_line: str,
    console: str,
    results: str,
    machine: Machine = DEFAULT_MACHINE,
) -> list[str]:
    """The command line of the same boot with nobody beside it: what the guest says goes into files in QEMU's folder."""
    return [
        *_machine(arch, accel, machine),
        *_boots(kernel, initrd, command_line),
        *arch.panic_device,
        "-action", "panic=none",
        "-chardev", f"file,id=console,path={console}",
        "-chardev", f"file,id=ktap,path={results}",
        *arch.channels("console", "ktap"),
        *_more(machine),
    ]  # fmt: skip


def console_argv(
    arch: Arch,
    accel: Accel,
    kernel: Path,
    initrd: Path,
    command_line: str,
    listening: Mapping[str, int],
    machine: Machine = DEFAULT_MACHINE,
) -> list[str]:
    """The command line for a person at the console; ``listening`` are sockets for "qmp" and a "gdb" stub, if any."""
    asked = [_listening(name, file, *_MONITORS[name]) for name, file in listening.items()]
    return [
        *_machine(arch, accel, machine),
        *_boots(kernel, initrd, command_line),
        # Ctrl-C is for the guest; Ctrl-A x ends QEMU whatever the guest does (qemu(1), "-nographic").
        "-chardev", "stdio,id=console,mux=on,signal=off",
        "-mon", "chardev=console,mode=readline",
        "-chardev", "null,id=ktap",
        *arch.channels("console", "ktap"),
        *_more(machine),
        *itertools.chain(*asked),
    ]  # fmt: skip


def _listening(name: str, file: int, option: str, how: str) -> tuple[str, ...]:
    """A device of QEMU's behind a socket that listens: it takes one who comes at a time."""
    return ("-chardev", f"socket,id={name},fd={file},server=on,wait=off", option, how.format(name))


def _machine(arch: Arch, accel: Accel, machine: Machine) -> list[str]:
    """The machine, but for what its user has put into it."""
    return [
        arch.qemu,
        # A guest that breaks out of the machine finds neither programs to start nor rights to gain (seccomp). Before
        # -accel: with TCG's threads there already it would hold for some of them only.
        "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
        # No configuration but this one: neither a user's files nor QEMU's default NIC, floppy and VGA.
        "-no-user-config",
        "-nodefaults",
        "-display", "none",
        "-machine", arch.board,
        "-accel", accel.name,
        "-cpu", arch.cpu[accel.name],
        "-smp", str(machine.cpus),
        "-m", str(machine.memory),
    ]  # fmt: skip


def _boots(kernel: Path, initrd: Path, command_line: str) -> list[str]:
    """What a machine boots."""
    return [
        "-kernel", str(kernel),
        "-initrd", str(initrd),
        "-append", command_line,
        # A kernel that reboots has died: end, and say so by QMP's SHUTDOWN event.
        "-no-reboot",
    ]  # fmt: skip


def disk(number: int) -> str:
    """The file of a disk, in QEMU's working folder."""
    return f"disk{number}"


def _more(machine: Machine) -> list[str]:
    """What the user has put into a machine: behind the channels, so that those stay the first of their kind."""
    words: list[str] = []
    for number, _ in enumerate(machine.disks):
        name = disk(number)
        # What a guest has flushed need not outlive this host: the file is gone after the boot.
        words += ["-blockdev", f"driver=file,node-name={name},filename={name},cache.no-flush=on"]
        words += ["-device", f"virtio-blk-pci,drive={name}"]
    for device in machine.devices:
        words += ["-device", device]
    return words


def instructions(logs: Path, name: str) -> tuple[int, ...]:
    """The addresses of the instructions in what ``-d in_asm`` has logged, each once; none without a log."""
    try:
        log = artifacts.read(logs, name)
    except (FileNotFoundError, artifacts.NotRegularError):
        return ()
    return tuple({int(address, 16) for address in _INSTRUCTION.findall(log)})
