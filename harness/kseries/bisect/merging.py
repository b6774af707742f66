# SPDX-License-Identifier: GPL-2.0-only
"""Two topics and their merge, built and judged; and which patch of each it takes for what the merge loses."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from kseries.bisect import answer, halving
from kseries.bisect.answer import Answer, Question
from kseries.bisect.halving import Corner, SpentError
from kseries.bisect.staterunner import StateRunner
from kseries.judge import merges
from kseries.judge.merges import Four, Kind, Loss, Thing
from kseries.model import Base, Evidence, Outcome, Record, State, StateResult
from kseries.model.errors import InfraError
from kseries.plan.topics import Topic, Topics
from kseries.sources import conflicts

Tell = Callable[[StateResult], None]


class Part(Record, frozen=True):
    """A topic, as a merge names it: its TARGET, and its patches by their numbers."""

    target: str
    patches: dict[int, str]


class Needs(Record, frozen=True):
    """Which patch of each topic it takes: one of these; 0 is what lies under the topic.

    ``broken`` has them and shows it; of the states that are ``sound`` each lacks one of them, and does not: none is
    named where the search is ``spent``.
    """

    first: tuple[int, ...]
    second: tuple[int, ...]
    broken: str
    sound: tuple[str, ...]
    spent: bool = False
    """True where no more kernels might be built to find out more."""


class Lost(Record, frozen=True):
    """One thing that each topic keeps and the merge loses. ``needs`` is None where nobody looked."""

    kind: Kind
    contract: str
    evidence: Evidence
    needs: Needs | None = None


class Alone(Record, frozen=True):
    """What a topic breaks by itself, which is no finding of the two."""

    state: str
    broken: bool
    """False where it cannot be judged by itself."""
    why: tuple[Evidence, ...]


class Merged(Record, frozen=True):
    """What came of two topics and their merge.

    ``together`` is True where nothing is lost, and None where that is not known: ``unknown`` says why.
    """

    base: Base
    first: Part
    second: Part
    conflicts: tuple[str, ...] = ()
    """The files in which git cannot merge them; then no kernel was built."""
    shown: str = ""
    """As git shows it."""
    between: Needs | None = None
    """Of a conflict, between which patches it is."""
    states: tuple[StateResult, ...] = ()
    """Base, first, second and both."""
    alone: tuple[Alone, ...] = ()
    losses: tuple[Lost, ...] = ()
    together: bool | None = None
    unknown: tuple[str, ...] = ()
    kept: int = 0
    """The checks that the merge has to pass, and does."""
    searched: tuple[str, ...] = ()
    """The states beside the four that were asked which patches it takes."""
    built: int = 0
    """The kernels that were not known before."""
    reproduce: str = ""
    """A line for a shell that does it again."""

    @property
    def found(self) -> bool:
        """True where something is wrong: with the two, or so much with one of them that nobody can tell."""
        return self.together is False or any(state.outcome.loud for state in self.states)


@dataclass(frozen=True)
class Merger:
    """Two topics, and what builds their states. ``most`` kernels may be built to find out which patches it takes."""

    topics: Topics
    runner: StateRunner
    most: int
    touched: frozenset[str]
    """The files that the topics change."""

    def run(self, tell: Tell) -> Merged:
        """All that is to be told; ``tell`` hears of each of the four states once they are known.

        Raises InputError where base does not come through, InfraError where this host is why there is no answer.
        """
        kernels = _Kernels(self.topics, self.runner, self.touched)
        judged = merges.judge(kernels.four(*self.topics.ends), self.runner.contracts)
        for state in judged.four.each:
            tell(state)
            if state.outcome is Outcome.INFRA_ERROR:
                raise InfraError(f"{state.id}: {state.detail}")
        kernels.limit(self.most)
        losses = tuple(self._lost(thing, loss, kernels) for thing, loss in judged.losses)
        return Merged(
            base=self.topics.base,
            first=part(self.topics.first),
            second=part(self.topics.second),
            states=judged.four.each,
            alone=tuple(self._alone(judged.four)),
            losses=losses,
            together=judged.together,
            unknown=judged.unknown,
            kept=judged.kept,
            searched=kernels.searched,
            built=len(self.runner.builds),
        )

    def _alone(self, four: Four) -> Iterator[Alone]:
        for side in (four.first, four.second):
            if side.outcome is Outcome.NOT_BOOTED:
                continue
            tried = answer.answer(Question(), four.base, side, self.runner.contracts)
            if tried.answer is not Answer.GOOD:
                broken = tried.answer is Answer.BAD or side.outcome.loud
                yield Alone(state=side.id, broken=broken, why=tried.why)

    def _lost(self, thing: Thing, loss: Loss, kernels: "_Kernels") -> Lost:
        """A loss, with the patches that it takes where that may be looked for."""
        needs = None
        if self.most:
            corner = halving.narrow(*self.topics.ends, functools.cache(functools.partial(kernels.lose, thing)))
            needs = needs_of(self.topics, corner)
        return Lost(kind=loss.kind, contract=loss.contract, evidence=loss.evidence, needs=needs)


class _Kernels:
    """The states of two topics and their merges that were asked so far."""

    def __init__(self, topics: Topics, runner: StateRunner, touched: frozenset[str]) -> None:
        self._topics = topics
        self._runner = runner
        self._touched = touched
        self._seen: dict[str, StateResult] = {}
        self._most: int | None = None

    def limit(self, more: int) -> None:
        """Have no more than so many kernels built from here on."""
        self._most = len(self._runner.builds) + more

    @property
    def searched(self) -> tuple[str, ...]:
        """Those beside base, the whole topics and their merge."""
        return tuple(name for name in self._seen if name not in ("base", "first", "second", "both"))

    def four(self, first: int, second: int) -> Four:
        """So many steps of each topic, alone and merged. Raises SpentError."""
        states = (self._topics.state(*counts) for counts in ((0, 0), (first, 0), (0, second), (first, second)))
        base, ours, theirs, both = self._of(*states)
        return Four(base=base, first=ours, second=theirs, both=both, touched=self._touched)

    def lose(self, thing: Thing, first: int, second: int) -> bool | None:
        """Whether the merge of so many steps of each topic loses a thing. Raises SpentError.

        Where it does not even show what is wrong, the two sides need not be asked.
        """
        state = self._topics.state(first, second)
        if 0 in (first, second) or state.tree is None:
            return None if state.tree is None else False
        (both,) = self._of(state)
        whole = msgspec.structs.replace(self.four(*self._topics.ends), both=both)
        if merges.wrong(thing, merges.with_contracts(whole, self._runner.contracts).both) is False:
            return False
        four = merges.with_contracts(self.four(first, second), self._runner.contracts)
        lost = merges.loses(thing, four, self._runner.contracts)
        # What a part has by itself hides whether the two lose it together.
        return None if lost is False and merges.wrong(thing, four.both) is not False else lost

    def _of(self, *states: State) -> list[StateResult]:
        """Their results: what was asked before is not asked again."""
        new = [state for state in states if state.id not in self._seen]
        if new and self._most is not None and len(self._runner.builds) >= self._most:
            raise SpentError
        if new:
            done = self._runner.results(*(state for state in new if state.id != "base"))
            self._seen |= {state.id: done[state.id] for state in new}
        return [self._seen[state.id] for state in states]


def clash(topics: Topics) -> Merged | None:
    """What is to be told of two topics that git cannot merge; None of others. No kernel is built for it."""
    both = topics.state(*topics.ends)
    if both.tree is not None:
        return None
    corner = halving.narrow(*topics.ends, lambda first, second: topics.state(first, second).tree is None)
    return Merged(
        base=topics.base,
        first=part(topics.first),
        second=part(topics.second),
        conflicts=both.conflicts,
        shown=conflicts.shown(topics.merge(*topics.ends), topics.trees),
        between=needs_of(topics, corner),
        together=False,
    )


def part(topic: Topic) -> Part:
    """A topic as it is told."""
    return Part(target=topic.name, patches={patch.number: patch.subject for patch in topic.patches})


def needs_of(topics: Topics, corner: Corner) -> Needs:
    """What was found, by the numbers of patches and the names of states."""
    firsts, seconds = topics.steps
    first, second = corner.first, corner.second
    # Where nothing more might be asked, these may never have been.
    sound = () if corner.spent else (topics.state(first.good, second.bad), topics.state(first.bad, second.good))
    return Needs(
        first=tuple(firsts[step].number for step in first.steps),
        second=tuple(seconds[step].number for step in second.steps),
        broken=topics.state(first.bad, second.bad).id,
        sound=tuple(state.id for state in sound),
        spent=corner.spent,
    )
