# SPDX-License-Identifier: GPL-2.0-only
"""What a build reads of its source tree, as kbuild itself has noted it beside every object.

A ``.cmd`` file (scripts/basic/fixdep.c, scripts/Kbuild.include) holds the command that made a target and all that
went into it; tools/build and the guests' own Makefile leave the like. A source file that none of them names is read by
nothing that was compiled. Of scripts and tables there is no such note, so each of them counts as read. Which Makefiles
and Kconfig files were read make and Kconfig tell (parsed.py); of a build of which they did not, each counts.
Documentation in .rst goes into no target but make's own for documentation, which nothing that is built runs; where a
compiler was given it, its note names it.
"""

import os
import posixpath
import re
import stat
from collections.abc import Container, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path, PurePosixPath

import msgspec

from kseries.host import checksummed, files
from kseries.kbuild import artifacts, parsed
from kseries.model import Dependencies, Record
from kseries.sources import Change

_NOTED = frozenset({".c", ".h", ".S"})
"""What is compiled, and so noted wherever it is read."""
_MOST = 16 << 20
"""Bytes that are read of a note; kbuild's have some kilobytes."""
TREES = 64
"""How many trees of a folder are known: twice a series of thirty. Each costs what its notes differ in."""
_DOCUMENTATION = "Documentation/"
_RUN = frozenset({".sh", ".py", ".pl", ".awk"})
"""A script, whatever else it is called."""
_PLAIN = re.compile(r"[\w./+@-]+", re.ASCII)
"""A path in which nobody who tells of it could have seen two."""
_LINK = "120000"
_KEPT = "dependencies.json"
"""Written when a build has ended."""
# A path relative to who knows which folder: tools/build notes its sources so.
_RELATIVE = re.compile(
    rb"(?<=\s)(?!/)(?:[^\s:$()]+\.(?:[chS]|rst)|(?:[^\s:$()]*/)?(?:Makefile|Kbuild|Kconfig)[^\s:$()/]*)(?=[\s:]|$)"
)


class _Note(Record, frozen=True):
    """One note file: when it was written, and what it names."""

    written: int
    """Nanoseconds (st_mtime_ns)."""
    paths: frozenset[int]
    names: tuple[str, ...]


_NOTHING = _Note(written=0, paths=frozenset(), names=())


class _Kept(Record, frozen=True):
    """What is kept beside the objects, so that only new notes are read."""

    paths: tuple[str, ...]
    notes: tuple[_Note, ...]
    trees: tuple[tuple[str, dict[str, int | None]], ...]
    """Of each tree, oldest first, the notes that are others than those of the tree before; None where one is gone."""
    always: dict[str, tuple[str, ...]]


def can_matter(read: Dependencies, change: Change) -> bool:
    """False only if a build that has read this could not have told a tree with the change from the one it was of."""
    if not (read.paths or read.names):
        return True
    if change.path in read.paths or change.path.startswith(read.always):
        return True
    path = PurePosixPath(change.path)
    if path.name in read.names:
        return True
    if path.suffix == ".rst" and change.path.startswith(_DOCUMENTATION):
        return False
    # A new file can be found by a search that had gone on past its place; a link is another file by its contents.
    if not change.contents_only or change.old[0] == _LINK:
        return True
    return path.suffix not in (*_NOTED, ".rst") and not _is_parsed(read, path)


def _is_parsed(read: Dependencies, path: PurePosixPath) -> bool:
    """True of a file that would be among those that this has read, if it had been."""
    return path.stem in read.parsed and path.suffix not in _RUN and _PLAIN.fullmatch(str(path)) is not None


class _Snapshot:
    """The notes of all that was in a folder when a build had ended. It never changes.

    What is built later in the same folder has notes of its own, and they say nothing of this build.
    """

    def __init__(self, notes: Mapping[str, _Note], paths: Mapping[str, int], always: tuple[str, ...]) -> None:
        self.notes = notes
        self.always = always
        self._paths = paths
        self._readers: dict[str, frozenset[str]] = {}

    def readers(self, path: str) -> frozenset[str]:
        """The targets that were made of a file."""
        number = self._paths.get(path)
        if number is None:
            return frozenset()
        if path not in self._readers:
            self._readers[path] = frozenset(name for name, note in self.notes.items() if number in note.paths)
        return self._readers[path]

    @cached_property
    def dependencies(self) -> Dependencies:
        """All that the targets were made of."""
        read = frozenset[int]().union(*(note.paths for note in self.notes.values()))
        return Dependencies(
            paths=frozenset(path for path, number in self._paths.items() if number in read),
            names=frozenset(name for note in self.notes.values() for name in note.names),
            always=self.always,
            parsed=tuple(name for one in parsed.NAMES if one in self.notes for name in parsed.NAMES[one]),
        )


