# SPDX-License-Identifier: GPL-2.0-only
"""The installed tree of kselftest -> members of the initramfs: what a build has left there, and no file of ours."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from kseries.kbuild import artifacts
from kseries.kbuild.initramfs import DIRECTORY, LINK, member
from kseries.probes.install import INSTALLED
from kseries.probes.runner import PLACE

_LIMIT = 128 << 20
"""Bytes of all its files, as of --add: a guest has 512 MiB for them, twice over while it unpacks."""
_MOST = 20_000
"""How many there may be."""


def text(obj: Path, name: str) -> str:
    """A file of it, below the build folder ``obj``; empty where there is none."""
    return artifacts.text(obj, f"{INSTALLED}/{name}")


def members(obj: Path) -> Iterator[bytes]:
    """All of it as PLACE; of what was never installed nothing.

    Raises NotRegularError for what is too large, or is neither a file nor a folder nor a link.
    """
    top = Path(os.path.realpath(obj), INSTALLED)
    if Path(os.path.realpath(top)) != top or not top.is_dir():
        return
    left, files = _LIMIT, _MOST
    yield member(PLACE, DIRECTORY)
    for path in _below(top):
        name = f"{PLACE}/{path.relative_to(top)}"
        kind = path.lstat()
        left, files = left - kind.st_size, files - 1
        if min(left, files) < 0:
            raise artifacts.NotRegularError(
                f"the installed selftests have more than {_LIMIT >> 20} MiB, or {_MOST} files"
            )
        yield _member(top, path, name, kind)


def _below(top: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(top):
        folders.sort()
        yield from (Path(folder, name) for name in sorted((*folders, *files)))


def _member(top: Path, path: Path, name: str, kind: os.stat_result) -> bytes:
    if stat.S_ISLNK(kind.st_mode):
        return member(name, LINK, os.fsencode(path.readlink()))
    if stat.S_ISDIR(kind.st_mode):
        return member(name, DIRECTORY)
    mode = 0o755 if kind.st_mode & 0o100 else 0o644
    return member(name, stat.S_IFREG | mode, artifacts.read(top, path.relative_to(top)))
