# SPDX-License-Identifier: GPL-2.0-only
"""The records of the architectures: what they take for native, and what the others make of them."""

import os
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from kseries import arch as archs
from kseries.guest import qemu
from kseries.host import paths
from kseries.model import Accel

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
    command_line = qemu.kernel_command_line(ARM64, 30)
    argv = qemu.argv(ARM64, Accel(name="tcg", why=""), Path("/k/Image"), Path("/k/initrd"), command_line, SOCKETS)
    assert argv[0] == "qemu-system-aarch64"
    assert "virtualization=on" in argv[argv.index("-machine") + 1]
    assert argv[-2:] == ["-device", "virtconsole,chardev=ktap"]
    assert {"console=ttyAMA0", "KTAP=hvc0"} <= set(command_line.split())


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
