# SPDX-License-Identifier: GPL-2.0-only
"""What a build reads of its source tree, as kbuild itself has noted it beside every object.

A ``.cmd`` file (scripts/basic/fixdep.c, scripts/Kbuild.include) holds the command that made a target and all that
went into it; tools/build and the guests' own Makefile leave the like. A source file that none of them names is read by
nothing that was compiled. Of Makefiles, Kconfig, scripts and tables there is no such note, so each of them counts as
read. Documentation in .rst goes into no target but make's own for documentation, and nothing that is built runs those.
"""

import os
import posixpath
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

import msgspec

from harness import files, sealed
from harness.build import taken
from harness.model import Record
from harness.trees import Change

_NOTED = frozenset({".c", ".h", ".S"})
"""What is compiled, and so noted wherever it is read."""
_MOST = 16 << 20
"""Bytes that are read of a note; kbuild's have some kilobytes."""
_NEVER = frozenset({".rst"})
# A path relative to who knows which folder: tools/build notes its sources so.
_RELATIVE = re.compile(rb"(?<=\s)(?!/)[^\s:$()]+\.[chS](?=[\s:]|$)")


class _Note(Record, frozen=True):
    """One note file: when it was written, and what it names."""

    written: int
    """Nanoseconds (st_mtime_ns)."""
    paths: frozenset[int]
    names: tuple[str, ...]


class _Kept(Record, frozen=True):
    """What is kept beside the objects, so that only new notes are read."""

    paths: tuple[str, ...]
    notes: dict[str, _Note]
    trees: tuple[str, ...]


class Reads:
    """The notes of one build folder, of all that was built in it since it was empty.

    ``place`` is where the sum is kept: not in ``obj``, where what is built could change it. ``always`` are folders of
    which everything counts as read.
    """

    def __init__(self, obj: Path, source: Path, place: Path, always: tuple[str, ...] = ()) -> None:
        self._always = always
        self._place = place
        self._obj = obj
        self._source = source
        self._seen: dict[bytes, str] = {}
        self.reload(place)

    def reload(self, place: Path) -> None:
        """Take what is kept in a place for what the folder has, which is to be a copy of that; there may be none."""
        kept = _load(place / "reads.json")
        self._paths = {path: number for number, path in enumerate(kept.paths)}
        self._notes = dict(kept.notes)
        self._trees = set(kept.trees)
        self._readers: dict[str, frozenset[str]] = {}
        self._names: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """False before anything has been built."""
        return bool(self._notes)

    def forget(self) -> None:
        """The folder is to be emptied, or holds what is not to be relied on."""
        self._notes.clear()
        self._trees.clear()
        self._readers.clear()
        self._names = frozenset()

    def knows(self, tree: str) -> bool:
        """True where the notes hold what a build of this tree read."""
        return tree in self._trees

    def update(self, tree: str) -> None:
        """Read the notes that are new since the last time, and keep them: ``tree`` has just been built here."""
        self._trees.add(tree)
        absolute = re.compile(re.escape(os.fsencode(self._source)) + rb"/([^\s:;,'\"()]+)")
        for name in _note_files(self._obj):
            with taken.opened(self._obj, name) as file:
                written = os.fstat(file.fileno()).st_mtime_ns
                known = self._notes.get(name)
                if known is None or known.written != written:
                    self._notes[name] = self._read(file.read(_MOST), written, absolute)
        self._readers.clear()
        self._names = frozenset(name for note in self._notes.values() for name in note.names)
        kept = _Kept(paths=tuple(self._paths), notes=self._notes, trees=tuple(self._trees))
        sealed.write(self._place / "reads.json", msgspec.json.encode(kept))

    def _read(self, data: bytes, written: int, absolute: re.Pattern[bytes]) -> _Note:
        paths = {self._plain(path) for path in set(absolute.findall(data))}
        names = {posixpath.basename(path.decode(errors="replace")) for path in set(_RELATIVE.findall(data))}
        numbers = frozenset(self._paths.setdefault(path, len(self._paths)) for path in paths)
        return _Note(written=written, paths=numbers, names=tuple(sorted(names)))

    def _plain(self, raw: bytes) -> str:
        """A path without "..": an object may name its source from three folders up (../../../virt)."""
        if raw not in self._seen:
            self._seen[raw] = posixpath.normpath(raw.decode(errors="replace"))
        return self._seen[raw]

    def readers(self, path: str) -> frozenset[str]:
        """The targets that are made again when this file changes."""
        number = self._paths.get(path)
        if number is None:
            return frozenset()
        if path not in self._readers:
            self._readers[path] = frozenset(name for name, note in self._notes.items() if number in note.paths)
        return self._readers[path]

    def can_matter(self, change: Change) -> bool:
        """False only if no build in this folder could have told a tree with this change from one without it."""
        if not self._notes:
            return True
        suffix = PurePosixPath(change.path).suffix
        if suffix in _NEVER:
            return False
        if change.path.startswith(self._always):
            return True
        if suffix not in _NOTED or not change.contents_only:
            return True  # a new file can be found by a search that had gone on past its place
        return bool(self.readers(change.path)) or PurePosixPath(change.path).name in self._names

    def cost(self, changes: Iterable[Change]) -> int:
        """How many targets changes make again."""
        return len(frozenset[str]().union(*(self.readers(change.path) for change in changes)))


def _note_files(obj: Path) -> Iterator[str]:
    for entry in files.walk(obj):
        noted = (entry.name.startswith(".") and entry.name.endswith(".cmd")) or entry.name.endswith(".d")
        if noted and entry.path.isprintable() and not entry.is_dir(follow_symlinks=False):  # make writes no others
            yield os.path.relpath(entry.path, obj)


def _load(path: Path) -> _Kept:
    try:
        return msgspec.json.decode(sealed.read(path) or b"", type=_Kept)
    except msgspec.DecodeError:
        return _Kept(paths=(), notes={}, trees=())
