# SPDX-License-Identifier: GPL-2.0-only
"""Bundles of runs for the tests of their text, and programs that stand in for those that their script starts."""

from pathlib import Path
from typing import Any

from kseries import arch as archs
from kseries.kbuild.config import Config
from kseries.model import Probe, RunResult
from kseries.report import expected
from kseries.report.bundle import Bundle, Kernel, Step

OPTIONS = "CONFIG_KVM=y\nCONFIG_OBJTOOL=y\nCONFIG_DEBUG_INFO_BTF=y\n"
KERNEL = Kernel("debian:linux-source-6.12 6.12.107-1 (Linux 6.12.107)", ("It is in a package:", " apt-get download x"))
DOUBLES = (
    *("git", "tar", "sha256sum", "make", "ld", "flex", "bison", "bc", "perl", "sleep", "gcc", "pahole"),
    "qemu-system-x86_64",
)
"""The programs that a script starts, and that a test has no need of."""


def bundle(run: RunResult, number: int = 1, **more: Any) -> Bundle:
    """The bundle of a run's finding, without what is built for it."""
    given = {
        "run": run,
        "finding": run.findings[number - 1],
        "number": number,
        "expected": expected.of(run, run.findings[number - 1]),
        "kernel": KERNEL,
        "arch": archs.get(run.arch),
        "config": Config(OPTIONS),
        "patches": (Step("0001.patch", "[PATCH 1/2] KVM: Patch 1"),),
        "options": OPTIONS,
        "probes": (Probe.ours("capabilities"), Probe.ours("exit_on_missing")),
        "boots": ((),),
    }
    return Bundle(**{**given, **more})


def stand_ins(place: Path) -> Path:
    """A folder of programs that do nothing, well."""
    place.mkdir()
    for name in DOUBLES:
        (place / name).write_text("#!/bin/sh\ncase $0 in */git) cat >/dev/null ;; esac\n")
        (place / name).chmod(0o755)
    return place
