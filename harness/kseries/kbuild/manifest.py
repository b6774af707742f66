# SPDX-License-Identifier: GPL-2.0-only
"""What the files of a build folder were when a build had ended: make takes whatever has the right date.

An object that was cut short would look like a tree that does not link, one with a bit flipped like a kernel that
misbehaves.
"""

import os
import stat
from pathlib import Path

import msgspec

from kseries.host import checksummed, checksums, files
from kseries.kbuild import artifacts
from kseries.kbuild.limits import ROOM
from kseries.model import Record

NOTE = "sums.json"
_MOST = 1 << 30
"""Bytes of a file that is read, as ROOM are of all: what is but a hole can have more. Make's largest, a vmlinux.o with
all that debuggers want, has less."""


class _Entry(Record, frozen=True):
    size: int
    written: int
    """Nanoseconds (st_mtime_ns)."""
    digest: str
    """Empty of what is no regular file, is too large, or is not ours to read."""


class Manifest:
    """The sums of all files below ``obj``, noted in ``place``, where nothing that is built can write."""

    def __init__(self, obj: Path, place: Path) -> None:
        self._obj = obj
        self._note = place / NOTE

    def update(self) -> None:
        """Note what is there now. Only what was written since the last time is read."""
        checksummed.write(self._note, msgspec.json.encode(self._entries(self._noted() or {})))

    def hold(self) -> bool:
        """True where all that was noted is as it was, or nothing is there; reads every file."""
        noted, found = self._noted(), self._entries({})
        return not found if noted is None else noted.items() <= found.items()

    def _noted(self) -> dict[str, _Entry] | None:
        try:
            return msgspec.json.decode(checksummed.read(self._note) or b"", type=dict[str, _Entry])
        except msgspec.DecodeError:
            return None

    def _entries(self, known: dict[str, _Entry]) -> dict[str, _Entry]:
        found: dict[str, _Entry] = {}
        left = ROOM
        for entry in files.walk(self._obj):
            try:
                seen = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            if stat.S_ISDIR(seen.st_mode):
                continue
            name = os.fsencode(os.path.relpath(entry.path, self._obj)).decode("latin-1")  # it need not be text
            last = known.get(name)
            if last is not None and (last.size, last.written) == (seen.st_size, seen.st_mtime_ns):
                found[name] = last
                continue
            digest = ""
            if seen.st_size <= min(left, _MOST):
                left -= seen.st_size
                digest = self._digest(os.path.relpath(entry.path, self._obj))
            found[name] = _Entry(size=seen.st_size, written=seen.st_mtime_ns, digest=digest)
        return found

    def _digest(self, name: str) -> str:
        try:
            with artifacts.opened(self._obj, name) as file:
                return checksums.of_file(file)
        except (artifacts.NotRegularError, OSError):
            return ""
