# SPDX-License-Identifier: GPL-2.0-only
"""The options that say on what machine kernels are booted; what each may be is in model/machine.py."""

import argparse
import re
from collections.abc import Iterator

from msgspec import UNSET

from kseries.model import DEFAULT_MACHINE, Machine
from kseries.model.errors import InputError
from kseries.model.machine import ACCELS, MOST_CPUS, MOST_SECONDS
from kseries.model.probe import MOST_NAME
from kseries.model.sanitize import shortened

_SIZE = re.compile(r"0*(?P<number>[1-9][0-9]{0,8})(?P<unit>[MG]?)")
_MIB = {"": 1, "M": 1, "G": 1024}
_OPTIONS = ("accel", "memory", "cpus", "timeout", "append", "disk", "device")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What a machine has, and how long a probe may run on it; none is set where it stays as it is."""
    default = DEFAULT_MACHINE
    parser.add_argument(
        "--accel",
        choices=ACCELS,
        help="what runs the booted machine: this host's KVM, though it may not nest, or QEMU's TCG (default: KVM that"
        " nests, else TCG)",
    )
    parser.add_argument(
        "--memory", metavar="SIZE", help=f"of the booted machine: in MiB, or as 1G (default: {default.memory})"
    )
    parser.add_argument(
        "--cpus", metavar="N", help=f"of the booted machine, up to {MOST_CPUS} (default: {default.cpus})"
    )
    parser.add_argument(
        "--timeout",
        "--check-timeout",
        metavar="[NAME=]SECONDS",
        action="append",
        default=[],
        help=f"how long one probe may run, up to {MOST_SECONDS} (default: {default.probe_seconds});"
        " or the one of that name, as in kvm.rseq_test=300",
    )
    parser.add_argument(
        "--append", metavar="WORDS", action="append", default=[], help="for the end of the kernel's command line"
    )
    parser.add_argument(
        "--disk",
        metavar="SIZE",
        action="append",
        default=[],
        help="an empty virtio disk, gone after the boot: /dev/vda, ..",
    )
    parser.add_argument(
        "--device", metavar="ARG", action="append", default=[], help="for QEMU's -device, as in e1000e or nvme,serial=1"
    )


def of(args: argparse.Namespace) -> Machine:
    """The machine that a command line asks for. Raises InputError."""
    default = DEFAULT_MACHINE
    try:
        return Machine(
            memory=_mib("--memory", args.memory) if args.memory is not None else default.memory,
            cpus=_count("--cpus", args.cpus) if args.cpus is not None else default.cpus,
            probe_seconds=_probe_seconds(args.timeout),
            append=tuple(word for words in args.append for word in _split(words)),
            disks=tuple(_mib("--disk", size) for size in args.disk),
            devices=tuple(args.device),
            accel=args.accel or UNSET,
        )
    except ValueError as error:
        raise InputError(str(error)) from error


def timeouts(args: argparse.Namespace) -> dict[str, int]:
    """The seconds of those probes that have a time of their own, by their names. Raises InputError."""
    given = (text.rpartition("=") for text in args.timeout if "=" in text)
    try:
        return {name: _seconds(text, name) for name, _, text in given}
    except ValueError as error:
        raise InputError(str(error)) from error


def _probe_seconds(given: list[str]) -> int:
    """Of each probe: the last that is said of all of them."""
    whole = [text for text in given if "=" not in text]
    return _count("--timeout", whole[-1]) if whole else DEFAULT_MACHINE.probe_seconds


def _seconds(text: str, name: str) -> int:
    seconds = _count(f"--timeout {shortened(name, MOST_NAME)}", text)
    if not 1 <= seconds <= MOST_SECONDS:
        raise ValueError(f"--timeout {shortened(name, MOST_NAME)}: {seconds} is not from 1 to {MOST_SECONDS} seconds")
    return seconds


def words(args: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """The options as they were typed, each with its value."""
    for option in _OPTIONS:
        given = getattr(args, option)
        values = given if isinstance(given, list) else [given]
        yield from ((f"--{option}", value) for value in values if value is not None)


def _mib(option: str, text: str) -> int:
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"{option} {shortened(text, 20)}: expected a size in MiB, or as 512M or 1G")
    return int(match["number"]) * _MIB[match["unit"]]


def _count(option: str, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError(f"{option} {shortened(text, 20)}: expected a number")
    return int(text)


def _split(text: str) -> list[str]:
    """The words of a command line, as a kernel takes them apart: at spaces that are not quoted."""
    return re.findall(r'(?:[^\s"]|"[^"]*"?)+', text)
