# SPDX-License-Identifier: GPL-2.0-only
"""Which state is built next, and which need not be built: from what the trees differ in and what a build reads."""

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field

from kseries.kbuild.dependencies import FolderDependencies, can_matter
from kseries.model import Dependencies, State
from kseries.sources import Change

Changes = Callable[[str, str], tuple[Change, ...]]
"""What leads from one tree to another (TreeStore.changes)."""
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


@dataclass
class Place:
    """A build folder: what builds in it have read, and what it holds."""

    dependencies: FolderDependencies
    here: Footprint = field(default_factory=lambda: Footprint({}, {}))


class Schedule:
    """The states of a run that are still to be had, in the order that makes least again."""

    def __init__(
        self,
        states: Iterable[State],
        footprints: Mapping[str, Footprint],
        built: Mapping[str, Read] | None = None,
        watched: str | None = None,
        seen: Set[str] = frozenset(),
    ) -> None:
        self._watched = watched
        self._seen = seen
        self._waiting = list(states)
        self._footprints = footprints
        self._built = dict(built or {})

    @classmethod
    def of(
        cls,
        states: Iterable[State],
        built: Mapping[State, Read],
        base: str,
        changes: Changes,
        watched: str | None = None,
        seen: Set[str] = frozenset(),
    ) -> "Schedule":
        """The schedule of states with trees.

        ``built`` are states that need no schedule, and whose builds another's may equal, with what they read. Of
        ``watched`` more is asked than of others: of all builds, only those that were ``seen`` to run will do.
        """
        todo = tuple(states)
        trees = {state.id: state.tree for state in (*todo, *built) if state.tree is not None}
        footprints = {name: Footprint.of(changes(base, tree)) for name, tree in trees.items()}
        read = {state.id: read for state, read in built.items()}
        return cls(todo, footprints, read, watched, seen)

    @property
    def left(self) -> int:
        """How many states are waiting."""
        return len(self._waiting)

    def next(self, place: Place) -> tuple[State, SameBuild | None]:
        """The state that costs least from where a folder is; of equals the first of the plan.

        Base goes first, then the one that is watched, whose result may be others' too. With it a state whose build it
        would be, file for file, where there is one; never with base, which others build upon, whosever they are.
        """
        urgent = {state.id: state for state in self._waiting if state.id in ("base", self._watched)}
        first = urgent.get("base") or next(iter(urgent.values()), None)
        state = first or min(self._waiting, key=lambda state: self.cost(state, place))
        self._waiting.remove(state)
        return state, self._same_build(state) if state.id != "base" else None

    def built(self, state: State, place: Place, read: Read | None) -> None:
        """A folder now holds this state; ``read`` is what its build has read, None if that did not come to its end."""
        place.here = self._footprints[state.id]
        if read is not None:
            self._built[state.id] = read

    def cost(self, state: State, place: Place) -> int:
        """How many targets are made again from where a folder is."""
        return place.dependencies.cost(between(place.here, self._footprints[state.id]))

    def _same_build(self, state: State) -> SameBuild | None:
        for built, read in self._built.items():
            dependencies = read()
            if dependencies is None or (state.id == self._watched and built not in self._seen):
                continue
            changes = between(self._footprints[built], self._footprints[state.id])
            if not any(can_matter(dependencies, change) for change in changes):
                return SameBuild(built, tuple(change.path for change in changes))
        return None
