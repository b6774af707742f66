# SPDX-License-Identifier: GPL-2.0-only
"""A store of trees, compared with what git has noted of its own files: a hash in a name or at an end, words it wrote.

No git is asked. One that cannot start, finds no memory, is killed or is preloaded with something says nothing of what
is on the disk; and a store that is thrown away costs minutes and a download.
"""

import hashlib
import os
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

_PIECE = 1 << 20
_HASH = 20
"""Bytes of a SHA-1, which is what our store is made with."""
# gitformat-pack(5), gitformat-commit-graph(5): each of them ends in the hash of all that is before.
_TRAILED = (".pack", ".idx", ".rev", ".bitmap", ".mtimes")
_LOOSE = re.compile(r"[0-9a-f]{38}")
_HEAD = re.compile(rb"(ref:\s*refs/|[0-9a-f]{40}\s).*", re.DOTALL)  # validate_headref() in git's path.c
_REF = re.compile(rb"(ref: \S+|[0-9a-f]{40})\n?")
_PACKED_REF = re.compile(rb"#.*|\^[0-9a-f]{40}|[0-9a-f]{40} refs/\S+")
_CONFIG = {
    b"core.repositoryformatversion": rb"0",
    b"core.filemode": rb"true|false",
    b"core.bare": rb"true",
    b"core.compression": rb"-?\d",
    b"gc.auto": rb"\d+",
}
"""What the store was made with, and values that git can take."""


def damaged(store: Path) -> Path | None:
    """The first file of a bare repository that is not as git has written it, or None.

    It reads all of them: a second for each few hundred MiB. Raises OSError for one that cannot be read.
    """
    return next((file for file, whole in _files(store) if not _holds(file, whole)), None)


_Whole = Callable[[Path], bool]


def _files(store: Path) -> Iterator[tuple[Path, _Whole]]:
    yield store / "config", _whole_config
    yield store / "HEAD", lambda file: _HEAD.fullmatch(file.read_bytes()) is not None
    yield store / "packed-refs", lambda file: all(map(_PACKED_REF.fullmatch, _read(file).splitlines()))
    yield from ((file, lambda file: _REF.fullmatch(file.read_bytes()) is not None) for file in _walk(store / "refs"))
    for file in _listed(store / "objects" / "pack"):
        if file.suffix in _TRAILED or file.name == "multi-pack-index":
            yield file, _whole_index if file.suffix == ".idx" else _is_trailed
    for folder in _listed(store / "objects"):
        if len(folder.name) == 2:
            yield from ((file, _is_named) for file in _listed(folder) if _LOOSE.fullmatch(file.name))


def _holds(file: Path, whole: _Whole) -> bool:
    """True also for a file that is gone: another kseries may be at work."""
    try:
        return whole(file)
    except FileNotFoundError:
        return not os.path.lexists(file)


def _walk(folder: Path) -> Iterator[Path]:
    """The refs below a folder, without the locks of who changes one."""
    for place in _listed(folder):
        if place.is_dir():
            yield from _walk(place)
        elif place.suffix != ".lock":
            yield place


def _listed(folder: Path) -> list[Path]:
    """What is in a folder; Path.glob() would pass over one that is closed to us."""
    try:
        return [folder / name for name in sorted(os.listdir(folder))]  # noqa: PTH208
    except (FileNotFoundError, NotADirectoryError):
        return []


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


def _whole_config(file: Path) -> bool:
    """True where all that the store was made with can be found in it."""
    values, section = dict[bytes, bytes](), b""
    for row in file.read_bytes().splitlines():
        name, is_value, value = (part.strip() for part in row.partition(b"="))
        if is_value:
            values[section + b"." + name] = value
        elif name.startswith(b"["):
            section = name.strip(b"[]")
    return all(re.fullmatch(wanted, values.get(name, b"")) for name, wanted in _CONFIG.items())


def _is_trailed(file: Path) -> bool:
    """True where a file ends in the hash of the rest of it."""
    left = file.stat().st_size - _HASH
    digest = hashlib.sha1(usedforsecurity=False)
    with file.open("rb") as data:
        while left > 0 and (piece := data.read(min(left, _PIECE))):
            digest.update(piece)
            left -= len(piece)
        return data.read() == digest.digest()


def _whole_index(file: Path) -> bool:
    """True for the index of a pack that is there, and is the one that it is about."""
    return _is_trailed(file) and _end(file, 2 * _HASH)[:_HASH] == _end(file.with_suffix(".pack"), _HASH)


def _end(file: Path, size: int) -> bytes:
    with file.open("rb") as data:
        data.seek(max(0, data.seek(0, os.SEEK_END) - size))
        return data.read()


def _is_named(file: Path) -> bool:
    """True for a loose object whose name is the hash of what it holds."""
    digest = hashlib.sha1(usedforsecurity=False)
    stream = zlib.decompressobj()
    with file.open("rb") as data:
        try:
            while not stream.eof and (piece := stream.unconsumed_tail or data.read(_PIECE)):
                digest.update(stream.decompress(piece, _PIECE))
            digest.update(stream.flush())
        except zlib.error:
            return False
        rest = stream.unused_data or data.read(1)
    return stream.eof and not rest and digest.hexdigest() == file.parent.name + file.name
