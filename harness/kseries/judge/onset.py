# SPDX-License-Identifier: GPL-2.0-only
"""Since which patch the whole series is broken, by what was seen of its prefixes: pure, and nothing is guessed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from kseries.judge import evidence
from kseries.judge.losses import GOOD, came
from kseries.model import Ending, Evidence, EvidenceKind, Finding, FindingKind, Outcome, RunResult, StateResult, Status

_KINDS = (FindingKind.BROKEN_CONTRACT, FindingKind.REGRESSION, FindingKind.BISECT_HOLE)
"""Findings that tell of the tip's state; of a warning and a complaint it is told with them since which patch."""
_FAR = {
    Outcome.CONFLICT: 0,
    Outcome.BUILD_FAILED: 1,
    Outcome.BOOT_FAILED: 2,
    Outcome.CRASHED: 3,
    Outcome.TIMED_OUT: 3,
    Outcome.NOT_BOOTED: 4,
    Outcome.OK: 4,
}
"""How far a state comes: one that comes further than another does not end as that does."""


class Seen(StrEnum):
    """What of a tip's fault was seen in one prefix of the series."""

    WELL = "well"
    SKIPS = "skips"
    """It was not asked, so it did not fail."""
    BROKEN = "broken"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Step:
    """The series up to a patch, 0 for base. ``why`` says of what is unknown why it is."""

    patch: int
    seen: Seen
    why: str = ""


@dataclass(frozen=True)
class Onset:
    """What some of a finding's evidence have in common: in which prefixes it was so, from base to the tip."""

    checks: tuple[str, ...]
    outcomes: tuple[str, ...]
    steps: tuple[Step, ...]

    @property
    def first(self) -> int:
        """The patch from which on it was seen broken and never well again."""
        return next(one.patch for one in self.steps if one.patch > self.last_well and one.seen is Seen.BROKEN)

    @property
    def last_well(self) -> int:
        """The last patch up to which it was not broken; -1 where it always was, and base does not tell."""
        return max((one.patch for one in self.steps if one.seen in (Seen.WELL, Seen.SKIPS)), default=-1)

    @property
    def unknown(self) -> tuple[Step, ...]:
        """The prefixes after that of which nobody knows."""
        return tuple(one for one in self.steps if one.patch > self.last_well and one.seen is Seen.UNKNOWN)

    @property
    def again(self) -> bool:
        """True where it was broken before, and then was not."""
        return any(one.seen is Seen.BROKEN and one.patch < self.last_well for one in self.steps)

    @property
    def runs(self) -> Iterator[tuple[Seen, int, int]]:
        """What was seen one after the other: what, and from which patch to which, without what is unknown."""
        known = (one for one in self.steps if one.seen is not Seen.UNKNOWN)
        for what, some in groupby(known, lambda one: Seen.BROKEN if one.seen is Seen.BROKEN else Seen.WELL):
            patches = [one.patch for one in some]
            yield what, patches[0], patches[-1]


def onsets(run: RunResult, finding: Finding) -> tuple[Onset, ...]:
    """Since when what a finding of the tip tells is so, each history with the names of the checks and outcomes that
    have it.

    Nothing of a finding of any other state, of a series of one patch, where base is broken so, and where no prefix
    between base and the tip was seen.
    """
    count = len(run.series.patches)
    if finding.kind not in _KINDS or finding.state != f"prefix-{count}" or count < 2:
        return ()
    prefixes = [_prefix(run, number) for number in range(count + 1)]
    found: dict[tuple[Step, ...], list[Evidence]] = {}
    for seen in dict.fromkeys(map(evidence.known_by, finding.evidence)):
        steps = tuple(_step(number, one, seen, prefixes[-1]) for number, one in enumerate(prefixes))
        between = any(one.seen is not Seen.UNKNOWN for one in steps[1:-1])
        if between and steps[-1].seen is Seen.BROKEN and steps[0].seen is not Seen.BROKEN:
            found.setdefault(steps, []).append(seen)
    return tuple(_onset(some, steps) for steps, some in found.items())


def _onset(some: list[Evidence], steps: tuple[Step, ...]) -> Onset:
    checks, outcomes = (
        tuple(one.name for one in some if (one.kind is EvidenceKind.OUTCOME) is wanted) for wanted in (False, True)
    )
    return Onset(checks, outcomes, steps)


@dataclass(frozen=True)
class _Prefix:
    """The series up to a patch, as it was seen."""

    state: StateResult | None
    statuses: Mapping[str, Status]


def _prefix(run: RunResult, number: int) -> _Prefix:
    state = _state(run, number)
    return _Prefix(state, {check.id: check.status for check in state.checks} if state is not None else {})


def _state(run: RunResult, number: int) -> StateResult | None:
    """Base, the series up to a patch, or any state with its tree: the last patch reverted is the prefix before it."""
    name = f"prefix-{number}" if number else "base"
    tree = run.series.patches[number - 1].tree_after if number else ""
    named = next((one for one in run.states if one.id == name), None)
    return named or next((one for one in run.states if tree and one.tree == tree), None)


def _step(number: int, prefix: _Prefix, seen: Evidence, tip: _Prefix) -> Step:
    """What was seen of a prefix, by how far it came or by one check."""
    state = prefix.state
    if state is None or tip.state is None or state.outcome is Outcome.NOT_TRIED:
        return Step(number, Seen.UNKNOWN, "was not tried")
    if state.outcome is Outcome.INFRA_ERROR:
        return Step(number, Seen.UNKNOWN, "is not known for a fault of this host")
    of_outcome = seen.kind is EvidenceKind.OUTCOME
    what = _outcome(tip.state.outcome, state) if of_outcome else _check(seen.name, prefix, state, tip)
    return Step(number, what, _why(state) if what is Seen.UNKNOWN else "")


_WHY = {
    Outcome.CONFLICT: "conflicts",
    Outcome.BUILD_FAILED: "does not build",
    Outcome.BOOT_FAILED: "does not boot",
    Outcome.CRASHED: "crashes",
    Outcome.TIMED_OUT: "hangs",
}


def _why(state: StateResult) -> str:
    slow = state.ending is Ending.DEADLINE
    return "is too slow to tell" if slow else _WHY.get(state.outcome, "does not tell")


def _outcome(of_tip: Outcome, state: StateResult) -> Seen:
    """A kernel that was too slow for its time does not hang: that may be the host's doing."""
    if state.ending is Ending.DEADLINE and _FAR.get(of_tip, 0) >= _FAR[state.outcome]:
        return Seen.UNKNOWN
    if state.outcome is of_tip:
        return Seen.BROKEN
    return Seen.WELL if _FAR.get(of_tip, 0) < _FAR[state.outcome] else Seen.UNKNOWN


def _check(name: str, prefix: _Prefix, state: StateResult, tip: _Prefix) -> Seen:
    """Where it is told of the tip that it skips a check, a skip is the fault."""
    if state.outcome.loud or name in state.flaky or not came(name, state):
        return Seen.UNKNOWN
    status = prefix.statuses.get(name, Status.MISSING)
    if status in GOOD:
        return Seen.WELL
    if status is Status.SKIP:
        return Seen.BROKEN if tip.statuses.get(name) is Status.SKIP else Seen.SKIPS
    # A kernel that died on its way may not have come to it.
    return Seen.BROKEN if status is Status.FAIL or state.outcome is Outcome.OK else Seen.UNKNOWN
