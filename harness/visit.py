# SPDX-License-Identifier: GPL-2.0-only
"""Which state is built next, and which need not be built: from what the trees differ in and what a build reads."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from harness.model import State
from harness.reads import Reads
from harness.trees import Change

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


class Visit:
    """The states of a run that are still to be had, in the order that makes least again."""

    def __init__(self, states: Iterable[State], footprints: Mapping[str, Footprint]) -> None:
        self._waiting = list(states)
        self._footprints = footprints
        self._here = Footprint.of(())
        self._built: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def next(self, reads: Reads) -> tuple[State, SameBuild | None]:
        """The state that costs least from where the build folder is; of equals the first of the plan. Base goes first.

        With it a state whose build it would be, file for file, where one of this visit is.
        """
        first = next((state for state in self._waiting if state.id == "base"), None)
        state = first or min(self._waiting, key=lambda state: reads.cost(self._way_to(state)))
        self._waiting.remove(state)
        return state, self._same_build(state, reads)

    def built(self, state: State, *, well: bool) -> None:
        """The build folder now holds this state; ``well`` if it holds all of it."""
        self._here = self._footprints[state.id]
        if well:
            self._built.append(state.id)

    def _way_to(self, state: State) -> tuple[Change, ...]:
        return between(self._here, self._footprints[state.id])

    def _same_build(self, state: State, reads: Reads) -> SameBuild | None:
        for built in self._built:
            changes = between(self._footprints[built], self._footprints[state.id])
            if not any(reads.can_matter(change) for change in changes):
                return SameBuild(built, tuple(change.path for change in changes))
        return None
