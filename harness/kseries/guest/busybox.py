# SPDX-License-Identifier: GPL-2.0-only
"""A static busybox for a guest: the host's own, or Debian's busybox-static, fetched once and without root."""

import shutil
import tempfile
from pathlib import Path

from kseries.arch import Arch, is_host
from kseries.host import files, paths, processes
from kseries.model.errors import InfraError

_HOST = Path("/bin/busybox")
"""Where Debian's busybox-static, and its busybox, put it."""
_SECONDS = 120
_PACKAGE = "busybox-static"


def find(arch: Arch) -> Path:
    """A busybox that runs in a guest of an architecture. Raises InfraError where there is none to be had."""
    if is_host(arch.machine) and _HOST.exists() and _is_static(_HOST):
        return _HOST
    ours = paths.cache("busybox", arch.name)
    if not ours.exists():
        ours.parent.mkdir(parents=True, exist_ok=True)
        _fetch(arch, ours)
    return ours


def _is_static(program: Path) -> bool:
    """True for a program that names no interpreter (elf(5)): Debian's busybox package has one that does."""
    return b"/ld-linux" not in program.read_bytes()[:4096]


def _fetch(arch: Arch, ours: Path) -> None:
    package = _PACKAGE if is_host(arch.machine) else f"{_PACKAGE}:{arch.source}"
    with tempfile.TemporaryDirectory(prefix="kseries-busybox-", dir=ours.parent) as scratch:
        place = Path(scratch)
        if shutil.which("apt-get") is not None:
            processes.run(["apt-get", "-qq", "download", package], seconds=_SECONDS, cwd=place)
        for deb in place.glob("*.deb"):
            processes.run(["dpkg-deb", "-x", deb, place / "x"], seconds=_SECONDS)
        found = place / "x" / "bin" / "busybox"
        if not found.exists():
            raise InfraError(
                f"there is no static busybox for {arch.name}, and apt has no {package}\n"
                f"  install {_PACKAGE}, or put such a program at {ours}"
            )
        files.place(found, ours)
