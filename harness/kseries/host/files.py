# SPDX-License-Identifier: GPL-2.0-only
"""Files and folders on the disk: written so that each appears whole, the room that they take, and their removal.

What came from a series may have made folders as deep as it likes, and closed to us. os.walk() and shutil.rmtree() call
themselves for each level, and Python ends at a thousand.
"""

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from kseries.host import processes
from kseries.model.errors import InfraError

_BLOCK = 512
"""The unit of st_blocks (inode(7))."""
_REMOVAL_SECONDS = 600.0


def write(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Write a file, which appears whole or not at all, also where the host goes down. Raises OSError.

    Without ``sync`` it may be short after that: for what can be had again, or tells of a process of this boot.
    """
    with _beside(path) as beside:
        beside.write_bytes(data)
        if sync:
            place(beside, path)
        else:
            beside.replace(path)


def copy(source: Path, path: Path) -> None:
    """Copy a file's contents into one that appears whole, as ``write`` without ``sync`` does. Raises OSError."""
    with _beside(path) as beside:
        shutil.copyfile(source, beside)
        beside.replace(path)


def place(made: Path, path: Path) -> None:
    """Give a file, or a folder and all in it, the name that it is to have on the same disk. Raises OSError.

    What it holds is on the disk before the name is, and the name is when this returns: rename(2) promises neither.
    """
    sync(made)
    rename(made, path)


def fill(path: Path, fill_it: Callable[[Path], object]) -> None:
    """Have a folder that is filled, by who is given a new one, under a name that tells what is in it.

    Whoever comes first makes it: another does the same. What ``fill_it`` raises is raised. Raises OSError.
    """
    made = _name_beside(path)
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    try:
        fill_it(made)
        place(made, path)
    except OSError:
        if not path.exists():
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)


def sync(made: Path) -> None:
    """Wait until a file, or a folder and all in it, is on the disk. Raises OSError."""
    for entry in walk(made) if made.is_dir() else ():
        if not entry.is_symlink():
            _sync(entry.path)
    _sync(made)


def rename(made: Path, path: Path) -> None:
    """As ``place``, of what is on the disk already."""
    made.replace(path)
    _sync(path.parent)


def _name_beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.{os.getpid()}")  # which gc/leftovers.py knows, should we be killed


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """The name under which to make a file; nothing of it stays where that fails."""
    beside = _name_beside(path)
    try:
        yield beside
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink(missing_ok=True)
        raise


def _sync(path: "os.PathLike[str] | str") -> None:
    """Wait until a file, or the names in a folder, are on the disk (fsync(2))."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that cannot do so for a folder
            raise
    finally:
        os.close(file)


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
