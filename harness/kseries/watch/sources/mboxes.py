# SPDX-License-Identifier: GPL-2.0-only
"""A directory of mboxes, or one: files to whose end mails are added.

Its position is where the last mail of each file begins: that may be half there, so it is read again, and whoever takes
the mails knows by its Message-ID that it is the same. A file that has something else before that place is another one,
such as the next after a rotation, and is read from its beginning.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec

from kseries.host import checksums, untrusted
from kseries.model.errors import InfraError, InputError, in_words
from kseries.watch.posted import LARGEST
from kseries.watch.sources.source import Batch

_START = re.compile(rb"From .{1,160}\d:\d\d.{0,16} \d{4}.{0,16}\n?$")
"""As inputs/mbox.py has it: a line with a date, and a header below it."""
_HEADER = re.compile(rb">?[!-9;-~]+:")
_QUOTED = re.compile(rb"^>(?=>*From )", re.MULTILINE)
_LONGEST = 1 << 20
"""Bytes of a line that are read at once."""
_AT_ONCE = 500
_TELLING = 4096
"""Bytes that tell a file from the one that had its name before."""


class Mboxes:
    """The mboxes of a directory, or the one that a file is."""

    def __init__(self, place: Path) -> None:
        self._place = place.resolve()

    @property
    def name(self) -> str:
        return f"mboxes {self._place}"

    def files(self) -> Iterator[Path]:
        """Those that there are. Raises OSError."""
        if self._place.is_file():
            yield self._place
            return
        for path in sorted(self._place.iterdir()):
            if path.name[0] != "." and path.is_file() and _is_one(path):
                yield path

    def new(self, position: str, since: float | None) -> Iterator[Batch]:
        """As Source has it."""
        at = msgspec.json.decode(position, type=dict[str, tuple[int, str]]) if position else {}
        try:
            for path in self.files():
                if since is None or path.stat().st_mtime >= since:
                    yield from self._of_file(path, at)
        except OSError as error:
            raise InfraError(f"cannot read {error.filename or self._place}: {in_words(error)}") from error

    def _of_file(self, path: Path, at: dict[str, tuple[int, str]]) -> Iterator[Batch]:
        """The mails of a file from where it was left; ``at`` becomes where its last one begins."""
        mails: list[tuple[bytes, str]] = []
        told: list[str] = []
        with untrusted.opened(path) as file:
            begins, before = at.get(path.name, (0, ""))
            for start, data in split(file, begins if _before(file, begins) == before else 0):
                at[path.name] = start, _before(file, start)
                if data is None:
                    told.append(f"{path}: the mail at byte {start} has more than {LARGEST >> 20} MiB")
                else:
                    mails.append((data, f"{path.name} at byte {start}"))
                if len(mails) >= _AT_ONCE:
                    yield Batch(tuple(mails), _encoded(at), tuple(told))
                    mails, told = [], []
        if mails or told:
            yield Batch(tuple(mails), _encoded(at), tuple(told))


def split(file: IO[bytes], begins: int) -> Iterator[tuple[int, bytes | None]]:
    """The mails of an mbox from a place on, each with where it begins; None for one that is too large to be read."""
    file.seek(begins)
    start, data, size, at = begins, bytearray(), 0, begins
    pending = b""
    ended = True  # the line before had its end
    while True:
        line, pending = pending or file.readline(_LONGEST), b""
        if not line:
            break
        if ended and size and _START.match(line):
            pending = file.readline(_LONGEST)
            if _HEADER.match(pending):
                yield start, _unquoted(data, size)
                start, data, size = at, bytearray(), 0
        size += len(line)
        if size <= LARGEST:
            data += line
        at += len(line)
        ended = line.endswith(b"\n")
    if size:
        yield start, _unquoted(data, size)


def _before(file: IO[bytes], place: int) -> str:
    """What a file has before a place, as a digest of the last of it; the place in the file stays."""
    begins = max(0, place - _TELLING)
    return checksums.of_bytes(os.pread(file.fileno(), place - begins, begins))


def _unquoted(data: bytearray, size: int) -> bytes | None:
    return _QUOTED.sub(b"", bytes(data)) if size <= LARGEST else None


def _is_one(path: Path) -> bool:
    try:
        with untrusted.opened(path) as file:
            return file.read(5) == b"From "
    except (OSError, InputError):
        return False


def _encoded(at: dict[str, tuple[int, str]]) -> str:
    return msgspec.json.encode(at).decode()
