# SPDX-License-Identifier: GPL-2.0-only
"""What else has to go, what else has to come: the search for a set of patches, carried out with kernels."""

from collections.abc import Callable, Collection, Sequence

from msgspec import UNSET

from kseries.bisect.setmerges import TooManyError
from kseries.bisect.setrunner import OutOfKernelsError, SetRunner
from kseries.judge import evidence
from kseries.judge.sets import Numbers, Search
from kseries.model import PatchSet, SetAnswer, SetEnd, SetKind, State, TriedSet

MOST = 12
"""Kernels that are built for a set, if nobody says otherwise."""
_SETS = 4096
"""Sets that are tried without a kernel (git cannot make them, or they are known) before that is the end of it."""


class SetSearch:
    """The search for the set of some patches, in each of several variants. ``tell`` hears of each set.

    ``not_there`` are patches that the base they are picked onto does not take, even after those before them.
    """

    def __init__(
        self,
        asked: Numbers,
        runners: Sequence[SetRunner],
        most: int = MOST,
        tell: Callable[[TriedSet], None] = lambda _: None,
        sets: int = _SETS,
        not_there: Collection[int] = (),
    ) -> None:
        self._asked = asked
        self._runners = runners
        self._most = most
        self._tell = tell
        self._sets = sets
        self._hopeless = not {*asked}.isdisjoint(not_there)
        self._tried: list[TriedSet] = []

    @property
    def kernels(self) -> int:
        """How many were built so far."""
        return sum(one.kernels for one in self._runners)

    def run(self) -> PatchSet:
        """Search to the end, or until it would take more kernels. Raises InputError, InfraError."""
        try:
            for runner in self._runners:
                runner.begin(self._asked, self._may_build)
        except OutOfKernelsError:
            return PatchSet(kind=self._kind, asked=self._asked, kernels=self.kernels, limited=True)
        if unclear := tuple(dict.fromkeys(name for runner in self._runners for name in runner.unclear)):
            return PatchSet(
                kind=self._kind, asked=self._asked, kernels=self.kernels, ended=SetEnd.UNCLEAR, unclear=unclear
            )
        return self._found(Search(self._asked, self._count, self._draws(), self._within, few=self._hopeless))

    def _found(self, search: Search) -> PatchSet:
        limited, ended = False, None
        try:
            self._try_all(search)
        except OutOfKernelsError:
            limited = True
        except TooManyError:
            ended = SetEnd.TOO_MANY
        if limited or ended is SetEnd.TOO_MANY:
            self._look_at_what_is_known(search)
        if ended is None and self._hopeless and not limited and not search.found:
            ended = SetEnd.NOT_THERE
        return PatchSet(
            kind=self._kind,
            asked=self._asked,
            patches=search.found,
            proved=search.proved,
            others=search.others,
            tried=tuple(self._tried),
            kernels=self.kernels,
            limited=limited and not search.proved,
            ended=UNSET if ended is None or search.proved else ended,
            uncompiled=self._uncompiled(search.found) if search.found else (),
        )

    def _try_all(self, search: Search) -> None:
        """Raises OutOfKernelsError, TooManyError."""
        while (numbers := search.next()) is not None:
            if len(self._tried) >= self._sets:
                raise TooManyError
            self._try(search, numbers)

    def _uncompiled(self, found: Numbers) -> Numbers:
        """The patches that have code, of which no variant has compiled any."""
        numbers = (patch.number for patch in self._runners[0].home.patches)
        without = [one.not_compiled(found) for one in self._runners]
        return tuple(number for number in numbers if all(number in some for some in without))

    def _may_build(self) -> bool:
        return self.kernels < self._most

    @property
    def _kind(self) -> SetKind:
        return self._runners[0].kind

    @property
    def _count(self) -> int:
        return len(self._runners[0].home.patches)

    @property
    def _within(self) -> range:
        """Where all that is needed lies as a rule: who needs a patch comes after it, and who is needed before it."""
        if self._kind is SetKind.REVERT:
            return range(min(self._asked), self._count + 1)
        return range(1, max(self._asked) + 1)

    def _draws(self) -> dict[int, frozenset[int]]:
        """The hints of all variants."""
        every = {number: frozenset[int]() for number in range(1, self._count + 1)}
        for runner in self._runners:
            every = {number: before | runner.draws.get(number, frozenset()) for number, before in every.items()}
        return every

    def _look_at_what_is_known(self, search: Search) -> None:
        """Tell of a set that does, where one is known: all that comes after a patch, or the whole series."""
        for wanted in (self._within, range(1, self._count + 1)):
            numbers = tuple(wanted)
            if not search.found and not any(one.patches == numbers for one in self._tried):
                try:
                    self._try(search, numbers)
                except (OutOfKernelsError, TooManyError):
                    continue

    def _try(self, search: Search, numbers: Numbers) -> None:
        tried, names = self._outcome(numbers, hints=not search.found)
        self._tried.append(tried)
        self._tell(tried)
        search.saw(numbers, tried.answer, names)

    def _outcome(self, numbers: Numbers, *, hints: bool) -> tuple[TriedSet, Numbers]:
        """What comes of a set, and whom it names: as soon as one variant shows that it does not do, that is it.

        Once a safe set is known nobody follows ``hints``, and of a conflict they take as many merges as patches.
        """
        state = self._runners[0].state(numbers)
        if state.tree is None:
            why = tuple(map(evidence.of_conflict, state.conflicts))
            told = TriedSet(patches=numbers, state=state.id, answer=SetAnswer.CONFLICT, why=why)
            return told, self._runners[0].in_the_way(numbers, state.conflicts) if hints else ()
        unknown: tuple[TriedSet, Numbers] | None = None
        for runner in sorted(self._runners, key=lambda one: not one.is_known(state)):
            self._check_budget(runner, state)
            judged, names = runner.tried(numbers, state)
            told = TriedSet(patches=numbers, state=state.id, answer=judged.answer, variant=runner.label, why=judged.why)
            if judged.answer.unsafe:
                return told, names
            if judged.answer is SetAnswer.UNKNOWN:
                unknown = unknown or (told, names)
        return unknown or (TriedSet(patches=numbers, state=state.id, answer=SetAnswer.SAFE), ())

    def _check_budget(self, runner: SetRunner, state: State) -> None:
        if not self._may_build() and not runner.builds_none(state):
            raise OutOfKernelsError
