# SPDX-License-Identifier: GPL-2.0-only
"""Files and folders on the disk: the room that they take, and their removal.

What came from a series may have made folders as deep as it likes, and closed to us. os.walk() and shutil.rmtree() call
themselves for each level, and Python ends at a thousand.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from kseries.host import processes
from kseries.model.errors import InfraError

_BLOCK = 512
"""The unit of st_blocks (inode(7))."""
_REMOVAL_SECONDS = 600.0


def walk(top: Path) -> Iterator["os.DirEntry[str]"]:
    """All that is below a folder, but for what is so deep that it has no path, and for what goes meanwhile."""
    folders = [str(top)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    yield entry
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
        except OSError:
            continue


def used(path: Path) -> int:
    """Bytes on the disk of a file, or of a directory and all in it; what goes meanwhile counts nothing."""
    return _own(path) + sum(_own(Path(entry.path)) for entry in walk(path))


def _own(path: Path) -> int:
    try:
        return path.lstat().st_blocks * _BLOCK
    except OSError:
        return 0


def last_use(path: Path) -> float:
    """When a file was written or touched last, in seconds since 1970; 0 where there is none."""
    with contextlib.suppress(OSError):
        return path.stat().st_mtime
    return 0.0


def remove(path: Path) -> None:
    """Remove a file, or a folder and all in it; nothing where there is none. Raises InfraError."""
    if not os.path.lexists(path):
        return
    done = processes.run(["rm", "-rf", "--", path], seconds=_REMOVAL_SECONDS)
    if done.returncode != 0:  # an unprivileged user is told of folders without a right to them
        processes.run(["chmod", "-R", "u+rwX", "--", path], seconds=_REMOVAL_SECONDS)
        done = processes.run(["rm", "-rf", "--", path], seconds=_REMOVAL_SECONDS)
    if done.returncode != 0:
        why = done.stderr.decode(errors="replace").partition("\n")[0]
        raise InfraError(f"cannot remove {path}: {why}")


def remove_whole(path: Path) -> None:
    """Remove a file, or a directory in such a way that half of it is never taken for the whole."""
    if path.is_dir() and not path.is_symlink():
        # A name that gc/leftovers.py knows, should we be killed.
        half = path.rename(path.with_name(f"{path.name}.{os.getpid()}"))
        remove(half)
    else:
        path.unlink(missing_ok=True)
