# SPDX-License-Identifier: GPL-2.0-only
"""Regular files that somebody else put where they are: opened without waiting, read to a limit, and not elsewhere.

Whoever made a folder of patches or a tree may have left a pipe in it to which nobody writes, or a link to /dev/zero.
"""

import io
import os
import stat
from pathlib import Path

from kseries.model.errors import InputError

_SHELLS = (Path("/dev/fd"), Path("/proc/self/fd"))
"""Where ``<(git format-patch --stdout ...)`` lies, of bash and of zsh: a pipe that the user has made, and that has a
writer. So is what is piped in."""
_STANDARD_INPUT = Path("/dev/stdin")
TOML = 1 << 20
"""Bytes of a file that a human writes."""


def is_open(path: Path) -> bool:
    """True for what a shell has opened for us, and nobody else can read: a pipe, as it mostly is, is read once."""
    return path.parent in _SHELLS or path == _STANDARD_INPUT


def opened(path: Path) -> io.BufferedReader:
    """A regular file, open for reading. Raises OSError, and InputError for a pipe, a device or a folder.

    What a shell has opened for us may be a pipe.
    """
    if is_open(path):
        return path.open("rb")
    _check(path, path.stat().st_mode)  # first, for some devices begin something once they are opened: a watchdog does
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        _check(path, os.fstat(file).st_mode)
    except InputError:
        os.close(file)
        raise
    return os.fdopen(file, "rb")


def _check(path: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise InputError(f"{path} is not a regular file")


def read(path: Path, limit: int) -> bytes:
    """The contents of such a file. Raises OSError, and InputError for one that has more bytes than ``limit``."""
    with opened(path) as file:
        data = file.read(limit + 1) or b""  # None where it would wait, as some files in /proc do
    if len(data) > limit:
        raise InputError(f"{path} has more than {limit >> 20} MiB")
    return data


def text(path: Path, limit: int = TOML) -> str:
    """The same, decoded. Raises ValueError, too, for what is no UTF-8."""
    return read(path, limit).decode()


def check_inside(path: Path, top: Path) -> None:
    """Raise InputError for a file below a folder that a link, its own or a folder's, puts outside of it."""
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(top)):
        raise InputError(f"{path} is a link that leads out of {top}\n  put what it leads to in its place")
