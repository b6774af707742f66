# SPDX-License-Identifier: GPL-2.0-only
"""The machine that a user asks for: what it may have, what QEMU is told of it, and whose results it has."""

import argparse
import contextlib
import dataclasses
import os
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from kseries import arch as archs
from kseries.app import setup
from kseries.app.options import Options
from kseries.cli import machine as options
from kseries.cli import target
from kseries.evaluate.setup import Setup
from kseries.guest import folder, qemu, trial
from kseries.guest.ending import GoneError
from kseries.host import paths
from kseries.kbuild.config import Config
from kseries.model import DEFAULT_MACHINE, Accel, Machine
from kseries.model.errors import InfraError, InputError, KseriesError
from kseries.report import machines

ARCH = archs.get("x86_64")
TCG = Accel(name="tcg", why="")
MUCH = Machine(memory=2048, cpus=4, disks=(64, 1), devices=("e1000e", "nvme,serial=1"), append=("a=1", "b"))
SETUP = Setup(ARCH, TCG, "gcc", Config(""), (), "")


def parsed(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    target.add_series_arguments(parser)
    target.add_kernel_arguments(parser)
    return parser.parse_args(["TARGET", *words])


def asked(*words: str) -> Machine:
    return options.of(parsed(*words))


def argv(machine: Machine) -> list[str]:
    line = qemu.kernel_command_line(ARCH, machine)
    return qemu.argv(ARCH, TCG, Path("/k"), folder.INITRD, line, qemu.Sockets(7, 8, 9), None, machine)


# --- the options --------------------------------------------------------------------------------


def test_a_machine_is_as_it_always_was_unless_somebody_asks() -> None:
    assert asked() == DEFAULT_MACHINE == Machine(memory=512, cpus=2, probe_seconds=100)
    assert not DEFAULT_MACHINE.needs_pci


def test_what_is_asked_for_is_what_there_is() -> None:
    words = ["--memory", "2G", "--cpus", "4", "--timeout", "300", "--disk", "64", "--disk", "1G"]
    words += ["--device", "nvme,serial=1", "--append", 'a=1 dyndbg="file x.c +p"', "--append", "nokaslr"]
    assert asked(*words) == Machine(
        memory=2048,
        cpus=4,
        probe_seconds=300,
        disks=(64, 1024),
        devices=("nvme,serial=1",),
        append=("a=1", 'dyndbg="file x.c +p"', "nokaslr"),
    )


def test_an_accelerator_is_said_only_where_it_is_asked_for() -> None:
    assert [asked("--accel", name).accel for name in ("kvm", "tcg")] == ["kvm", "tcg"]
    assert b"accel" not in msgspec.json.encode(DEFAULT_MACHINE)
    with pytest.raises(msgspec.ValidationError, match="accel"):
        msgspec.json.decode(b'{"accel": "hax"}', type=Machine)


def test_a_machine_is_json_both_ways() -> None:
    assert msgspec.json.decode(msgspec.json.encode(MUCH), type=Machine) == MUCH
    with pytest.raises(msgspec.ValidationError, match="--memory"):
        msgspec.json.decode(b'{"memory": 1}', type=Machine)


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--memory", "63", "is not from 64 to"),
        ("--memory", "0", "expected a size"),
        ("--memory", "1T", "expected a size"),
        ("--memory", "257G", "is not from"),
        ("--cpus", "0", "is not from 1 to 64 CPUs"),
        ("--cpus", "65", "is not from"),
        ("--cpus", "two", "expected a number"),
        ("--timeout", "0", "is not from 1 to"),
        ("--timeout", "100s", "expected a number"),
        ("--disk", "100G", "is not from 1 to 65536 MiB"),
        ("--disk", "/dev/sda", "expected a size"),
        ("--device", "help", "expected DRIVER"),
        ("--device", "a\nb\nc\x1b[2J", "expected DRIVER"),
        ("--device", "e1000e,help", "expected DRIVER"),
        ("--device", "e1000e,mac=a,,b", "expected DRIVER"),
        ("--device", '{"driver":"e1000e"}', "expected DRIVER"),
        ("--device", "loader,addr=1,file=x", "file= would give the guest something of this host"),
        ("--device", "loader,addr=1,data=/etc/passwd", "without a path"),
        ("--device", "virtio-blk-pci,drive=disk0", "drive= would"),
        ("--device", "isa-serial,chardev=qmp", "chardev= would"),
        ("--device", "pci-serial-2x,chardev1=qmp", "chardev1= would"),
        ("--device", "e1000e,netdev=n", "netdev= would"),
        ("--device", "vfio-pci,host=00:00.0", "host= would"),
        ("--device", "vhost-scsi-pci,vhostfd=3", "vhostfd= would"),
        ("--device", "usb-mtp,rootdir=x", "rootdir= would"),
        ("--device", "virtio-net-pci,romfile=initrd", "romfile= would"),
        ("--device", "edu,driver=vhost-vsock-pci", "driver= would"),
        ("--device", "vhost-vsock-pci,guest-cid=3", "vhost-vsock-pci would give the guest something of this host"),
        ("--device", "usb-host,vendorid=1,productid=2", "usb-host would"),
        ("--device", "u2f-passthru", "u2f-passthru would"),
        ("--device", "edu,a=\0", "expected DRIVER"),
        ("--device", "edu,a=\N{RIGHT-TO-LEFT OVERRIDE}", "expected DRIVER"),
        ("--append", "console=ttyS1", "kseries sets console itself"),
        ("--append", '"console=ttyS1"', "kseries sets console itself"),
        ("--append", "quiet rdinit=/bin/sh", "kseries sets rdinit itself"),
        ("--append", "printk.devkmsg=off", "kseries sets printk.devkmsg itself"),
        ("--append", "a -- b", "kseries sets -- itself"),
        ("--append", 'a="b', "a quote is open"),
        ("--append", "ü", "not one word in ASCII"),
        ("--append", "x " * 25, "more than 24 words"),
        ("--append", "x" * 1025, "1024 bytes"),
    ],
)
def test_what_no_machine_has_is_refused_in_two_lines(option: str, value: str, told: str) -> None:
    with pytest.raises(InputError) as refused:
        asked(option, value)
    assert told in str(refused.value)
    assert str(refused.value).startswith(option)
    assert str(refused.value).count("\n") <= 1