class FolderDependencies:
    """The notes of one build folder, and for each tree that was built in it what that build has read.

    Of the trees, the last TREES are known; of one that is not, nothing is said. ``place`` is where the sum is kept: not
    in ``obj``, where what is built could change it. ``always`` are folders of which everything counts as read.
    """

    def __init__(self, obj: Path, source: Path, place: Path, always: tuple[str, ...] = ()) -> None:
        self._always = always
        self._place = place
        self._obj = obj
        self._source = source
        self._absolute = re.compile(re.escape(os.fsencode(source)) + rb"/([^\s:;,'\"()]+)")
        self._seen: dict[bytes, str] = {}
        self.reload(place)

    def reload(self, place: Path) -> None:
        """Take what is kept in a place for what the folder has, which is to be a copy of that; there may be none."""
        kept = _load(place / _KEPT)
        self._kept_in = place
        self._paths = {path: number for number, path in enumerate(kept.paths)}
        self._trees: dict[str, _Snapshot] = {}
        notes: dict[str, _Note] = {}
        for tree, changed in kept.trees:
            notes = {**notes, **{name: kept.notes[number] for name, number in changed.items() if number is not None}}
            for name in (name for name, number in changed.items() if number is None):
                notes.pop(name, None)
            self._trees[tree] = self._snapshot(notes, kept.always.get(tree, ()))
        self._now = self._snapshot(notes)

    def _snapshot(self, notes: Mapping[str, _Note], always: tuple[str, ...] = ()) -> _Snapshot:
        return _Snapshot(notes, self._paths, (*self._always, *always))

    def __bool__(self) -> bool:
        """False before anything has been built."""
        return bool(self._now.notes)

    def forget(self) -> None:
        """The folder is to be emptied, or holds what is not to be relied on: no tree of it is known any more."""
        self._trees = {}
        self._now = self._snapshot({})

    def of(self, tree: str) -> Dependencies | None:
        """What the build of a tree in this folder has read; None where that is not known."""
        return self._trees[tree].dependencies if tree in self._trees else None

    @property
    def now(self) -> Dependencies:
        """What the last build has read, whatever it was of."""
        return self._now.dependencies

    def knows(self, tree: str) -> bool:
        """True where it is known what a build of this tree has read."""
        return tree in self._trees

    def update(
        self,
        tree: str | None,
        always: tuple[str, ...] = (),
        links: frozenset[str] = frozenset(),
        listed: Container[str] = parsed.NAMES,
    ) -> None:
        """Read the notes that are new since the last time, and keep them: ``tree`` has just been built here.

        None for a tree whose build is not to be taken for another's. ``always`` are what more paths begin with that
        this build has read without a note. ``links`` are the names of the tree's links: a note's ".." behind one leads
        to nobody knows which folder. ``listed`` are those of the lists of parsed.py that name all that matters.
        Raises NotRegularError.
        """
        notes: dict[str, _Note] = {}
        for name, written in _note_files(self._obj):
            known = self._now.notes.get(name)
            notes[name] = known if known is not None and known.written == written else self._noted(name, links)
        lists = self._lists(parsed.told(self._obj, self._source), self._now.notes, links)
        notes |= {name: note for name, note in lists.items() if name in listed}
        self._now = self._snapshot(notes)
        if tree is not None:
            self._trees.pop(tree, None)
            self._trees[tree] = self._snapshot(notes, always)
            self._trees = dict(list(self._trees.items())[-TREES:])
        checksummed.write(self._place / _KEPT, msgspec.json.encode(self._kept()))
        self._kept_in = self._place
        parsed.forget(self._obj)

    def of_last(
        self, last: parsed.Since, always: tuple[str, ...], links: frozenset[str], *, kconfig: bool
    ) -> Dependencies:
        """What makes have read that have just ended: the Makefiles, and all that is named by the notes that they have
        read or written. Of Kconfig files nobody knows, if they run Kconfig (``kconfig``), or would where one is newer
        than its list; else none. ``always`` and ``links`` as for ``update``. Raises NotRegularError.
        """
        record = parsed.record(self._obj, last.length)
        names = frozenset(map(last.below, record))
        notes = {
            name: self._noted(name, links)
            for name, written in _note_files(self._obj)
            if name in names or written is None or written >= last.written
        }
        notes |= self._lists({parsed.MAKEFILES: b"\n".join(record)}, {}, links)
        if not kconfig and parsed.LISTED not in names:
            notes[parsed.KCONFIG] = _NOTHING
        return self._snapshot(notes, always).dependencies

    def _kept(self) -> _Kept:
        numbers: dict[int, int] = {}
        notes: list[_Note] = []
        trees: list[tuple[str, dict[str, int | None]]] = []

        def number(note: _Note) -> int:
            if id(note) not in numbers:
                numbers[id(note)] = len(notes)
                notes.append(note)
            return numbers[id(note)]

        before: Mapping[str, _Note] = {}
        for tree, snapshot in self._trees.items():
            now = snapshot.notes
            new = {name: number(note) for name, note in now.items() if before.get(name) is not note}
            trees.append((tree, {**new, **dict.fromkeys(before.keys() - now.keys())}))
            before = now
        always = {tree: one.always[len(self._always) :] for tree, one in self._trees.items()}
        return _Kept(paths=tuple(self._paths), notes=tuple(notes), trees=tuple(trees), always=always)

    def _noted(self, name: str, links: frozenset[str]) -> _Note:
        with artifacts.opened(self._obj, name) as file:
            return self._read(file.read(_MOST), os.fstat(file.fileno()).st_mtime_ns, links)

    def _lists(self, told: Mapping[str, bytes], known: Mapping[str, _Note], links: frozenset[str]) -> dict[str, _Note]:
        """Lists of parsed.py as notes, with what is known to have been read before: it need not have been again."""
        found: dict[str, _Note] = {}
        for name, text in told.items():
            new, before = self._read(text, 0, links), known.get(name, _NOTHING)
            paths, names = before.paths | new.paths, tuple(sorted({*before.names, *new.names}))
            if self._paths.get(parsed.FIRST[name]) in new.paths:
                same = (paths, names) == (before.paths, before.names)
                found[name] = before if same else _Note(written=0, paths=paths, names=names)
        return found

    def _read(self, data: bytes, written: int, links: frozenset[str]) -> _Note:
        found = set(self._absolute.findall(data))
        paths = {self._plain(path) for path in found}
        unplaced = set(_RELATIVE.findall(data)) | {path for path in found if _is_behind(path, links)}
        names = {posixpath.basename(path.decode(errors="replace")) for path in unplaced}
        numbers = frozenset(self._paths.setdefault(path, len(self._paths)) for path in paths)
        return _Note(written=written, paths=numbers, names=tuple(sorted(names)))

    def _plain(self, raw: bytes) -> str:
        """A path without "..": an object may name its source from three folders up (../../../virt)."""
        if raw not in self._seen:
            self._seen[raw] = posixpath.normpath(raw.decode(errors="replace"))
        return self._seen[raw]

    def readers(self, path: str) -> frozenset[str]:
        """The targets that are made again when this file changes, as the folder is now."""
        return self._now.readers(path)

    def cost(self, changes: Iterable[Change]) -> int:
        """How many targets changes make again, as the folder is now."""
        return len(frozenset[str]().union(*(self.readers(change.path) for change in changes)))

    def outdated(self, source: Path, to_write: Container[str]) -> float:
        """The share of the targets, as the folder is now, that were made of files of ``source`` which were written
        since the last build, or will be: those in ``to_write``. make makes them again, whatever a state changes.
        """
        since = _written(self._kept_in / _KEPT)
        late = {number for path, number in self._paths.items() if path in to_write or _written(source / path) > since}
        made = [note for note in self._now.notes.values() if note.written and note.paths]
        return sum(not late.isdisjoint(note.paths) for note in made) / len(made) if made else 0.0


