# SPDX-License-Identifier: GPL-2.0-only
"""What a series promises and no contract says: parts of the surface that it brings, and what goes with them. Pure.

A check belongs to the parts without which no state passes it. That alone is true of any two things that come late in a
series, so it takes a sign that the check asks for the part: it says so itself where it skips, or the patch that brings
the part into the series is the one since which the check passes. docs/how-it-works.md has the reasons.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

from msgspec import UNSET

from kseries.judge import announced, losses
from kseries.judge.contracts import is_absent
from kseries.judge.losses import GOOD
from kseries.model import CAPABILITY, Check, Contract, Ending, Part, Record, StateResult, Status
from kseries.model.surface import SurfaceKind
from kseries.probes import baseline

MOST_PARTS = 256
"""Of a series that brings more nothing is inferred: what goes with which of them cannot be told, nor in good time."""
_ANSWERS = (*GOOD, Status.FAIL, Status.SKIP)
_WORD = re.compile(r"\w+")


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


def _capability(name: str, state: StateResult) -> bool | None:
    """Whether a state advertises it; a check that a contract goes by is none."""
    return state.caps[name] != 0 if name in state.caps and not announced.is_check(name) else None


def shows(part: Part, state: StateResult) -> bool | None:
    """Whether a state shows a part; None where nobody knows."""
    if not _ran(state):
        return None
    if part.kind == CAPABILITY:
        return _capability(part.name, state)
    names = _listed(state, part.kind)
    return None if names is None or part.name in _unstable(state, part.kind) else part.name in names


def brought(base: StateResult, tip: StateResult, others: Iterable[StateResult] = ()) -> tuple[Part, ...]:
    """The parts that the tip shows and base is not known to, and those that it lists and base lists none of.

    A name that any state, ``others`` among them, showed in one boot and not in another is no part.
    """
    able = (name for name in tip.caps if _capability(name, tip) and _capability(name, base) is not True)
    states = (base, tip, *others)
    listed = (
        Part(kind=kind, name=name)
        for kind in _LISTED
        for name in sorted(_added(kind, base, tip).difference(*(_unstable(one, kind) for one in states)))
        if _capability(name, tip) is None
    )
    return (*(Part(kind=CAPABILITY, name=name) for name in able), *listed)


def _added(kind: str, base: StateResult, tip: StateResult) -> frozenset[str]:
    """The names of a kind that the tip lists and base, which lists others, does not."""
    before, now = _listed(base, kind), _listed(tip, kind)
    return frozenset() if before is None or now is None else frozenset(now).difference(before)


def _listed(state: StateResult, kind: str) -> tuple[str, ...] | None:
    return None if state.surface is UNSET else state.surface.get(kind)


def _unstable(state: StateResult, kind: str) -> tuple[str, ...]:
    return () if state.unstable is UNSET else state.unstable.get(kind, ())


# --- what belongs to it -------------------------------------------------------------------------


def covered(contracts: Iterable[Contract]) -> frozenset[str]:
    """The checks of which somebody has said what they promise: of those nothing is inferred."""
    asked = ((one.when, *one.checks, *one.otherwise, *one.optional, *one.left_out, *one.unasked) for one in contracts)
    return frozenset(name for names in asked for name in names)


def infer(states: Sequence[StateResult], tip: str, told: Set[str] = frozenset()) -> tuple[Promise, ...]:
    """The promises of a series by all states that were had, ``base`` and the tip among them; ``told`` are checks that
    contracts speak of.
    """
    base, whole, parts = _parts(states, tip)
    if not (_ran(base) and _ran(whole)) or len(parts) > MOST_PARTS:
        return ()
    seen = _Seen(base, whole, [state for state in states if _ran(state)], parts)
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


def excess(states: Sequence[StateResult], tip: str) -> int:
    """How many parts a series brings of which nothing is inferred because they are too many; else 0."""
    _, _, parts = _parts(states, tip)
    return len(parts) if len(parts) > MOST_PARTS else 0


def _parts(states: Sequence[StateResult], tip: str) -> tuple[StateResult, StateResult, tuple[Part, ...]]:
    """Base, the tip, and what the tip shows more."""
    by_id = {state.id: state for state in states}
    return by_id["base"], by_id[tip], brought(by_id["base"], by_id[tip], states)


Broken = tuple[Promise, tuple[str, ...]]
"""A promise, and the checks that tell that it is broken."""


def broken(inferred: Iterable[Promise], state: StateResult) -> Iterator[Broken]:
    """The promises that a state breaks: one that shows all of the parts, or none of them and takes what belongs to
    them. A check that is skipped breaks nothing: it says that it could not be tried; nor does one of a test that the
    state's tree does not have.
    """
    answers = _answers(state)
    for promise in inferred:
        shown = {shows(part, state) for part in promise.parts}
        asked = promise.checks if shown == {True} else promise.otherwise if shown == {False} else ()
        failed = (name for name in asked if answers.get(name) is Status.FAIL)
        if names := tuple(name for name in failed if not is_absent(name, state)):
            yield promise, names


class _Seen:
    """The states of a run that came to tell something, and what they tell of checks and parts."""

    def __init__(
        self, base: StateResult, tip: StateResult, states: Sequence[StateResult], parts: tuple[Part, ...]
    ) -> None:
        self._base = base
        self._tip = tip
        self._states = states
        self._answers = {state.id: _answers(state) for state in states}
        self._said = {state.id: {check.id: check.detail for check in state.checks} for state in states}
        self._on_base = {check.id: check.status for check in base.checks}
        self._order = {part: at for at, part in enumerate(parts)}
        self._names = _Names(parts)
        shown = {one.id: {part: shows(part, one) for part in parts} for one in states}
        self._has, self._lacks = (
            {name: frozenset(part for part in parts if its[part] is there) for name, its in shown.items()}
            for there in (True, False)
        )
        steps = ((one, other, self._lacks[one.id] & self._has[other.id]) for one, other in _steps(states))
        self._steps = tuple((before, after, new) for before, after, new in steps if new)
        self._without: dict[tuple[str, ...], frozenset[Part]] = {}

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
        return (what, tuple(sorted(parts, key=self._order.__getitem__))) if parts else None

    def _kept(self, name: str) -> Set[Part]:
        """The parts of a check that the tip passes, and base does not, as far as is known."""
        passing = self._answering(name, GOOD)
        if self._answers[self._base.id].get(name) in GOOD or name in self._base.flaky or not self._came_on_base(name):
            return frozenset()
        parts = self._never_without(passing)
        named = parts & self._asked_for(name)
        return _best(named or (parts if self._comes_with(name, parts) else frozenset()))

    def _never_without(self, states: Iterable[StateResult]) -> frozenset[Part]:
        """The parts that none of some states is known to lack; many checks are passed by the same states."""
        ids = tuple(one.id for one in states)
        if ids not in self._without:
            self._without[ids] = frozenset(self._order).difference(*(self._lacks[name] for name in ids))
        return self._without[ids]

    def _refusal(self, name: str, parts: Set[Part]) -> Set[Part]:
        """The same of one that passes where the parts are not shown, and only there; base does not fail it."""
        passing = self._answering(name, GOOD)
        beside = any(not parts.isdisjoint(self._has[one.id]) for one in passing)
        apart = all(any(part in self._lacks[one.id] for one in passing) for part in parts)
        fails = self._answers["base"].get(name) is Status.FAIL
        return parts if apart and not beside and not fails else frozenset()

    def _untried(self, name: str) -> Set[Part]:
        """The same of one that the tip skips for another reason than a state that lacks the parts."""
        return self._asked_for(name) if not self._answering(name, GOOD) else frozenset()

    def _answering(self, name: str, answers: tuple[Status, ...]) -> list[StateResult]:
        return [one for one in self._states if self._answers[one.id].get(name) in answers]

    def _asked_for(self, name: str) -> Set[Part]:
        """The parts for want of which a state that lacks them says that it skips a check."""
        skipping = self._answering(name, (Status.SKIP,)) if self._order else []
        return frozenset[Part]().union(*(self._named(name, one) & self._lacks[one.id] for one in skipping))

    def _named(self, name: str, state: StateResult) -> Set[Part]:
        """The parts that the reason of a skip names."""
        return self._names.told(self._said[state.id].get(name, "").partition("\n")[0])

    def _comes_with(self, name: str, parts: Set[Part]) -> bool:
        """True where a step of the series brings both a part and the check. What base was asked and fails may as well
        be mended by that step, whatever else it brings.
        """
        return not self._fails_on_base(name) and any(
            self._answers[before.id].get(name) in (Status.FAIL, Status.SKIP)
            and self._answers[after.id].get(name) in GOOD
            and not parts.isdisjoint(new)
            for before, after, new in self._steps
        )

    def _came_on_base(self, name: str) -> bool:
        """False where it is no doing of the kernel's that base has no answer (losses.came)."""
        there = self._on_base.get(name, Status.MISSING) is not Status.MISSING
        return there or self._base.ending is not Ending.DEADLINE

    def _fails_on_base(self, name: str) -> bool:
        """True where base was asked; one that died before it answered was, too."""
        return self._on_base.get(name) in (Status.FAIL, Status.MISSING)

    def _ends_with(self, name: str) -> Set[Part]:
        """The parts that a step of the series brings with which the check fails from then on."""
        ends = (
            new
            for before, after, new in self._steps
            if self._answers[before.id].get(name) in GOOD and self._answers[after.id].get(name) is Status.FAIL
        )
        return frozenset[Part]().union(*ends)


class _Names:
    """The parts by the names that a reason may have: most are words, which a reason is split into once."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self._words: dict[str, set[Part]] = {}
        self._others: list[Part] = []
        self._told: dict[str, frozenset[Part]] = {}
        for part in parts:
            if _WORD.fullmatch(part.name):
                self._words.setdefault(part.name, set()).add(part)
            else:
                self._others.append(part)

    def told(self, reason: str) -> frozenset[Part]:
        """The parts that a line names."""
        if reason not in self._told:
            words = self._words.keys() & _WORD.findall(reason)
            others = (part for part in self._others if baseline.mentions(part.name, reason))
            self._told[reason] = frozenset(others).union(*(self._words[word] for word in words))
        return self._told[reason]


def _best(parts: frozenset[Part]) -> frozenset[Part]:
    """Of parts that explain the same the capabilities, if there are any: they are what user space asks a kernel for.
    So a list of the surface adds promises, and never has a capability promise less.
    """
    return frozenset(part for part in parts if part.kind == CAPABILITY) or parts


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
