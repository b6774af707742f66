# SPDX-License-Identifier: GPL-2.0-only
"""Which state is built next: from what it may tell, what the trees differ in, and what a build reads. Which need not
be built at all: samebuild.py.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Protocol

from kseries.model import Dependencies, State
from kseries.plan.samebuild import Differences, Footprint, Read, SameBuild, same_build
from kseries.plan.stretches import Chart, Stretches
from kseries.plan.telling import Tells
from kseries.sources import Change

Changes = Callable[[str, str], tuple[Change, ...]]
"""What leads from one tree to another (TreeStore.changes)."""
_EACH = 30
"""Targets that are made in the time in which one kernel is linked and booted, about: each state costs that much more.

Beside another load, of the series in testcases: 16 to 20 s for the one and 8 to 15 s for the other, and 0.8 s a target.
"""


def alike(_: State) -> Tells:
    """Of no state is it known that it tells more than another."""
    return Tells.SOME


class FolderReads(Protocol):
    """What the builds in one folder have read, wherever that is: kbuild.dependencies.FolderDependencies is of here."""

    def cost(self, changes: Iterable[Change]) -> int:
        """How many targets changes make again, as the folder is now."""

    @property
    def now(self) -> Dependencies:
        """What the last build has read."""

    def __bool__(self) -> bool:
        """False before anything has been built."""


@dataclass
class Place:
    """A build folder: what builds in it have read, and what it holds."""

    dependencies: FolderReads
    here: Footprint = field(default_factory=lambda: Footprint({}, {}))


class Schedule:
    """The states of a run that are still to be had, in the order in which most is told for what is made again.

    Where several build, each in a place of its own, they take states that lie near each other (stretches.py), and those
    that may tell much and are not far, whosesoever they are. How much a state may tell, ``telling`` is asked each time.
    """

    def __init__(
        self,
        states: Iterable[State],
        footprints: Mapping[str, Footprint],
        built: Mapping[str, Read] | None = None,
        watched: str | None = None,
        seen: Set[str] = frozenset(),
        telling: Callable[[State], Tells] = alike,
    ) -> None:
        self._watched = watched
        self._telling = telling
        self._seen = seen
        self._waiting = list(states)
        self._closed = False
        self._footprints = footprints
        self._built = dict(built or {})
        self._differences = Differences()
        self._places: list[Place] = []
        self._stretches: Stretches | None = None
        """None until two build who are to have one each."""

    @classmethod
    def of(
        cls,
        states: Iterable[State],
        built: Mapping[State, Read],
        base: str,
        changes: Changes,
        watched: str | None = None,
        seen: Set[str] = frozenset(),
        telling: Callable[[State], Tells] = alike,
    ) -> "Schedule":
        """The schedule of states with trees.

        ``built`` are states that need no schedule, and whose builds another's may equal, with what they read. Of
        ``watched`` more is asked than of others: of all builds, only those that were ``seen`` to run will do.
        """
        todo = tuple(states)
        trees = {state.id: state.tree for state in (*todo, *built) if state.tree is not None}
        footprints = {name: Footprint.of(changes(base, tree)) for name, tree in trees.items()}
        read = {state.id: read for state, read in built.items()}
        return cls(todo, footprints, read, watched, seen, telling)

    @property
    def left(self) -> int:
        """How many states are waiting that may still be had."""
        return len(self._to_have)

    @property
    def _to_have(self) -> list[State]:
        return [state for state in self._waiting if state.id == "base"] if self._closed else self._waiting

    def close(self) -> int:
        """From now on give away base alone, without which there is no result; how many others that leaves waiting."""
        self._closed = True
        return len(self._waiting) - self.left

    @property
    def closed(self) -> bool:
        return self._closed

    def without_build(self) -> list[tuple[State, SameBuild]]:
        """The states that wait and whose build would be another's, file for file; they wait no more."""
        found = [(state, self._same_build(state)) for state in self._waiting if state.id != "base"]
        same = [(state, like) for state, like in found if like is not None]
        for state, _ in same:
            self._take(state)
        return same

    def join(self, place: Place) -> None:
        """States will be built here, too."""
        if not any(one is place for one in self._places):
            self._places.append(place)

    def leave(self, place: Place) -> None:
        """No more states will be built here."""
        self._places = [one for one in self._places if one is not place]
        if self._stretches is not None:
            self._stretches.leave(id(place))

    def has(self, but: Set[str]) -> bool:
        """Whether a state is waiting that is none of these."""
        return any(state.id not in but for state in self._to_have)

    def next(self, place: Place, but: Set[str] = frozenset()) -> tuple[State, SameBuild | None]:
        """The state that costs least from where a folder is, for what it may tell; of equals the first of its stretch,
        or of the plan. None of those in ``but``, which are not for this place.

        Base goes first, then the one that is watched, whose result may be others' too. With it a state whose build it
        would be, file for file, where there is one; never with base, which others build upon, whosever they are.
        """
        waiting = [state for state in self._to_have if state.id not in but]
        urgent = {state.id: state for state in waiting if state.id in ("base", self._watched)}
        first = urgent.get("base") or next(iter(urgent.values()), None)
        state = first or self._cheapest(self._near(place, but) or waiting, place)
        self._take(state)
        return state, self._same_build(state) if state.id != "base" else None

    def _cheapest(self, states: list[State], place: Place) -> State:
        return min(states, key=lambda state: self._price(state, place)) if len(states) > 1 else states[0]

    def _price(self, state: State, place: Place) -> float:
        """What a state costs here, for as much as another may tell; nothing where it need not be built: the folder that
        it would be taken from may be emptied for the next.
        """
        cost = self.cost(state, place)
        if not cost and self._same_build(state) is not None:
            return 0.0
        return (cost + _EACH) / self._telling(state)

    def _take(self, state: State) -> None:
        self._waiting.remove(state)
        if self._stretches is not None:
            self._stretches.drop(state)

    def put_back(self, state: State) -> None:
        """What was to be built of this state is lost: another is to have it."""
        self._waiting.append(state)
        self._built.pop(state.id, None)
        if self._stretches is not None:
            self._stretches.put_back(state)

    def _near(self, place: Place, but: Set[str]) -> list[State]:
        """The states of which one is to be built here; none where all that are near are in ``but``."""
        self.join(place)
        if self._stretches is None and len(self._places) > 1:
            known = next((one.dependencies for one in self._places if one.dependencies), place.dependencies)
            prints = [self._footprints[state.id] for state in self._waiting]
            chart = Chart(prints, lambda change: known.cost([change]))
            self._stretches = Stretches(self._waiting, self._footprints, chart, len(self._places))
        if self._stretches is None:
            near = self._waiting
        else:
            own = self._stretches.of(id(place), place.here)
            near = [*own, *self._telling_beside({state.id for state in own}, place)]
        return [state for state in near if state.id not in but]

    def _telling_beside(self, own: Set[str], place: Place) -> Iterator[State]:
        """Those of others' stretches that may tell much, and cost no more here than any kernel does."""
        for state in self._waiting:
            if state.id not in own and self._telling(state) >= Tells.MUCH and self.cost(state, place) <= _EACH:
                yield state

    def built(self, state: State, place: Place, read: Read | None) -> None:
        """A folder now holds this state; ``read`` is what its build has read, None if that did not come to its end."""
        place.here = self._footprints[state.id]
        if read is not None:
            self._built[state.id] = read

    def cost(self, state: State, place: Place) -> int:
        """How many targets are made again from where a folder is."""
        return place.dependencies.cost(self._differences.between(place.here, self._footprints[state.id]))

    def _same_build(self, state: State) -> SameBuild | None:
        built = {name: read for name, read in self._built.items() if state.id != self._watched or name in self._seen}
        return same_build(state.id, self._footprints, built, self._differences)
