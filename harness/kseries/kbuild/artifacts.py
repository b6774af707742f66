# SPDX-License-Identifier: GPL-2.0-only
"""Artifacts of a build: regular files that lie in its folder.

What ran in the box could leave a link to a file of ours in the place of a kernel, or a pipe that nobody writes to.
Call these when it has ended.
"""

import io
import os
import shutil
import stat
from pathlib import Path

from kseries.model.errors import in_words

_MOST = 256 << 20
"""Bytes of a file that is read whole: as many as QEMU may log (guest/qemu.py). Programs and lists have some MiB."""


class NotRegularError(Exception):
    """Something else stands where a file of the build should be; the text names it."""


def opened(top: Path, name: str | Path) -> io.BufferedReader:
    """A file below ``top``, open for reading. Raises FileNotFoundError and NotRegularError."""
    *folders, last = Path(name).parts
    try:
        at = os.open(top, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW)
        for folder in folders:
            at = _stepped(at, folder, os.O_PATH | os.O_DIRECTORY)
        file, at = _stepped(at, last, os.O_RDONLY | os.O_NONBLOCK), -1
    except FileNotFoundError:
        raise
    except OSError as error:
        raise NotRegularError(f"{name} is no plain file in the build folder ({in_words(error)})") from error
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise NotRegularError(f"{name} is no plain file in the build folder")
    return os.fdopen(file, "rb")


def _stepped(at: int, name: str, how: int) -> int:
    """Open a name in an open folder, which is closed."""
    try:
        return os.open(name, how | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
    finally:
        os.close(at)


def read(top: Path, name: str | Path) -> bytes:
    """The contents of such a file, of which a hole may be all but nothing on the disk; too much of it is not plain."""
    with opened(top, name) as file:
        data = file.read(_MOST + 1)
    if len(data) > _MOST:
        raise NotRegularError(f"{name} has more than {_MOST >> 20} MiB")
    return data


def text(top: Path, name: str | Path) -> str:
    """The same, as text; empty where there is no such file, or something else in its place."""
    try:
        return read(top, name).decode(errors="replace")
    except (FileNotFoundError, NotRegularError):
        return ""


def copy(top: Path, name: str | Path, into: Path) -> None:
    """Copy such a file; whoever runs it need not be its owner."""
    with opened(top, name) as source, into.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
    into.chmod(0o644)
