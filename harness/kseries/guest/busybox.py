# SPDX-License-Identifier: GPL-2.0-only
"""A static busybox for a guest: the host's own, or Debian's busybox-static, fetched once and without root."""

import shutil
import tempfile
from pathlib import Path

from kseries.arch import Arch, is_host
from kseries.guest.userland import APT
from kseries.host import files, paths, processes
from kseries.model import events
from kseries.model.errors import InfraError, UnavailableError
from kseries.sources import archive
from kseries.sources.packages import Suite

_HOST = Path("/bin/busybox")
"""Where Debian's busybox-static, and its busybox, put it."""
_SECONDS = 120
_PACKAGE = "busybox-static"
_SUITE = "bookworm"


def find(arch: Arch, tell: events.Listener) -> Path:
    """A busybox that runs in a guest of an architecture. Raises InfraError where there is none to be had."""
    if is_host(arch.machine) and _HOST.exists() and _is_static(_HOST):
        return _HOST
    ours = paths.cache("busybox", arch.name)
    if not ours.exists():
        ours.parent.mkdir(parents=True, exist_ok=True)
        _fetch(arch, ours, tell)
    return ours


def _is_static(program: Path) -> bool:
    """True for a program that names no interpreter (elf(5)): Debian's busybox package has one that does."""
    return b"/ld-linux" not in program.read_bytes()[:4096]


def _fetch(arch: Arch, ours: Path, tell: events.Listener) -> None:
    with tempfile.TemporaryDirectory(prefix="kseries-busybox-", dir=ours.parent) as scratch:
        place = Path(scratch)
        for deb in _packages(arch, place, tell):
            processes.run(["dpkg-deb", "-x", deb, place / "x"], seconds=_SECONDS)
        found = place / "x" / "bin" / "busybox"
        if not found.exists():
            raise InfraError(
                f"there is no static busybox for {arch.name}, and apt has no {_PACKAGE}\n"
                f"  install {_PACKAGE}, or put such a program at {ours}"
            )
        files.place(found, ours)


def _packages(arch: Arch, place: Path, tell: events.Listener) -> list[Path]:
    """The package, as this host's apt has it; of another architecture, which that need not know, as Debian has it."""
    if is_host(arch.machine) and shutil.which("apt-get") is not None:
        processes.run(["apt-get", "-qq", "download", _PACKAGE], seconds=_SECONDS, cwd=place)
        return [*place.glob("*.deb")]
    if (why := archive.missing()) is not None:
        raise UnavailableError(f"cannot read Debian's archive for {_PACKAGE}: {why}")
    suite = Suite(paths.cache("userland", APT), _SUITE, arch.debian)
    found = [one for one in suite.closure([_PACKAGE], tell) if one.name == _PACKAGE]
    return [*suite.fetch(found, place, tell)]
