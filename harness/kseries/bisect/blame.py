# SPDX-License-Identifier: GPL-2.0-only
"""Proof of blame: a culprit fails, its parents pass, the bad end passes without it; or else why that is not proved.

Pure but for ``Ask``, which has kernels booted.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

import msgspec

from kseries.bisect.asking import Answers
from kseries.judge import evidence
from kseries.model import Evidence, Record, State
from kseries.model.sanitize import few

SURE = 0.95
"""How sure a proof is where nobody says."""
MOST_BOOTS = 1000
_WHOLE = 100

Ask = Callable[[State, int], Answers]
"""Boots the kernel of a state at least so many times more, and tells of those boots alone. Raises InfraError."""


class Role(StrEnum):
    """What a kernel is to a proof."""

    CULPRIT = "culprit"
    PARENT = "parent"
    REVERT = "revert"


class Kernel(NamedTuple):
    """A kernel that a proof asks; ``name`` is what it is called, whatever the id of its state."""

    name: str
    state: State
    also: tuple[str, ...] = ()
    """Of a revert: what is reverted with the culprit, in the order in which that has to be done."""
    commands: tuple[str, ...] = ()
    """Of a revert: what makes it, for a shell."""


class Case(NamedTuple):
    """What is to be proved."""

    culprit: Kernel
    parents: tuple[Kernel, ...]
    revert: Kernel
    """The bad end without the culprit."""
    larger: Callable[[], Iterator[Kernel]]
    """The bad end without the culprit and others, where the culprit alone does not do; git has made each of them."""
    others: str
    """What those others are, as in "no set of at most 5 later commits"."""


class Leg(Record, frozen=True):
    """A kernel, and how many of its boots passed and failed: none where it cannot be tested.

    ``same`` is the kernel before it in the proof that it is, byte for byte: the boots are those of that one.
    """

    role: Role
    name: str
    passed: int = 0
    failed: int = 0
    same: str | None = None
    also: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    """The files in which git cannot make it."""
    why: tuple[Evidence, ...] = ()
    """Of a failure, or of why it cannot be tested."""

    @property
    def boots(self) -> int:
        return self.passed + self.failed

    @property
    def passes(self) -> bool:
        return self.passed > 0 and self.failed == 0

    @property
    def reason(self) -> str:
        """The first thing to say of a failure, or of why there is no answer."""
        if self.conflicts:
            return f"conflicts in {few(self.conflicts)}"
        return evidence.line(self.why[0]) if self.why else "git cannot make it"


class Proof(Record, frozen=True):
    """Whether a culprit is proved to be one, or why it is not, and what each kernel of the proof has answered."""

    proved: bool
    why: tuple[str, ...]
    """Why it is not proved; empty where it is."""
    boots: int
    """How many of each kernel were asked for."""
    confidence: float
    legs: tuple[Leg, ...]
    """The parents, the culprit, and the reverts that were tried: the last one passes, or none does."""
    also: tuple[str, ...] = ()
    """What has to be reverted with the culprit, in the order in which that has to be done."""
    commands: tuple[str, ...] = ()
    """What takes the culprit out of the bad end, for a shell: of the revert that passes, or else of the culprit's."""


def prove(case: Case, ask: Ask, boots: int, confidence: float = SURE, passes: float = 0.0) -> Proof:
    """Try it with so many boots of each kernel. A larger revert is tried where nothing else speaks against the culprit.
    ``passes`` is how often a bad kernel may pass by what is known of others.

    Raises what ``ask`` and ``larger`` do.
    """
    trial, luck = _Trial(ask, boots), _Luck(confidence, passes)
    parents = tuple(trial.leg(Role.PARENT, one) for one in case.parents)
    culprit = trial.leg(Role.CULPRIT, case.culprit)
    doubts = [*_of_parents(parents), *_of_culprit(culprit, parents, luck)]
    kernels, reverts = _reverts(case, trial, larger=not doubts)
    at = -1 if reverts[-1].passes else 0
    doubts += _of_revert(reverts[at], culprit, luck, "" if doubts else _sets(case, len(reverts) - 1))
    legs = (*parents, culprit, *reverts)
    doubts += _of_few(legs, boots)
    return Proof(
        proved=not doubts,
        why=tuple(doubts),
        boots=boots,
        confidence=confidence,
        legs=legs,
        also=kernels[at].also,
        commands=kernels[at].commands,
    )


def _reverts(case: Case, trial: "_Trial", *, larger: bool) -> tuple[list[Kernel], list[Leg]]:
    """The culprit's revert and, if that may be, larger ones until one passes."""
    kernels, legs = [case.revert], [trial.leg(Role.REVERT, case.revert)]
    for one in case.larger() if larger and not legs[0].passes else ():
        kernels.append(one)
        legs.append(trial.leg(Role.REVERT, one))
        if legs[-1].passes:
            break
    return kernels, legs


def _sets(case: Case, tried: int) -> str:
    """What came of larger reverts, to be said behind what is wrong with the culprit's own."""
    if tried:
        return f", and it still does not pass with {case.others} reverted, too ({tried} tried)"
    return f", and no set of {case.others} goes with it"


