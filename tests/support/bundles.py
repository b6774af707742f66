# SPDX-License-Identifier: GPL-2.0-only
"""Bundles of runs for the tests of their text, and programs that stand in for those that their script starts."""

import subprocess
from pathlib import Path
from typing import Any

from kseries import arch as archs
from kseries.host import paths
from kseries.kbuild.config import Config
from kseries.model import Probe, RunResult
from kseries.report import bundlescript, expected
from kseries.report.bundle import Bundle, Kernel, Step

OPTIONS = "CONFIG_KVM=y\nCONFIG_OBJTOOL=y\nCONFIG_DEBUG_INFO_BTF=y\n"
KERNEL = Kernel("debian:linux-source-6.12 6.12.107-1 (Linux 6.12.107)", ("It is in a package:", " apt-get download x"))
DOUBLES = (
    *("git", "tar", "sha256sum", "make", "ld", "flex", "bison", "bc", "perl", "sleep", "gcc", "pahole"),
    *("x-gcc", "x-ld"),
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


SAYS = """#!/bin/sh
cp "{place}/console" console.log && cp "{place}/results" results.log && : >said
{then}
"""
CLOCK = """#!/bin/sh
[ ! -e said ] || echo x >>"{place}/seconds"
echo $(($(wc -l <"{place}/seconds") * 10))
"""
"""Ten seconds for each time that it is asked, once the guest has said all."""


class Told:
    """A guest that says what a test has it say, and then goes down, or else ``stays``."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.bin = stand_ins(place / "bin")
        (place / "linux").mkdir(exist_ok=True)

    def asked(
        self,
        bundle: Bundle,
        *,
        console: str = "",
        results: str = "",
        stays: bool = False,
        host: str = "",
        log: str = "",
        **env: str,
    ) -> "subprocess.CompletedProcess[str]":
        """What the script of a bundle comes to with it; ``log`` is what make says that fails."""
        for name, text in (("console", console), ("results", results), ("seconds", ""), ("make.log", log)):
            (self.place / name).write_text(text)
        self._program("qemu-system-x86_64", SAYS.format(place=self.place, then="exec /bin/sleep 60" if stays else ""))
        self._program("date", CLOCK.format(place=self.place))
        if host:
            self._program("uname", f"#!/bin/sh\necho {host}\n")
        if log:
            self._program("make", f'#!/bin/sh\ncat "{self.place}/make.log"\nexit 2\n')
        for name in ("config", "initramfs.cpio", "base.sha256", "patched.sha256"):
            (self.place / name).touch()
        reader = paths.project("reports", "bundle", "checks.awk").read_text()
        (self.place / "checks.awk").write_text(reader)
        (self.place / "reproduce.sh").write_text(bundlescript.script(bundle))
        cross = {"CROSS_COMPILE": "x-"} if host else {}
        return subprocess.run(
            ["sh", self.place / "reproduce.sh"],
            env={"PATH": f"{self.bin}:/usr/bin:/bin", "LINUX": str(self.place / "linux"), **cross, **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def _program(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)
