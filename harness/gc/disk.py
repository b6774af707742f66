# SPDX-License-Identifier: GPL-2.0-only
"""The room that files take, and their removal."""

import contextlib
import os
from pathlib import Path

from harness.box import removal
from harness.build import taken

_BLOCK = 512
"""The unit of st_blocks (inode(7))."""


def used(path: Path) -> int:
    """Bytes on the disk of a file, or of a directory and all in it; what goes meanwhile counts nothing."""
    return _own(path) + sum(_own(Path(entry.path)) for entry in taken.walk(path))


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
    """Remove a file, or a directory in such a way that half of it is never taken for the whole."""
    if path.is_dir() and not path.is_symlink():
        # A name that leftovers.py knows, should we be killed.
        half = path.rename(path.with_name(f"{path.name}.{os.getpid()}"))
        removal.remove(half)
    else:
        path.unlink(missing_ok=True)
