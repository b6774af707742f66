# SPDX-License-Identifier: GPL-2.0-only
"""What the merge of two topics loses that each of them keeps: pure functions from what was seen of four states.

What is wrong with a kernel is merged as git merges a line: where the two agree, so it is; where one is as base is, the
other decides. A merge that is wrong where that says it is not has lost something, and neither topic alone is why.
"""

from collections.abc import Iterable, Iterator, Mapping, Set
from enum import StrEnum
from typing import NamedTuple

import msgspec

from kseries.judge import announced, evidence, losses
from kseries.judge.contracts import contract_verdict
from kseries.judge.losses import GOOD, Symptom, What
from kseries.model import Check, Contract, Evidence, Outcome, Record, StateResult, Status

_NOT_TRIED = (Outcome.CONFLICT, Outcome.INFRA_ERROR, Outcome.NOT_TRIED)


class Kind(StrEnum):
    """What a merge loses."""

    BUILD = "build"
    """It does not build. This and the next are loud: whoever merges notices."""
    BOOT = "boot"
    DEATH = "death"
    """The kernel crashes or hangs under the probes."""
    PROMISE = "promise"
    """It advertises a capability, and fails a check of its contract."""
    CHECK = "check"
    COMPLAINT = "complaint"
    """The kernel complains."""
    WARNING = "warning"
    """The build warns."""

    @property
    def loud(self) -> bool:
        """True where nobody can miss it."""
        return self in (Kind.BUILD, Kind.BOOT)


class Thing(NamedTuple):
    """One thing that may be wrong with a kernel, known again in another one. ``name`` is a check's, a complaint's kind,
    or a warning's text; ``function`` is the one of a complaint.
    """

    kind: Kind
    name: str = ""
    contract: str = ""
    function: str = ""


class Loss(Record, frozen=True):
    """One thing that the merge has lost. ``contract`` is the promise that it no longer keeps, if it is one."""

    kind: Kind
    evidence: Evidence
    contract: str = ""


class Four(Record, frozen=True):
    """What was seen of base, of each topic on it, and of their merge."""

    base: StateResult
    first: StateResult
    second: StateResult
    both: StateResult
    touched: frozenset[str] = frozenset()
    """The files that the topics change."""

    @property
    def each(self) -> tuple[StateResult, ...]:
        """All of them."""
        return (self.base, self.first, self.second, self.both)


class Judged(Record, frozen=True):
    """What is to be told of a merge. ``together`` is None where it is not known, and ``unknown`` says why, in words."""

    four: Four
    """With their verdicts on contracts."""
    losses: tuple[tuple[Thing, Loss], ...]
    together: bool | None
    unknown: tuple[str, ...]
    kept: int
    """The checks that have to pass in the merge, as its sides have them, and do."""


def judge(four: Four, contracts: tuple[Contract, ...]) -> Judged:
    """What the merge loses."""
    four = with_contracts(four, contracts)
    judging = _Judging(four, contracts)
    lost = tuple(judging.losses())
    unknown = tuple(judging.unknown())
    kept = sum(judging.keeps(name) for name in _names(four))
    if not kept and not unknown:
        unknown = ("no check passes that the merge could lose",)
    together = False if lost else None if unknown else True
    return Judged(four=four, losses=lost, together=together, unknown=unknown, kept=kept)


def with_contracts(four: Four, contracts: tuple[Contract, ...]) -> Four:
    """The same with their verdicts. What either side passes can be had: who promises it and skips it breaks it."""
    sides = [side for side in (four.second, four.first) if not side.outcome.unknown]
    passed = {check.id: check for side in sides for check in side.checks if check.status in GOOD}
    every = {check.id: check for side in sides for check in side.checks}
    tip = {**every, **passed} if sides else None
    flaky = frozenset(four.base.flaky)
    base, first, second, both = (_with_contracts(one, contracts, tip, flaky) for one in four.each)
    return msgspec.structs.replace(four, base=base, first=first, second=second, both=both)


def _with_contracts(
    state: StateResult, contracts: tuple[Contract, ...], tip: Mapping[str, Check] | None, flaky: Set[str]
) -> StateResult:
    if state.outcome.loud or state.outcome.unknown:
        return state
    state = announced.with_checks(state, contracts)
    verdicts = tuple(contract_verdict(one, state, tip, flaky) for one in contracts)
    return msgspec.structs.replace(state, contracts=verdicts)


