# SPDX-License-Identifier: GPL-2.0-only
"""A tarball of patches: its plain files, written into a folder of ours, and where in there the series lies.

Python's tarfile is not for strangers' archives: to find a charset in a header, it takes time in the square of that
header's length, a sparse file of a terabyte is some bytes, and what a link is read for lies elsewhere. The format is
ustar's (POSIX.1-1988), with GNU's and pax's long names (tar(5)).
"""

import contextlib
import errno
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from kseries.inputs import maildir, patchdir, quilt, testcase
from kseries.inputs.subject import printable
from kseries.model.errors import InfraError, InputError, in_words

_ENDING = re.compile(r"\.(?:tar(?:\.\w{1,4})?|t[gx]z|tbz2?|tzst)$")
_OF_MAILDIR = ("cur", "new")
"""Folders by which one is known, and of which one is mostly empty (maildir(5)); others are made for what is in them."""
_DIGITS = re.compile(rb"[ \0]*[0-7]*[ \0]*")
_BLOCK = 512
_FILES = 100_000
"""More than any queue has, of which SUSE's has 30,000."""
_LEVELS = 50
"""Of folders in one another, which are made one by one."""
_NAME_BYTES = 64 << 10
"""Of a header with long names."""
_PLAIN, _FOLDER, _GNU_NAME, _PAX, _ABOUT = (b"0", b"\0"), b"5", b"L", b"x", (b"K", b"g")


class _Member(NamedTuple):
    name: str
    kind: bytes
    data: bytes


def is_one(data: bytes) -> bool:
    """True for what begins with a header of a tarball, whose sum is right."""
    return data[257:262] == b"ustar" and _sum_is_right(data[:_BLOCK])


def bare(name: str) -> str:
    """The name of a tarball without its endings."""
    return _ENDING.sub("", name)


def unpack(data: bytes, name: str, into: Path) -> tuple[Path, ...]:
    """Write the files of a tarball into a folder; the paths of what is no plain file, and was passed over.

    Raises InputError for one that is cut short, or leads out of its folder, and InfraError without room.
    """
    others = []
    for number, member in enumerate(_members(data, name)):
        if number == _FILES:
            raise InputError(f"{name} has more than {_FILES} files\n  unpack what is meant, and name that")
        path = PurePosixPath(member.name)
        if path.is_absolute() or ".." in path.parts or len(path.parts) > _LEVELS:
            raise InputError(f"{name}: {printable(member.name[:200])} leads out of it, or too deep")
        if member.kind in _PLAIN:
            _write(into / path, member.data, name)
        elif member.kind == _FOLDER and path.name in _OF_MAILDIR:
            _make(into / path, name)
        elif member.kind != _FOLDER:
            others.append(into / path)
    return tuple(others)


def place(top: Path) -> Path:
    """The folder below ``top`` in which the series lies: the first with patches, or ``patches`` of Debian's."""
    while not _is_place(top):
        folders = [path for path in sorted(top.iterdir()) if path.is_dir()]
        named = [path for path in folders if path.name == "patches"]
        if not named and len(folders) != 1:
            break
        (top,) = named or folders
    return top


def _is_place(folder: Path) -> bool:
    names = [path.name for path in folder.iterdir() if path.is_file()]
    known = testcase.FILE in names or any(map(patchdir.is_patch, names)) or maildir.is_one(folder)
    return known or quilt.in_directory(folder) is not None


def check_links(others: Iterable[Path], top: Path, name: str) -> None:
    """Raise InputError for what is no plain file and may be a patch, or their order: without it, it is another series.

    cp -l and quilt make links of patches, and tar keeps them.
    """
    for path in others:
        if patchdir.is_patch(path.name) or path.name in (*quilt.NAMES, testcase.FILE):
            raise InputError(
                f"{name}: {str(path.relative_to(top))[:200]} is a link, or else no plain file\n"
                "  pack the files themselves: tar --dereference --hard-dereference -cf FILE FOLDER"
            )


def _make(folder: Path, name: str) -> None:
    with _told(folder, name):
        folder.mkdir(parents=True, exist_ok=True)


def _write(path: Path, data: bytes, name: str) -> None:
    with _told(path, name):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


@contextlib.contextmanager
def _told(path: Path, name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise InfraError(f"cannot unpack {name}: {in_words(error)}") from error
        raise InputError(f"{name}: cannot unpack {printable(path.name[:100])}: {in_words(error)}") from error


def _members(data: bytes, name: str) -> Iterator[_Member]:
    at, long_name = 0, b""
    while True:
        head = data[at : at + _BLOCK]
        if len(head) == _BLOCK and not head.strip(b"\0"):
            return
        if not _sum_is_right(head):
            raise InputError(f"{name} is cut short, or no tarball that can be read")
        size = _size(head, name)
        body = data[at + _BLOCK : at + _BLOCK + size]
        at += _BLOCK + -(-size // _BLOCK) * _BLOCK
        kind = head[156:157]
        if kind == _GNU_NAME:
            long_name = body[:_NAME_BYTES].partition(b"\0")[0]
        elif kind == _PAX:
            long_name = _pax_path(body[:_NAME_BYTES])
        elif kind not in _ABOUT:
            yield _Member(_decoded(long_name or _ustar_name(head)), kind, body)
            long_name = b""


def _sum_is_right(head: bytes) -> bool:
    """The header's bytes added up, with blanks in the place of the sum itself."""
    try:
        return sum(head[:148]) + sum(head[156:]) + 8 * ord(" ") == _octal(head[148:156])
    except ValueError:
        return False


def _size(head: bytes, name: str) -> int:
    try:
        return _octal(head[124:136])
    except ValueError as error:  # GNU's way to say that it has more than 8 GiB
        raise InputError(f"{name} has a file with a size that cannot be read") from error


def _octal(field: bytes) -> int:
    """The number in a field; there is no other sign in one. Raises ValueError."""
    if not _DIGITS.fullmatch(field):
        raise ValueError(field)
    return int(field.strip(b" \0") or b"0", 8)


def _ustar_name(head: bytes) -> bytes:
    name, prefix = (head[start:end].partition(b"\0")[0] for start, end in ((0, 100), (345, 500)))
    return prefix + b"/" + name if prefix and head[257:263] == b"ustar\0" else name  # GNU's have times there


def _pax_path(body: bytes) -> bytes:
    """The path in a pax header: records of ``LENGTH KEY=VALUE\\n``, each with its own length in it."""
    path, at = b"", 0
    while (length := body[at : at + 8].partition(b" ")[0]).isdigit() and int(length):
        key, _, value = body[at + len(length) + 1 : at + int(length)].partition(b"=")
        path = value.removesuffix(b"\n") if key == b"path" else path
        at += int(length)
    return path


def _decoded(name: bytes) -> str:
    return name.decode(errors="surrogateescape")