def _written(path: Path) -> int:
    """When a file was written, in nanoseconds; never, where there is none: it need not be one that is read any more.

    Nor a folder, which a command line names (-I): make does not ask when one was written.
    """
    try:
        seen = path.lstat()
    except OSError:
        return 0
    return 0 if stat.S_ISDIR(seen.st_mode) else seen.st_mtime_ns


def _is_behind(raw: bytes, links: frozenset[str]) -> bool:
    parts = raw.decode(errors="replace").split("/")
    return ".." in parts and not links.isdisjoint(parts)


def _note_files(obj: Path) -> Iterator[tuple[str, int | None]]:
    """Each note file, and when it was written; None of what is no plain file."""
    top = f"{obj}/"
    for entry in files.walk(obj):
        noted = (entry.name.startswith(".") and entry.name.endswith(".cmd")) or entry.name.endswith(".d")
        if noted and entry.path.isprintable() and not entry.is_dir(follow_symlinks=False):  # make writes no others
            plain = entry.is_file(follow_symlinks=False)
            yield entry.path.removeprefix(top), entry.stat(follow_symlinks=False).st_mtime_ns if plain else None


def _load(path: Path) -> _Kept:
    try:
        return msgspec.json.decode(checksummed.read(path) or b"", type=_Kept)
    except msgspec.DecodeError:
        return _Kept(paths=(), notes=(), trees=(), always={})