def merged(base: bool | None, first: bool | None, second: bool | None) -> bool | None:
    """What is to be expected of a merge; None where one of the three is not known."""
    if base is None or first is None or second is None:
        return None
    return second if first == base else first


# --- what is wrong with one kernel --------------------------------------------------------------


def wrong(thing: Thing, state: StateResult) -> bool | None:
    """Whether a state has what is wrong; None where that cannot be told."""
    match thing.kind:
        case Kind.BUILD:
            return None if state.outcome in _NOT_TRIED else state.outcome is Outcome.BUILD_FAILED
        case Kind.WARNING:
            built = state.outcome not in (*_NOT_TRIED, Outcome.BUILD_FAILED)
            return thing.name in state.warnings if built else None
        case Kind.BOOT if state.outcome is Outcome.BOOT_FAILED:
            return True
        case _ if state.outcome.loud or state.outcome.unknown:
            return None
        case Kind.BOOT:
            return False
        case Kind.DEATH:
            return True if losses.died(state) else False if state.outcome is Outcome.OK else None
        case Kind.COMPLAINT:
            return losses.shows(Symptom(What.COMPLAINT, thing.name, thing.function), state, state)
        case Kind.PROMISE:
            return _breaks(thing, state)
        case Kind.CHECK:
            return _not_passed(thing.name, state)


def _not_passed(name: str, state: StateResult) -> bool | None:
    """Whether a state that was probed does not pass a check. What a kernel died before, it may pass."""
    status = _status(name, state)
    if name in state.flaky or (status is Status.MISSING and not (losses.came(name, state) and not losses.died(state))):
        return None
    return status not in GOOD


def _breaks(thing: Thing, state: StateResult) -> bool | None:
    """Whether a state that was probed fails a check of a contract, as far as that asks for it."""
    verdict = next((one for one in state.contracts if one.id == thing.contract), None)
    if verdict is None or verdict.advertised is None:
        return None
    if thing.name in verdict.failed:
        return True
    unsure = thing.name in (*verdict.untested, *state.flaky) or not losses.came(thing.name, state)
    return None if unsure else False


def _status(name: str, state: StateResult) -> Status:
    return next((check.status for check in state.checks if check.id == name), Status.MISSING)


# --- what a merge loses -------------------------------------------------------------------------


def loses(thing: Thing, four: Four, contracts: tuple[Contract, ...]) -> bool | None:
    """Whether a merge loses a thing; ``four`` has its verdicts on contracts. None where that cannot be told."""
    return _Judging(four, contracts).loses(thing)