@dataclass
class _Trial:
    """Asks kernels, and knows which of them are the same."""

    ask: Ask
    boots: int
    _first: dict[str, str] = field(default_factory=dict)
    """By a state's id, the one whose kernel it is."""
    _legs: dict[str, Leg] = field(default_factory=dict)
    """By the id of the state that was booted."""

    def leg(self, role: Role, kernel: Kernel) -> Leg:
        leg = Leg(role=role, name=kernel.name, also=kernel.also, conflicts=kernel.state.conflicts)
        if kernel.state.tree is None:
            return leg
        told = self.ask(kernel.state, 1)
        same = self._first.get(told.same, told.same) if told.same is not None else kernel.state.id
        self._first[kernel.state.id] = same
        if (other := self._legs.get(same)) is not None:
            return msgspec.structs.replace(
                leg, same=other.name, passed=other.passed, failed=other.failed, why=other.why
            )
        told = self._with_more(kernel.state, told)
        leg = msgspec.structs.replace(leg, passed=told.passed, failed=told.failed, why=told.why)
        self._legs[same] = leg
        return leg

    def _with_more(self, state: State, told: Answers) -> Answers:
        """Those boots, and as many others as there are too few."""
        left = self.boots - told.passed - told.failed
        if not told.testable or left <= 0:
            return told
        more = self.ask(state, left)
        return Answers(
            passed=told.passed + more.passed,
            failed=told.failed + more.failed,
            why=told.why if told.failed else more.why,
        )


# --- what speaks against it ---------------------------------------------------------------------


def _of_parents(parents: tuple[Leg, ...]) -> Iterator[str]:
    if not parents:
        yield "it is made on nothing that it could be compared with"
    for number, one in enumerate(parents, 1):
        which = "its parent" if len(parents) == 1 else f"its parent {number} ({one.name})"
        if not one.boots:
            yield f"{which} cannot be tested: {one.reason}"
        elif one.failed:
            yield f"{which} failed {_share(one.failed, one)}: {one.reason}"


def _of_culprit(culprit: Leg, parents: tuple[Leg, ...], luck: "_Luck") -> Iterator[str]:
    if not culprit.boots:
        yield f"it cannot be tested: {culprit.reason}"
    elif any(culprit.same in (one.name, one.same) for one in parents if culprit.same is not None):
        yield f"its kernel is that of its parent ({culprit.same}), byte for byte"
    elif not culprit.failed:
        yield f"it passed {_share(culprit.passed, culprit)}"
    else:
        passing = [one for one in parents if one.passes]
        yield from (doubt for one in passing if (doubt := luck.doubt("its parent", one, culprit)))


def _of_revert(revert: Leg, culprit: Leg, luck: "_Luck", sets: str) -> Iterator[str]:
    if revert.conflicts:
        yield f"its revert on the bad end {revert.reason}{sets}"
    elif not revert.boots:
        yield f"its revert on the bad end cannot be tested: {revert.reason}{sets}"
    elif revert.failed == revert.boots:
        yield f"its revert on the bad end still fails: {revert.reason}{sets}"
    elif revert.failed:
        yield f"its revert on the bad end failed {_share(revert.failed, revert)}: {revert.reason}{sets}"
    elif culprit.failed and (doubt := luck.doubt("its revert", revert, culprit)):
        yield doubt


def _of_few(legs: tuple[Leg, ...], boots: int) -> Iterator[str]:
    for one in legs:
        if 0 < one.boots < boots and one.passed:
            yield f"{one.name} gave an answer in {one.boots} of {boots} boots"


class _Luck(NamedTuple):
    """How sure it has to be that a kernel that passes is not bad, and how often a bad one may pass."""

    confidence: float
    passes: float

    def doubt(self, which: str, good: Leg, culprit: Leg) -> str:
        """Why boots that passed say too little, where those of a bad kernel pass at times, too."""
        own = culprit.passed / culprit.boots
        often = max(own, self.passes)
        if often**good.passed <= 1 - self.confidence:
            return ""
        enough = enough_boots(often, self.confidence)
        chance = f"{_WHOLE * often**good.passed:.0f} of {_WHOLE}"
        cure = f"; --prove {enough} is enough" if enough <= MOST_BOOTS else ""
        said = f"it failed in no more than {_share(culprit.failed, culprit)}"
        if self.passes > own:
            said = f"bad kernels pass up to {_WHOLE * often:.0f} of {_WHOLE} boots"
        said += f", and {which} passed {_share(good.passed, good)}"
        return f"{said}: a kernel as bad as it does so in {chance} cases{cure}"


def enough_boots(often: float, confidence: float) -> int:
    """How many boots a kernel that passes so often does not all pass by chance."""
    return max(1, math.ceil(math.log(1 - confidence) / math.log(often))) if often > 0 else 1


def boots_left(proof: Proof) -> int:
    """With how many boots of each kernel to try a proof again of which too few are all that is wrong; else 0."""
    (culprit,) = (one for one in proof.legs if one.role is Role.CULPRIT)
    parents = [one for one in proof.legs if one.role is Role.PARENT]
    if proof.proved or not (culprit.passed and culprit.failed and parents and proof.legs[-1].passes):
        return 0
    wanted = enough_boots(culprit.passed / culprit.boots, proof.confidence)
    return wanted if all(one.passes for one in parents) and proof.boots < wanted <= MOST_BOOTS else 0


def _share(count: int, leg: Leg) -> str:
    return f"{count} of {leg.boots} boot{'s' * (leg.boots != 1)}"