def test_a_rom_may_be_left_out_and_a_device_may_be_tuned() -> None:
    devices = ("virtio-net-pci,romfile=,mac=52:54:00:12:34:56", "qemu-xhci,id=usb", "usb-kbd,bus=usb.0")
    assert Machine(devices=devices).devices == devices


def test_there_is_an_end_to_disks_and_devices() -> None:
    with pytest.raises(ValueError, match="--disk: 9 is not from 0 to 8 disks"):
        Machine(disks=(1,) * 9)
    with pytest.raises(ValueError, match="--device: 17 is not"):
        Machine(devices=("x",) * 17)


# --- QEMU ---------------------------------------------------------------------------------------


def test_qemu_is_told_of_all_of_it_behind_our_channels() -> None:
    words = argv(MUCH)
    assert words[words.index("-m") + 1] == "2048" and words[words.index("-smp") + 1] == "4"
    assert words[words.index("-append") + 1].endswith(" a=1 b")
    assert words[words.index("-blockdev") :] == [
        *("-blockdev", "driver=file,node-name=disk0,filename=disk0,cache.no-flush=on"),
        *("-device", "virtio-blk-pci,drive=disk0"),
        *("-blockdev", "driver=file,node-name=disk1,filename=disk1,cache.no-flush=on"),
        *("-device", "virtio-blk-pci,drive=disk1"),
        *("-device", "e1000e", "-device", "nvme,serial=1"),
    ]
    assert argv(DEFAULT_MACHINE) == argv(Machine())
    console = qemu.console_argv(ARCH, TCG, Path("/k"), folder.INITRD, "", {}, MUCH)
    assert console[-4:] == ["-device", "e1000e", "-device", "nvme,serial=1"]


def test_a_shell_has_the_words_before_those_of_its_init() -> None:
    assert qemu.console_command_line(ARCH, "/script", MUCH).endswith(" a=1 b rdinit=/bin/sh -- /script")


def test_disks_are_holes_in_qemus_own_folder(tmp_path: Path) -> None:
    place = tmp_path / "qemu"
    folder.make(place, b"archive", MUCH)
    assert {path.name: path.stat().st_size for path in place.iterdir()} == {
        "initrd": len(b"archive"),
        "disk0": 64 << 20,
        "disk1": 1 << 20,
    }
    assert (place / "disk0").stat().st_blocks == 0


def test_the_box_has_room_for_the_machine_and_no_more() -> None:
    box = folder.box(Path("/place"), TCG, MUCH, Path("/k"))
    more = box.limits.memory - qemu.limits(DEFAULT_MACHINE).memory
    assert (2048 - 512) << 20 <= more < 2048 << 20
    assert box.limits.file == 256 << 20
    assert folder.box(Path("/place"), TCG, MUCH, saves=True).limits.file == (2048 + 256) << 20
    assert qemu.limits(Machine(disks=(1024,))).file == 1 << 30
    assert box.writable == (Path("/place"),) == (box.cwd,)


async def test_qemu_is_asked_before_anything_is_built() -> None:
    await trial.check(ARCH, TCG, Machine(memory=256, cpus=3, disks=(1,), devices=("qemu-xhci,id=usb", "usb-kbd")))


