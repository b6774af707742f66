# SPDX-License-Identifier: GPL-2.0-only
"""Bytes that gzip, bzip2, xz or zstd packed: told by their first bytes, and unpacked to a limit and no further.

Some kilobytes can say that they are a terabyte. Python's readers stop where they are told to. Python 3.11 has no zstd;
the program is asked, with a limit on what it may write (RLIMIT_FSIZE in getrlimit(2)): a package of PyPI would be one
more for everybody, for what few hold in their hands.
"""

import bz2
import errno
import gzip
import io
import lzma
import os
import signal
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from kseries.host import processes
from kseries.model.errors import InfraError, InputError

SUFFIXES = (".gz", ".bz2", ".xz", ".zst")
"""What the names of such files end in."""

_READERS: dict[bytes, tuple[str, Callable[[IO[bytes]], Any]]] = {
    b"\x1f\x8b": ("a gzip", gzip.open),  # RFC 1952
    b"BZh": ("a bzip2", bz2.open),
    b"\xfd7zXZ\0": ("an xz", lzma.open),  # xz-file-format.txt, 2.1.1.1
}
_ZSTD = b"\x28\xb5\x2f\xfd"  # RFC 8878, 3.1.1
_BROKEN = (EOFError, OSError, MemoryError, zlib.error, lzma.LZMAError)
_ZSTD_SECONDS = 120


class TooLargeError(Exception):
    """What was packed has more bytes than anybody asked for."""


def unpacked(data: bytes, name: str, limit: int) -> bytes:
    """What was packed, or the data where nothing was.

    Raises TooLargeError for more than ``limit`` bytes, InputError where it cannot be unpacked, and InfraError where
    that takes a program that is not there.
    """
    whole = _of_zstd(data, name, limit) if data.startswith(_ZSTD) else _of_python(data, name, limit)
    if len(whole) > limit:
        raise TooLargeError
    return whole


def bare(name: str) -> str:
    """The name that a file has once it is unpacked: ``0001-x.patch`` of ``0001-x.patch.xz``."""
    path = Path(name)
    return path.stem if path.suffix in SUFFIXES else name


def _of_python(data: bytes, name: str, limit: int) -> bytes:
    for magic, (kind, reader) in _READERS.items():
        if data.startswith(magic):
            try:
                with reader(io.BytesIO(data)) as file:
                    return bytes(file.read(limit + 1))
            except _BROKEN as error:
                raise InputError(f"{name} is not {kind} file that can be read: {error}") from error
    return data


def _of_zstd(data: bytes, name: str, limit: int) -> bytes:
    processes.require("zstd", "zstd")
    with tempfile.TemporaryDirectory(prefix="kseries-zstd-") as scratch:
        made = Path(scratch) / "unpacked"
        # Of memory it takes 128 MiB and no more, where it is not told to (--memory in zstd(1)).
        words = ["zstd", "-d", "-q", "-f", "-o", str(made), "-"]
        done = processes.run(["prlimit", f"--fsize={limit + 1}", *words], seconds=_ZSTD_SECONDS, stdin=data)
        if done.returncode == 0:
            return made.read_bytes()
    if done.returncode == -signal.SIGXFSZ:
        raise TooLargeError
    said = done.stderr.decode(errors="replace").strip().splitlines() or [f"exit status {done.returncode}"]
    if os.strerror(errno.ENOSPC) in said[-1]:
        raise InfraError(f"cannot unpack {name}: {said[-1]}")
    raise InputError(f"{name} is not a zstd file that can be read: {said[-1]}")
