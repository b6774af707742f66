# SPDX-License-Identifier: GPL-2.0-only
"""What a series promises and no contract says: parts of the surface that it brings, and what goes with them. Pure.

A check belongs to the parts without which no state passes it. That alone is true of any two things that come late in a
series, so it takes a sign that the check asks for the part: it says so itself where it skips, or the patch that brings
the part into the series is the one since which the check passes. docs/how-it-works.md has the reasons.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

from msgspec import UNSET

from kseries.judge import announced, losses
from kseries.judge.losses import GOOD
from kseries.model import CAPABILITY, Check, Contract, Part, Record, StateResult, Status
from kseries.model.surface import SurfaceKind

_ANSWERS = (*GOOD, Status.FAIL, Status.SKIP)


class Promise(Record, frozen=True):
    """What goes with parts of the surface; of several, each explains it as well as the others.

    A kernel that shows them passes ``checks``, and skips ``optional`` only for want of something else. One that shows
    none of them passes ``otherwise``: it refuses what belongs to them.
    """

    parts: tuple[Part, ...]
    checks: tuple[str, ...] = ()
    otherwise: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


# --- the surface --------------------------------------------------------------------------------

_LISTED = tuple(kind for kind in SurfaceKind if kind not in (SurfaceKind.UAPI, SurfaceKind.KVM_CAP_VALUE))
"""The kinds of names that a kernel shows: headers show nothing of a kernel, and a value is no name."""


def _capabilities(state: StateResult) -> Mapping[str, bool]:
    return {name: value != 0 for name, value in state.caps.items() if not announced.is_check(name)}


def shows(part: Part, state: StateResult) -> bool | None:
    """Whether a state shows a part; None where nobody knows."""
    if not _ran(state):
        return None
    if part.kind == CAPABILITY:
        return _capabilities(state).get(part.name)
    names = _listed(state, part.kind)
    return None if names is None or part.name in _unstable(state, part.kind) else part.name in names


def brought(base: StateResult, tip: StateResult) -> tuple[Part, ...]:
    """The parts that the tip shows and base is not known to, and those that it lists and base lists none of."""
    told, before = _capabilities(tip), _capabilities(base)
    able = (name for name, there in told.items() if there and before.get(name) is not True)
    listed = (
        Part(kind=kind, name=name) for kind in _LISTED for name in sorted(_added(kind, base, tip)) if name not in told
    )
    return (*(Part(kind=CAPABILITY, name=name) for name in able), *listed)


def _added(kind: str, base: StateResult, tip: StateResult) -> Set[str]:
    """The names of a kind that the tip lists and base, which lists others, does not."""
    before, now = _listed(base, kind), _listed(tip, kind)
    if before is None or now is None:
        return frozenset()
    return now - before - _unstable(base, kind) - _unstable(tip, kind)


def _listed(state: StateResult, kind: str) -> frozenset[str] | None:
    names = {} if state.surface is UNSET else state.surface
    return frozenset(names[kind]) if kind in names else None


def _unstable(state: StateResult, kind: str) -> frozenset[str]:
    return frozenset() if state.unstable is UNSET else frozenset(state.unstable.get(kind, ()))


# --- what belongs to it -------------------------------------------------------------------------


def covered(contracts: Iterable[Contract]) -> frozenset[str]:
    """The checks of which somebody has said what they promise: of those nothing is inferred."""
    asked = ((one.when, *one.checks, *one.otherwise, *one.optional, *one.left_out) for one in contracts)
    return frozenset(name for names in asked for name in names)


def infer(states: Sequence[StateResult], tip: str, told: Set[str] = frozenset()) -> tuple[Promise, ...]:
    """The promises of a series by all states that were had, ``base`` and the tip among them; ``told`` are checks that
    contracts speak of.
    """
    by_id = {state.id: state for state in states}
    base, whole = by_id["base"], by_id[tip]
    if not (_ran(base) and _ran(whole)):
        return ()
    seen = _Seen(base, whole, [state for state in states if _ran(state)])
    found: dict[tuple[Part, ...], dict[str, list[str]]] = {}
    for check in whole.checks:
        if check.id not in told and not losses.only_tells(check.id) and (place := seen.place(check)) is not None:
            what, parts = place
            found.setdefault(parts, {}).setdefault(what, []).append(check.id)
    made = (
        Promise(parts=parts, **{what: tuple(names) for what, names in by_what.items()})
        for parts, by_what in found.items()
    )
    return tuple(one for one in made if one.checks or one.otherwise)


def broken(promise: Promise, state: StateResult) -> tuple[str, ...]:
    """The checks by which a state breaks a promise: one that shows all of its parts, or none of them and takes what
    belongs to them. A check that is skipped breaks nothing: it says that it could not be tried.
    """
    shown = {shows(part, state) for part in promise.parts}
    asked = promise.checks if shown == {True} else promise.otherwise if shown == {False} else ()
    answers = _answers(state) if asked else {}
    return tuple(name for name in asked if answers.get(name) is Status.FAIL)


class _Seen:
    """The states of a run that came to tell something, and what they tell of checks and parts."""

    def __init__(self, base: StateResult, tip: StateResult, states: Sequence[StateResult]) -> None:
        self._base = base
        self._tip = tip
        self._states = states
        self._answers = {state.id: _answers(state) for state in states}
        self._said = {state.id: {check.id: check.detail for check in state.checks} for state in states}
        self._parts = brought(base, tip)
        self._has, self._lacks = (
            {one.id: frozenset(part for part in self._parts if shows(part, one) is there) for one in states}
            for there in (True, False)
        )
        self._steps = tuple(_steps(states))
        self._in_words: dict[str, frozenset[Part]] = {}

    def place(self, check: Check) -> tuple[str, tuple[Part, ...]] | None:
        """As what a check of the tip belongs to which parts; None of one that belongs to none."""
        match self._answers[self._tip.id].get(check.id):
            case Status.PASS:
                what, parts = "checks", self._kept(check.id)
            case Status.SKIP if named := self._named(check.id, self._tip):
                what, parts = "otherwise", self._refusal(check.id, named)
            case Status.SKIP:
                what, parts = "optional", self._untried(check.id)
            case Status.FAIL:
                what, parts = "otherwise", self._refusal(check.id, self._ends_with(check.id))
            case _:
                return None
        return (what, tuple(part for part in self._parts if part in parts)) if parts else None

    def _kept(self, name: str) -> Set[Part]:
        """The parts of a check that the tip passes, and base does not, as far as is known."""
        passing = self._answering(name, GOOD)
        if self._base in passing or name in self._base.flaky or not losses.came(name, self._base):
            return frozenset()
        parts = frozenset(self._parts).difference(*(self._lacks[one.id] for one in passing))
        return parts if parts & self._asked_for(name) or self._comes_with(name, parts) else frozenset()

    def _refusal(self, name: str, parts: Set[Part]) -> Set[Part]:
        """The same of one that passes where the parts are not shown, and only there; base does not fail it."""
        passing = self._answering(name, GOOD)
        beside = frozenset[Part]().union(*(self._has[one.id] for one in passing))
        apart = frozenset[Part]().union(*(self._lacks[one.id] for one in passing))
        fails = self._answers["base"].get(name) is Status.FAIL
        return parts if parts <= apart and parts.isdisjoint(beside) and not fails else frozenset()

    def _untried(self, name: str) -> Set[Part]:
        """The same of one that the tip skips for another reason than a state that lacks the parts."""
        return self._asked_for(name) if not self._answering(name, GOOD) else frozenset()

    def _answering(self, name: str, answers: tuple[Status, ...]) -> list[StateResult]:
        return [one for one in self._states if self._answers[one.id].get(name) in answers]

    def _asked_for(self, name: str) -> Set[Part]:
        """The parts for want of which a state that lacks them says that it skips a check."""
        skipping = self._answering(name, (Status.SKIP,)) if self._parts else []
        return frozenset[Part]().union(*(self._named(name, one) & self._lacks[one.id] for one in skipping))

    def _named(self, name: str, state: StateResult) -> Set[Part]:
        """The parts that the reason of a skip names."""
        reason = self._said[state.id].get(name, "").partition("\n")[0]
        if reason not in self._in_words:
            told = (part for part in self._parts if losses.mentions(part.name, reason))
            self._in_words[reason] = frozenset(told)
        return self._in_words[reason]

    def _comes_with(self, name: str, parts: Set[Part]) -> bool:
        """True where a step of the series brings both a part and the check."""
        return any(
            self._answers[before.id].get(name) in (Status.FAIL, Status.SKIP)
            and self._answers[after.id].get(name) in GOOD
            and not parts.isdisjoint(self._appearing(before, after))
            for before, after in self._steps
        )

    def _ends_with(self, name: str) -> Set[Part]:
        """The parts that a step of the series brings with which the check fails from then on."""
        ends = (
            self._appearing(before, after)
            for before, after in self._steps
            if self._answers[before.id].get(name) in GOOD and self._answers[after.id].get(name) is Status.FAIL
        )
        return frozenset[Part]().union(*ends)

    def _appearing(self, before: StateResult, after: StateResult) -> Set[Part]:
        return self._lacks[before.id] & self._has[after.id]


def _steps(states: Sequence[StateResult]) -> Iterator[tuple[StateResult, StateResult]]:
    """The series before a patch and with it, for each patch. Of what comes with a patch later than a part, nobody knows
    whether the part promises it: the series may go on to something else, which has no part of its own.
    """
    prefixes: dict[int, list[StateResult]] = {}
    for state in states:
        if [*state.applied] == [*range(1, len(state.applied) + 1)]:
            prefixes.setdefault(len(state.applied), []).append(state)
    for count, after in prefixes.items():
        yield from ((before, one) for before in prefixes.get(count - 1, ()) for one in after)


def _answers(state: StateResult) -> Mapping[str, Status]:
    """The checks of which a state tells something; two answers of two boots are none."""
    unsure = {*state.flaky}
    return {one.id: one.status for one in state.checks if one.status in _ANSWERS and one.id not in unsure}


def _ran(state: StateResult) -> bool:
    return not state.outcome.loud and not state.outcome.unknown
