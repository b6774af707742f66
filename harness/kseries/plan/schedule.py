# SPDX-License-Identifier: GPL-2.0-only
"""Which state is built next: from what the trees differ in and what a build reads. Which need not be built at all:
samebuild.py.
"""

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field

from kseries.kbuild.dependencies import FolderDependencies
from kseries.model import State
from kseries.plan.samebuild import Footprint, Read, SameBuild, between, same_build
from kseries.sources import Change

Changes = Callable[[str, str], tuple[Change, ...]]
"""What leads from one tree to another (TreeStore.changes)."""


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
        built = {name: read for name, read in self._built.items() if state.id != self._watched or name in self._seen}
        return same_build(state.id, self._footprints, built)
