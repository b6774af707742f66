# SPDX-License-Identifier: GPL-2.0-only
"""What was booted by another QEMU, or under KVM by another kernel, is booted again."""

import dataclasses
import os
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from kseries import arch as archs
from kseries.app import setup
from kseries.app.options import Options
from kseries.guest import emulator, trial
from kseries.model import Accel, Machine
from kseries.model.errors import InfraError
from tests.support.engines import SETUP
from tests.support.kbuild import ARCH

T = TypeVar("T")

TCG, KVM = (Accel(name=name, why="") for name in ("tcg", "kvm"))

_AMD = """\
processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: 17
model name\t: AMD EPYC
cpu MHz\t\t: 2596.146
flags\t\t: fpu vme svm
bugs\t\t: spectre_v1 srso
bogomips\t: 5192.29
"""
_ARM = """\
processor\t: 0
BogoMIPS\t: 243.75
Features\t: fp asimd evtstrm
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x3
CPU part\t: 0xd0c
CPU revision\t: 1
"""


@pytest.fixture
def qemu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A QEMU that does as a shell script says."""
    tool = tmp_path / "tools" / ARCH.qemu
    tool.parent.mkdir()
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    return tool


def says(tool: Path, script: str) -> None:
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)


def test_a_result_depends_on_the_qemu_that_booted_it(qemu: Path) -> None:
    keys = set()
    for version in ("7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)", "7.2.22 (Debian 1:7.2+dfsg-7+deb12u19)", "10.0.0"):
        says(qemu, f"echo 'QEMU emulator version {version}'; echo 'Copyright of somebody'")
        given = setup.setup_of(Options(out=Path("out"), arch=ARCH.name))
        assert given.emulator.startswith(f"QEMU emulator version {version}")
        keys |= {given.key("tree"), given.key("image", "digest")}
    assert len(keys) == 6


def test_under_kvm_it_depends_on_the_kernel_and_the_cpu_of_the_host_too(
    qemu: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(qemu, "echo 'QEMU emulator version 7.2.22'")
    release, cpu = os.uname().release, emulator._cpu(_AMD)
    (tmp_path / "cpuinfo").write_text(_AMD)
    monkeypatch.setattr(emulator, "_CPUINFO", tmp_path / "cpuinfo")
    nests, plain = (dataclasses.replace(ARCH, accel=partial(_same, usual)) for usual in (KVM, TCG))
    assert emulator.version(nests, KVM) == f"QEMU emulator version 7.2.22 / Linux {release} / CPU {cpu}"
    assert emulator.version(plain, KVM) == (
        f"QEMU emulator version 7.2.22 / Linux {release}, which does not nest / CPU {cpu}"
    )
    assert emulator.version(nests, TCG) == emulator.version(plain, TCG) == "QEMU emulator version 7.2.22"


def test_a_cpu_is_known_by_what_it_is_and_not_by_what_it_does_now() -> None:
    same = (_AMD, _AMD.replace("2596.146", "3100.0"), _AMD + _AMD.replace("processor\t: 0", "\nprocessor\t: 1"))
    assert len({emulator._cpu(told) for told in same}) == 1
    others = (
        _AMD.replace("svm", "xsave"),
        _AMD.replace("AuthenticAMD", "GenuineIntel"),
        _AMD.replace("srso", ""),
        _ARM,
    )
    little = _ARM + _ARM.replace("0xd0c", "0xd05")
    assert len({emulator._cpu(told) for told in (_AMD, *others, little)}) == 6
    assert emulator._cpu(_AMD).startswith("AMD EPYC ") and emulator._cpu(little).startswith("0xd05 0xd0c ")
    assert emulator._cpu(Path("/proc/cpuinfo").read_text())
    with pytest.raises(InfraError, match="tells nothing of the CPU"):
        emulator._cpu("processor\t: 0\n")


def test_kvm_that_does_not_nest_shares_no_result_with_kvm_that_does(
    qemu: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As before and after kvm_amd is loaded with nested=1, or of two hosts of a cluster."""
    says(qemu, "echo 'QEMU emulator version 7.2.22'")
    monkeypatch.setattr(archs, "_open_kvm", lambda: os.open("/dev/null", os.O_RDWR))
    monkeypatch.setattr(trial, "check", _takes_it)
    asked = Options(out=Path("out"), arch="x86_64", machine=Machine(accel="kvm"))
    keys = []
    for usual in (TCG, KVM):
        arch = dataclasses.replace(archs.get("x86_64"), machine=os.uname().machine, accel=partial(_same, usual))
        monkeypatch.setattr(archs, "get", partial(_same, arch))
        given = setup.setup_of(asked)
        assert given.accel.name == "kvm"
        keys += [given.key("tree")]
    assert len({*keys}) == 2


def _same(one: T, *_: object) -> T:
    return one


async def _takes_it(*_: object) -> None:
    """A machine that QEMU starts."""


def test_two_setups_that_differ_in_what_boots_share_no_result() -> None:
    others = (dataclasses.replace(SETUP, emulator=one) for one in ("QEMU 1", "QEMU 1 / Linux 6.1", "QEMU 2"))
    assert len({setup.key("tree") for setup in (SETUP, *others)}) == 4


@pytest.mark.parametrize(("script", "said"), [("echo no room >&2; exit 1", "no room"), ("exit 0", "exit status 0")])
def test_a_qemu_that_does_not_tell_its_version_boots_nothing(qemu: Path, script: str, said: str) -> None:
    says(qemu, script)
    with pytest.raises(InfraError, match=f"{ARCH.qemu} --version fails: {said}"):
        emulator.version(ARCH, TCG)
