# SPDX-License-Identifier: GPL-2.0-only
"""A disk without room: known by what the kernel answers and by what tools print, and named to the user.

Every tool says so in words of its own, and some in none (ld is killed by SIGBUS when a page of its output has no
block): so a disk that is as good as full counts too, where something has failed for no reason that it told.
"""

import contextlib
import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path

from kseries.model.errors import DiskFullError, InfraError

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
# strerror(3) of those, and git's word for it (write_or_die.c, csum-file.c).
_WORDS = re.compile(r"No space left on device|Disk quota exceeded|[Oo]ut of disk ?space")
_LEAST = 1 << 20
"""Bytes without which nobody can say that there was room."""
_MIB = 1 << 20


def said(text: str) -> bool:
    """True where a tool says that it found no room."""
    return _WORDS.search(text) is not None


def full(*places: Path) -> bool:
    """True where the disk of one of these places has no room left."""
    return any(_free(_existing(place)) < _LEAST for place in places)


def trouble(*places: Path) -> DiskFullError:
    """The error to raise where there was no room; it names the disk of that place which has least."""
    place = min(map(_existing, places), key=_free)
    return DiskFullError(
        f"the disk is full: {_mount_point(place)}, which {place} is on ({_free(place) // _MIB} MiB free)\n"
        "  make room, or set XDG_CACHE_HOME or --out to another disk, and run again; finished states are cached"
    )


@contextlib.contextmanager
def named(*places: Path) -> Iterator[None]:
    """Have whatever fails for lack of room say so, and which of the disks of ``places`` it is: DiskFullError."""
    try:
        yield
    except DiskFullError:
        raise
    except OSError as error:
        if error.errno in _FULL:
            raise trouble(*places) from error
        raise
    except InfraError as error:
        if said(str(error)):
            raise trouble(*places) from error
        raise


def _existing(place: Path) -> Path:
    place = place.resolve()  # ~/.cache may be a link to a larger disk
    # Path.exists() raises where we may not look.
    return next(path for path in (place, *place.parents) if os.path.exists(path))  # noqa: PTH110


def _free(place: Path) -> int:
    """Bytes that we may still write; none where there is no inode left for another file."""
    seen = os.statvfs(place)
    return 0 if seen.f_files and not seen.f_favail else seen.f_bavail * seen.f_frsize


def _mount_point(place: Path) -> Path:
    return next(path for path in (place, *place.parents) if os.path.ismount(path))
