# SPDX-License-Identifier: GPL-2.0-only
"""The number of a capability that is not upstream is no constant: the headers of the state say what it means."""

import asyncio
import shutil
from pathlib import Path

import pytest

from kseries.guest import machine
from kseries.kbuild import initramfs
from kseries.model import Probe
from tests.support.lab import Lab
from tests.support.machines import init_program, probe_program

pytestmark = pytest.mark.full("guest")


def test_a_number_that_another_capability_has_taken_does_not_count(lab: Lab, tmp_path: Path) -> None:
    """One series took 236 for EXIT_ON_MISSING. On plain 6.12 it answers 1, and is KVM_CAP_PRE_FAULT_MEMORY."""
    header = lab.trees.file(lab.base.tree, "include/uapi/linux/kvm.h")
    assert header is not None and b"#define KVM_CAP_PRE_FAULT_MEMORY 236" in header
    built = asyncio.run(lab.worker.build_alone(lab.base.tree, tmp_path))
    assert built.kernel is not None and built.initrd is not None, built.errors
    image = Path(built.initrd)
    _add_probe_that_asks(lab, image, tmp_path / "more")
    boot = asyncio.run(
        machine.boot(
            lab.arch,
            lab.setup.accel,
            machine.Image(Path(built.kernel), Path(built.kernel), image),
            (Probe.ours("capabilities"), Probe.ours("number")),
            tmp_path / "console.log",
        )
    )
    assert boot.caps == {"NUMBER_236": 1, "KVM_CAP_EXIT_ON_MISSING": 0, "KVM_CAP_MEMORY_FAULT_INFO": 1}


def _add_probe_that_asks(lab: Lab, image: Path, home: Path) -> None:
    """The kernel unpacks archives that stand one behind the other, one over the other."""
    (home / "probes").mkdir(parents=True)
    init_program(home / "init")
    probe = probe_program(home.with_name("made"), "number", lab.arch)
    shutil.copy(probe, home / "probes")
    initramfs.write(home / "initrd.cpio", home)
    image.write_bytes(image.read_bytes() + (home / "initrd.cpio").read_bytes())
