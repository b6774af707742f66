# SPDX-License-Identifier: GPL-2.0-only
"""The user's own files in a guest: a directory as /add, kept by a digest of all its bytes."""

import os
import re
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kseries.host import checksums, files
from kseries.kbuild.initramfs import DIRECTORY, LINK, archive, member
from kseries.model.errors import InputError, in_words

PLACE = "add"
"""Where they are, below the root of the guest and of its userland (guests/init/init.c, FILES)."""
_LIMIT = 128 << 20
"""Bytes of a user's files: the guest has 512 MiB for them, twice over while it unpacks."""
_ARCHIVE = "add.cpio"
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Files:
    """An archive for the guest's root, which lies in the cache by its digest."""

    digest: str
    path: Path


def keep(top: Path, home: Path) -> Files:
    """The files of a directory as they are now, in a folder of ``home``. Raises InputError."""
    data = archive(members(top))
    digest = checksums.of_bytes(data)
    if not _is_whole(home / digest / _ARCHIVE, digest):
        shutil.rmtree(home / digest, ignore_errors=True)
        files.fill(home / digest, lambda made: (made / _ARCHIVE).write_bytes(data))
    return kept(digest, home)


def kept(digest: str, home: Path) -> Files:
    """Those that are kept. Raises InputError where they are not, or not as they were; ``digest`` may be anybody's."""
    path = home / digest / _ARCHIVE
    if not (_DIGEST.fullmatch(digest) and _is_whole(path, digest)):
        raise InputError("the files of --add are not in the cache as they were\n  run it again")
    os.utime(path.parent)  # used now: kseries gc takes first what was used longest ago
    return Files(digest, path)


def _is_whole(path: Path, digest: str) -> bool:
    return path.is_file() and checksums.of_file(path) == digest


def members(top: Path) -> Iterator[bytes]:
    """A directory as PLACE. Raises InputError where it is none, or too large."""
    if not top.is_dir():
        raise InputError(f"--add {top}: no such directory")
    yield member(PLACE, DIRECTORY)
    left = _LIMIT
    for path in sorted(top.rglob("*")):
        name = f"{PLACE}/{path.relative_to(top)}"
        try:
            kind = path.lstat()
            left -= kind.st_size
            if left < 0:
                raise InputError(f"--add {top}: it has more than {_LIMIT >> 20} MiB")
            if path.is_symlink():
                yield member(name, LINK, os.fsencode(path.readlink()))
            elif path.is_dir():
                yield member(name, DIRECTORY)
            elif path.is_file():
                yield member(name, stat.S_IFREG | stat.S_IMODE(kind.st_mode), path.read_bytes())
        except OSError as error:
            raise InputError(f"--add {top}: cannot read {path}: {in_words(error)}") from error
