# SPDX-License-Identifier: GPL-2.0-only
"""Why a state is not rebuilt: it differs from one that was built in nothing that this very build has read.

What a build has read: kbuild/dependencies.py. Why that is sound: docs/shortcuts.md.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from kseries.kbuild.dependencies import can_matter
from kseries.model import Dependencies
from kseries.sources import Change

Read = Callable[[], Dependencies | None]
"""What a build has read. Asked each time: a folder that is emptied takes what was built in it out of every schedule."""
Entry = tuple[str, str]
"""Git mode and blob; a mode of zeros where there is no file."""


@dataclass(frozen=True)
class Footprint:
    """What a tree holds in the paths in which it differs from base, and what base holds there."""

    now: Mapping[str, Entry]
    base: Mapping[str, Entry]

    @classmethod
    def of(cls, changes: Iterable[Change]) -> "Footprint":
        """The footprint of the tree that these changes make of base."""
        listed = tuple(changes)
        return cls({change.path: change.new for change in listed}, {change.path: change.old for change in listed})


def between(old: Footprint, new: Footprint) -> tuple[Change, ...]:
    """What leads from one tree to another, both told by how they differ from one base."""
    known = {**old.base, **new.base}
    pairs = {path: (old.now.get(path, known[path]), new.now.get(path, known[path])) for path in known}
    return tuple(Change(path, before, after) for path, (before, after) in pairs.items() if before != after)


class Differences:
    """What lies between trees, as ``between`` has it, at once: of a thousand states each is compared with all others.

    Each entry that a file has in some tree is a bit, and a tree the number that they make.
    """

    def __init__(self) -> None:
        self._bits: dict[tuple[str, Entry], int] = {}
        self._paths: list[str] = []
        """Of which file each bit is."""
        self._marks: dict[int, tuple[Footprint, int]] = {}
        """By the id of a footprint, which is kept so that no other has it."""
        self._read: dict[int, tuple[Dependencies, int]] = {}
        """Likewise, the bits of files that a build has read."""

    def between(self, old: Footprint, new: Footprint) -> Iterator[Change]:
        """What leads from one tree to another."""
        differ, told = self._mark(old) ^ self._mark(new), set[str]()
        while differ:
            lowest = differ & -differ
            differ ^= lowest
            path = self._paths[lowest.bit_length() - 1]
            if path not in told:  # an entry of each may differ from the other's
                told.add(path)
                known = old.base[path] if path in old.base else new.base[path]
                yield Change(path, old.now.get(path, known), new.now.get(path, known))

    def noticed(self, read: Dependencies, old: Footprint, new: Footprint) -> bool:
        """Whether a build that has read this could have told one tree from another (can_matter)."""
        if (self._mark(old) ^ self._mark(new)) & self._bits_of(read):
            return True
        return any(can_matter(read, change) for change in self.between(old, new))

    def _bits_of(self, read: Dependencies) -> int:
        found = self._read.get(id(read))
        if found is None:
            bits = sum(1 << bit for bit, path in enumerate(self._paths) if path in read.paths)
            found = self._read[id(read)] = read, bits
        return found[1]

    def _mark(self, tree: Footprint) -> int:
        found = self._marks.get(id(tree))
        if found is not None:
            return found[1]
        mark = 0
        for path, entry in tree.now.items():
            if entry != tree.base[path]:
                mark |= 1 << self._bit(path, entry)
        self._marks[id(tree)] = tree, mark
        return mark

    def _bit(self, path: str, entry: Entry) -> int:
        bit = self._bits.setdefault((path, entry), len(self._paths))
        if bit == len(self._paths):
            self._paths.append(path)
        return bit


@dataclass(frozen=True)
class SameBuild:
    """A state that was built, and the files in which another differs from it without a build noticing."""

    state: str
    paths: tuple[str, ...]


def same_build(
    state: str, footprints: Mapping[str, Footprint], built: Mapping[str, Read], differences: Differences
) -> SameBuild | None:
    """The first of the states that were built whose build would be this state's, file for file; None without one."""
    for other, read in built.items():
        dependencies = read()
        if dependencies is None or differences.noticed(dependencies, footprints[other], footprints[state]):
            continue
        return SameBuild(other, tuple(change.path for change in between(footprints[other], footprints[state])))
    return None
