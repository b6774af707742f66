# SPDX-License-Identifier: GPL-2.0-only
"""The files of a kernel's source, out of a tarball or a folder, on their way into git fast-import."""

import os
import stat
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO

from kseries.host import checksums, untrusted
from kseries.model.errors import InputError, in_words
from kseries.sources import git

FILE_LIMIT = 1 << 30
"""Bytes of one file, which is read whole."""
_GIT = ".git"
"""What a clone has, or a work tree of one: no part of a kernel, and of no tree that git would check out."""

_BUILT = (".config", "include/config", "arch/*/include/generated")
"""What a kernel has in whose source it was built, or its headers were made: make builds such a one in no other folder
(outputmakefile in the kernel's Makefile).
"""


@dataclass(frozen=True)
class SourceFile:
    """One file on its way into the store: path below the kernel's top directory, git mode, contents."""

    path: str
    mode: str
    data: bytes


def _check_whole(path: Path) -> None:
    """Raise InputError for a plain tarball without its end, which tarfile takes for a whole one."""
    with path.open("rb") as file:
        plain = file.read(tarfile.BLOCKSIZE)[257:262] == b"ustar"
        file.seek(-min(tarfile.BLOCKSIZE, file.seek(0, os.SEEK_END)), os.SEEK_END)
        if plain and file.read().strip(b"\0"):
            raise InputError(f"{path} is cut short")


def of_tarball(path: Path) -> Iterator[SourceFile]:
    """The files of a tarball, below its one top directory. Raises InputError where it is cut short, or no kernel's."""
    _check_whole(path)
    top: str | None = None
    with tarfile.open(path, mode="r|*") as archive:
        for member in archive:
            first, _, rest = member.name.removeprefix("./").partition("/")
            top = first if top is None else top
            if first != top:
                raise InputError(f"{path} has more than one top directory ({top}, {first}): is it a kernel tarball?")
            if not rest and not member.isdir():
                raise InputError(f"{path} has no top directory: is it a kernel tarball?")
            if _GIT in rest.split("/"):
                continue
            if not member.isdir() and any(fnmatchcase(f"{rest}/", f"{one}/*") for one in _BUILT):
                raise InputError(f"{path} has been built in: it has {rest}\n  make mrproper there, and pack it anew")
            if member.issym():
                yield SourceFile(rest, "120000", os.fsencode(member.linkname))
            elif member.isfile():
                file = archive.extractfile(member)
                assert file is not None
                yield SourceFile(rest, "100755" if member.mode & stat.S_IXUSR else "100644", file.read())
            elif not member.isdir():
                raise InputError(f"{path}: {member.name} is neither a file nor a link nor a directory")


def check_not_built(top: Path) -> None:
    """Raise InputError for an unpacked tree that has been built in."""
    if any(any(top.glob(one)) for one in _BUILT):
        raise InputError(f"{top} has been built in\n  clean it with: make -C {top} mrproper")


def names(top: Path) -> list[str]:
    """The paths of an unpacked tree, of files and links, but for a .git."""
    return sorted(_walk(top))


def signature(top: Path, paths: Iterable[str]) -> str:
    """Of a tree with the same names, sizes and times, the same."""
    return checksums.of_bytes(repr([(name, _signature(top / name)) for name in paths]).encode())


def of_folder(top: Path, paths: Iterable[str]) -> Iterator[SourceFile]:
    """The files of an unpacked tree. Raises InputError for what is neither a file nor a link."""
    return (_read(top, name) for name in paths)


def _walk(top: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(top, onerror=_unreadable):
        folders[:] = [name for name in folders if name != _GIT]
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        yield from (os.path.relpath(os.path.join(folder, name), top) for name in names + links if name != _GIT)


def _unreadable(error: OSError) -> None:
    raise InputError(f"cannot read {error.filename}: {in_words(error)}") from error


def _signature(path: Path) -> tuple[int, int, int]:
    seen = path.lstat()
    return seen.st_mode, seen.st_size, seen.st_mtime_ns


def _read(top: Path, name: str) -> SourceFile:
    path = top / name
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return SourceFile(name, "120000", os.fsencode(os.readlink(path)))
    if not stat.S_ISREG(mode):
        raise InputError(f"{top}: {name} is neither a file nor a link nor a directory")
    return SourceFile(name, "100755" if mode & stat.S_IXUSR else "100644", untrusted.read(path, FILE_LIMIT))


def write_import(stream: IO[bytes], ref: str, files: Iterable[SourceFile]) -> None:
    """Write git fast-import's input (git-fast-import(1)) for one commit with these files."""
    stream.write(f"commit {ref}\ncommitter kseries <kseries@localhost> 0 +0000\ndata 0\n".encode())
    for file in files:
        name = git.quoted(os.fsencode(file.path))
        stream.write(b"M %s inline %s\ndata %d\n" % (file.mode.encode(), name, len(file.data)))
        stream.write(file.data + b"\n")
    stream.write(b"done\n")