class _Judging:
    """Four states with their verdicts on contracts, and the rules that read them."""

    def __init__(self, four: Four, contracts: tuple[Contract, ...]) -> None:
        self._four = four
        advertised = {one.id for one in four.both.contracts if one.advertised}
        self._not_asked = {name for one in contracts if one.id in advertised for name in one.otherwise}
        """What contracts ask for only of a kernel that does not advertise."""

    def losses(self) -> Iterator[tuple[Thing, Loss]]:
        both, told = self._four.both, set[str]()
        outcomes = [Thing(kind) for kind in (Kind.BUILD, Kind.BOOT, Kind.DEATH)]
        died = [thing for thing in outcomes if self.loses(thing)]
        for thing in died:
            yield thing, Loss(kind=thing.kind, evidence=evidence.of_outcome(both))
        for thing in self._of_checks():
            if self.loses(thing) and thing.name not in told:
                told.add(thing.name)
                yield (
                    thing,
                    Loss(kind=thing.kind, evidence=evidence.of_check(thing.name, both), contract=thing.contract),
                )
        yield from self._complaints(told, deadly=bool(died))
        yield from self._warnings()

    def loses(self, thing: Thing) -> bool | None:
        """As ``loses``."""
        if thing.kind is Kind.CHECK and (self._excused(thing.name) or self._fails_by_itself(thing.name)):
            return False
        if thing.kind is Kind.WARNING:
            return self._warns(thing)
        base, first, second, now = (wrong(thing, one) for one in self._four.each)
        expected = merged(base, first, second)
        if now is False or expected is True:
            return False
        if thing.kind is Kind.PROMISE and expected is None:  # base may not even know the capability
            return self.loses(thing._replace(kind=Kind.CHECK, contract="")) or None
        return None if expected is None else now

    def keeps(self, name: str) -> bool:
        """True of a check that the merge has to pass, and does."""
        base, first, second, now = (wrong(Thing(Kind.CHECK, name), one) for one in self._four.each)
        return merged(base, first, second) is False and now is False

    def _of_checks(self) -> Iterator[Thing]:
        """The checks of promises that the merge makes and fails, and then all others."""
        for verdict in self._four.both.contracts:
            if verdict.advertised:
                yield from (Thing(Kind.PROMISE, name, verdict.id) for name in verdict.failed)
        yield from (Thing(Kind.CHECK, name) for name in _names(self._four))

    def _excused(self, name: str) -> bool:
        """True of a check that is for kernels without a capability which the merge has."""
        *others, both = self._four.each
        check = next((one for one in both.checks if one.id == name), None)
        return name in self._not_asked or any(losses.excused(one, both, check) for one in others)

    def _fails_by_itself(self, name: str) -> bool:
        """True of a check that a topic fails, and base does not, be it that it skips it: that is the topic's."""
        sides = (self._four.first, self._four.second)
        return _status(name, self._four.base) is not Status.FAIL and Status.FAIL in [
            _status(name, one) for one in sides
        ]

    def _complaints(self, told: Set[str], *, deadly: bool) -> Iterator[tuple[Thing, Loss]]:
        """What the kernel complains of, but for what a lost check or its death tells already."""
        both = self._four.both
        behind = [one for one in both.complaints if one.check in told or (deadly and one.said in both.detail)]
        for one, thing in zip(both.complaints, self._complained(), strict=True):
            if self.loses(thing) and not any(one.is_like(other) for other in behind):
                behind.append(one)
                yield thing, Loss(kind=thing.kind, evidence=evidence.of_complaint(one, both))

    def _warnings(self) -> Iterator[tuple[Thing, Loss]]:
        for thing in self._warned():
            if self.loses(thing):
                yield thing, Loss(kind=thing.kind, evidence=evidence.of_warning(thing.name))

    def _warned(self) -> Iterator[Thing]:
        return (Thing(Kind.WARNING, text) for text in dict.fromkeys(self._four.both.warnings))

    def _warns(self, thing: Thing) -> bool | None:
        """Whether the build warns more often than what either side adds to base's warnings.

        Where it has other objects than all of them, one that is only in the merge may warn as it always would.
        """
        if any(wrong(thing, one) is None for one in self._four.each):
            return None
        base, first, second, now = (one.warnings.count(thing.name) for one in self._four.each)
        if now <= max(0, first + second - base):
            return False
        *others, both = self._four.each
        same_objects = both.linked in (one.linked for one in others)
        return True if same_objects or thing.name.partition(": ")[0] in self._four.touched else None

    # --- what is not known ------------------------------------------------------------------

    def unknown(self) -> Iterator[str]:
        """Why the merge cannot be called good, in words."""
        four = self._four
        if four.base.outcome is Outcome.NOT_BOOTED:
            yield "no kernel was booted"
            return
        yield from (f"{one.id}: {one.outcome}" for one in four.each if one.outcome is not Outcome.OK)
        if any(one.outcome.loud or one.outcome.unknown for one in four.each):
            return
        some = (one for one in four.each if losses.ends_at_times(four.base, one))
        yield from (f"{one.id}: {evidence.END} is flaky" for one in some)
        things = (*self._of_checks(), *self._complained(), *self._warned())
        names = dict.fromkeys(thing.name for thing in things if self.loses(thing) is None)
        yield from (f"{name}: {self._why(name)}" for name in names)

    def _complained(self) -> Iterator[Thing]:
        return (Thing(Kind.COMPLAINT, one.kind, function=one.function) for one in self._four.both.complaints)

    def _why(self, name: str) -> str:
        """Why nobody knows whether the merge loses something."""
        flaky = [one.id for one in self._four.each if name in one.flaky]
        return f"flaky in {', '.join(flaky)}" if flaky else "not seen in all of them"


def _names(four: Four) -> Iterable[str]:
    """The checks of either side that a merge can lose: first those of the first."""
    names = dict.fromkeys(check.id for side in (four.first, four.second) for check in side.checks)
    return [name for name in names if not losses.only_tells(name)]
