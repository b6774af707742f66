# SPDX-License-Identifier: GPL-2.0-only
"""Why a state is not rebuilt: it differs from one that was built in nothing that this very build has read.

What a build has read: kbuild/dependencies.py. Why that is sound: docs/shortcuts.md.
"""

from collections.abc import Callable, Iterable, Mapping
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


@dataclass(frozen=True)
class SameBuild:
    """A state that was built, and the files in which another differs from it without a build noticing."""

    state: str
    paths: tuple[str, ...]


def same_build(state: str, footprints: Mapping[str, Footprint], built: Mapping[str, Read]) -> SameBuild | None:
    """The first of the states that were built whose build would be this state's, file for file; None without one."""
    for other, read in built.items():
        dependencies = read()
        if dependencies is None:
            continue
        changes = between(footprints[other], footprints[state])
        if not any(can_matter(dependencies, change) for change in changes):
            return SameBuild(other, tuple(change.path for change in changes))
    return None
