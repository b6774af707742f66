# SPDX-License-Identifier: GPL-2.0-only
"""The records of the architectures: what they take for native, and what the others make of them."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Literal

import pytest
from msgspec import UNSET, UnsetType

from kseries import arch as archs
from kseries.guest import qemu
from kseries.host import paths
from kseries.model import Accel, Machine
from kseries.model.errors import InputError

ARM64 = archs.get("arm64")
SOCKETS = qemu.Sockets(7, 8, 9)


def _host_is(machine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    here = os.uname()
    monkeypatch.setattr(os, "uname", lambda: os.uname_result((here[0], here[1], here[2], here[3], machine)))


@pytest.mark.parametrize(
    ("machine", "default", "native"), [("x86_64", "x86_64", "x86_64"), ("aarch64", "arm64", "arm64")]
)
def test_a_host_is_native_to_its_own_architecture(
    machine: str, default: str, native: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _host_is(machine, monkeypatch)
    assert archs.default() == default
    for arch in archs.known().values():
        tools = archs.toolchain(arch.machine, "some_arch-linux-gnu", "some")
        if arch.name == native:
            assert tools == archs.Toolchain("", "gcc", "binutils", "libc6-dev")
        else:
            assert tools.prefix == "some_arch-linux-gnu-"
            assert tools.compiler_package == "gcc-some-arch-linux-gnu"
            assert arch.accel() == Accel(name="tcg", why=f"this host is no {arch.machine} machine")


def test_a_host_that_is_neither_emulates_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    _host_is("riscv64", monkeypatch)
    assert archs.default() == next(iter(archs.known()))


@pytest.mark.parametrize("name", archs.known())
def test_each_has_its_fragment_and_its_guest(name: str) -> None:
    arch = archs.get(name)
    assert paths.project("kernels", arch.config).is_file()
    assert list(paths.project("guests", name).glob("*.c"))
    assert {field.name for field in fields(arch)} >= {"board", "cpu", "channels"}
    assert set(arch.cpu) == {"tcg", "kvm"}


def test_arm64_boots_an_image_at_el2_with_a_channel_of_its_own_for_results() -> None:
    command_line = qemu.kernel_command_line(ARM64)
    argv = qemu.argv(ARM64, Accel(name="tcg", why=""), Path("/k/Image"), Path("/k/initrd"), command_line, SOCKETS)
    assert argv[0] == "qemu-system-aarch64"
    assert "virtualization=on" in argv[argv.index("-machine") + 1]
    assert argv[-2:] == ["-device", "virtconsole,chardev=ktap"]
    assert {"console=ttyAMA0", "KTAP=hvc0"} <= set(command_line.split())


THIRD = """
from dataclasses import replace

from kseries.arch import arm64
from kseries.arch.heads import head
from kseries.model import Gravity

# arch/riscv/kernel/traps.c die(), arch/riscv/kernel/process.c __show_regs()
ARCH = replace(
    arm64.ARCH,
    name="riscv64",
    machine="riscv64",
    heads=(head(Gravity.OOPS, "Oops - ", r"(?P<what>Oops - [\\w -]+?) \\[#\\d+\\]"),),
    died="",
    counter="epc : ",
    link="ra : ",
    rank=7,
)
"""
TOLD = """
import json, sys
import kseries.arch
kseries.arch.__path__ += sys.argv[1:]
from kseries import arch as archs
from kseries import cli
from kseries.guest import klog, trace