@pytest.mark.parametrize(
    ("machine", "told"),
    [
        (
            Machine(devices=("no-such-thing",)),
            "-device no-such-thing: 'no-such-thing' is not",
        ),
        (Machine(devices=("qemu-xhci,legs=4",)), "-device qemu-xhci,legs=4: Property"),
    ],
)
def test_a_device_that_qemu_does_not_know_is_the_users_mistake(machine: Machine, told: str) -> None:
    with pytest.raises(InputError) as refused:
        setup.setup_of(Options(out=Path("out"), arch=ARCH.name, machine=machine))
    assert str(refused.value).startswith(f"QEMU does not take this machine: {told}")
    assert str(refused.value).count("\n") == 1


async def test_a_qemu_that_dies_of_itself_is_nobodys_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ARCH.qemu).write_text("#!/bin/sh\nexit 7\n")
    (tmp_path / ARCH.qemu).chmod(0o755)
    tmp_path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(InfraError, match="exit status 7"):
        await trial.check(ARCH, TCG, MUCH)


_ASSERTED = "../../target/i386/kvm/kvm.c:3250: kvm_buf_set_msrs: Assertion `ret == cpu->kvm_msr_buf->nmsrs' failed."


@pytest.mark.parametrize(
    ("accel", "machine", "said", "status", "cure"),
    [
        ("kvm", Machine(accel="kvm"), _ASSERTED, 3, "leave --accel out"),
        ("kvm", Machine(accel="kvm"), "no memory for me", 3, "leave --accel out"),
        ("kvm", Machine(accel="kvm", cpus=3), _ASSERTED, 3, "leave --accel out"),
        ("kvm", Machine(cpus=3), _ASSERTED, 3, "--accel tcg has QEMU itself run"),
        ("kvm", Machine(accel="kvm", cpus=3), "no memory for me", 2, "see --memory"),
        ("kvm", Machine(accel="kvm"), "-accel kvm: Permission denied", 2, "leave --accel out, or see to it"),
        ("kvm", Machine(accel="kvm", devices=("kvm-x",)), "-device kvm-x: no such thing", 2, "see --memory"),
        ("tcg", Machine(cpus=3), "no memory for me", 2, "see --memory"),
    ],
)
async def test_what_qemu_says_of_this_hosts_kvm_is_no_mistake_of_the_user(
    accel: str, machine: Machine, said: str, status: int, cure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextlib.asynccontextmanager
    async def gone(*_: object) -> AsyncIterator[None]:
        raise GoneError(f"{ARCH.qemu}: {said}")
        yield

    monkeypatch.setattr("kseries.guest.trial.Guest.start", gone)
    with pytest.raises(KseriesError) as told:
        await trial.check(ARCH, Accel(name=accel, why="so"), machine)
    assert told.value.exit_status == status
    assert said in str(told.value) and cure in str(told.value) and str(told.value).count("\n") == 1


# --- whose results, and how to have them again ---------------------------------------------------


def test_another_machine_has_other_results_and_the_usual_one_those_of_before() -> None:
    keys = {
        dataclasses.replace(SETUP, machine=machine).key("tree")
        for machine in (DEFAULT_MACHINE, MUCH, Machine(memory=513), Machine(append=("x",)), Machine(probe_seconds=5))
    }
    assert len(keys) == 5 and SETUP.key("tree") in keys


def test_whether_an_accelerator_was_asked_for_or_had_anyhow_its_results_are_the_same() -> None:
    def key(accel: str, machine: Machine) -> str:
        return dataclasses.replace(SETUP, accel=Accel(name=accel, why="so"), machine=machine).key("tree")

    assert key("kvm", Machine(accel="kvm")) == key("kvm", DEFAULT_MACHINE)
    assert key("kvm", Machine(accel="kvm")) != key("tcg", Machine(accel="tcg")) == SETUP.key("tree")


def test_the_options_are_words_of_the_command_that_does_it_again() -> None:
    words = ["--accel", "tcg", "--memory", "1G", "--cpus", "1", "--timeout", "9"]
    words += ["--append", "a b", "--disk", "1", "--device", "nvme"]
    given = target.options(parsed(*words)).words
    assert [*given[-len(words) :]] == words
    assert target.options(parsed()).words == given[: -len(words)]


def test_a_report_tells_in_what_it_is_unusual() -> None:
    assert [*machines.lines(DEFAULT_MACHINE)] == []
    assert [*machines.lines(Machine(accel="kvm"))] == [], "of which every report has a line of its own"
    (line,) = machines.lines(Machine(cpus=1, disks=(64,), append=("a", "b"), probe_seconds=9))
    assert line == "machine: 512 MiB, 1 CPU, a disk of 64 MiB, -append a b, 9 s for a probe"


@pytest.mark.parametrize("name", archs.known())
def test_each_architecture_has_its_way_to_pci(name: str) -> None:
    text = paths.project("kernels", archs.get(name).pci).read_text()
    assert {"CONFIG_PCI=y", "CONFIG_VIRTIO_PCI=y", "CONFIG_VIRTIO_BLK=y"} <= {*text.splitlines()}
    assert Config.read((paths.project("kernels", archs.get(name).pci),)).text