found = klog.head("Oops - illegal instruction [#1]")
lines = ("epc : f+0x2/0x8", " ra : g+0x2/0x8", "pc : f+0x2/0x8")
print(json.dumps({
    "known": [*archs.known()],
    "oops": found and found.kind,
    "counters": [trace.is_counter(line) for line in lines],
    "called": [trace.spot_of(line) and trace.spot_of(line).called for line in lines],
}))
sys.exit(cli.main(["doctor", "--arch", "mips"]))
"""


def _told(*folders: Path) -> tuple[dict[str, object], str]:
    done = subprocess.run([sys.executable, "-c", TOLD, *folders], capture_output=True, text=True, check=False)
    return json.loads(done.stdout), done.stderr


def test_a_new_architecture_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "riscv64.py").write_text(THIRD)
    (tmp_path / "shared.py").write_text("ARCH = 'no record'\n")
    told, said = _told(tmp_path)
    assert told == {
        "known": ["x86_64", "arm64", "riscv64"],
        "oops": "Oops - illegal instruction",
        "counters": [True, False, True],
        "called": [False, True, False],
    }
    assert said == "kseries: unknown architecture: mips\n  there are: x86_64, arm64, riscv64\n"


def test_without_it_nothing_knows_its_words() -> None:
    told, said = _told()
    assert told["known"] == ["x86_64", "arm64"]
    assert (told["oops"], told["counters"]) == (None, [False, False, True])
    assert said == "kseries: unknown architecture: mips\n  there are: x86_64, arm64\n"


def _offers(said: str) -> Callable[[int], str]:
    def nests(_kvm: int) -> str:
        if said == "error":
            raise OSError(25, "no such request")
        return said

    return nests


@pytest.mark.parametrize(
    ("said", "accel", "why"),
    [
        ("EL2", "kvm", "this host's KVM offers its guests EL2"),
        ("", "tcg", "this host's KVM offers its guests no EL2, so no nested guest can run on it"),
        ("error", "tcg", "/dev/kvm does not tell what it supports: no such request"),
    ],
)
def test_kvm_is_taken_only_where_it_says_that_it_nests(
    said: str, accel: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _host_is("aarch64", monkeypatch)
    real = os.open
    monkeypatch.setattr(os, "open", lambda path, flags: real({"/dev/kvm": os.devnull}[path], flags))
    assert archs.accel_of_host("aarch64", _offers(said), "no EL2") == Accel(name=accel, why=why)


# --- an accelerator that is asked for -----------------------------------------------------------


def _as_if(said: str, opened: Callable[[], int], monkeypatch: pytest.MonkeyPatch) -> archs.Arch:
    """An architecture of this host, whose KVM says so of itself."""
    _host_is("aarch64", monkeypatch)
    monkeypatch.setattr(archs, "_open_kvm", opened)
    return replace(ARM64, accel=lambda: archs.accel_of_host("aarch64", _offers(said), "no EL2"))


def _opened() -> int:
    return os.open(os.devnull, os.O_RDWR)


def _closed() -> int:
    raise PermissionError(errno.EACCES, "Permission denied")


@pytest.mark.parametrize(
    ("said", "asked", "name", "why"),
    [
        ("EL2", UNSET, "kvm", "this host's KVM offers its guests EL2"),
        ("EL2", "kvm", "kvm", "this host's KVM offers its guests EL2"),
        ("EL2", "tcg", "tcg", "--accel asks for it"),
        ("", UNSET, "tcg", "this host's KVM offers its guests no EL2, so no nested guest can run on it"),
        ("", "tcg", "tcg", "this host's KVM offers its guests no EL2, so no nested guest can run on it"),
        (
            "",
            "kvm",
            "kvm",
            "--accel asks for it: this host's KVM offers its guests no EL2, so no nested guest can run on it",
        ),
    ],
)
def test_who_asks_for_an_accelerator_has_it_and_its_report_says_so(
    said: str, asked: Literal["kvm", "tcg"] | UnsetType, name: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    arch = _as_if(said, _opened, monkeypatch)
    assert archs.accel_for(arch, Machine(accel=asked)) == Accel(name=name, why=why)


def test_kvm_that_this_host_does_not_have_is_refused_in_two_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    arch = _as_if("EL2", _closed, monkeypatch)
    with pytest.raises(InputError, match=r"^--accel kvm: /dev/kvm: Permission denied\n  it takes [^\n]*$"):
        archs.accel_for(arch, Machine(accel="kvm"))
    assert archs.accel_for(arch, Machine(accel="tcg")).name == "tcg"


def test_kvm_for_another_architecture_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    _host_is("riscv64", monkeypatch)
    for arch in archs.known().values():
        with pytest.raises(InputError, match=rf"^--accel kvm: this host is no {arch.machine} machine\n  [^\n]*$"):
            archs.accel_for(arch, Machine(accel="kvm"))
