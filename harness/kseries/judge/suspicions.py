# SPDX-License-Identifier: GPL-2.0-only
"""Suspected breaks: states that break a promise which nobody wrote down (promises.py). Pure.

They are decided as silent breaks are: a single revert tells, and two reverts only what neither of them tells alone. A
prefix tells what no prefix before it does.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import partial

from msgspec import UNSET

from kseries.judge import evidence, partners, promises
from kseries.judge.losses import GOOD
from kseries.judge.promises import Promise
from kseries.model import (
    Contract,
    Evidence,
    Finding,
    FindingKind,
    Inference,
    Outcome,
    Part,
    Plan,
    StateResult,
)

Broken = tuple[Promise, tuple[str, ...]]
"""A promise, and the checks that tell that it is broken."""


def findings(
    plan: Plan, results: Mapping[str, StateResult], contracts: Iterable[Contract], inference: Inference
) -> Iterator[Finding]:
    """The suspected breaks of a run whose contracts tell of theirs themselves."""
    if inference is Inference.OFF:
        return
    inferred = promises.infer(tuple(results.values()), plan.tip, promises.covered(contracts))
    suspicions = _Suspicions(plan, results, inferred)
    for state in plan.states:
        for promise, names in suspicions.of(results[state.id]):
            yield suspicions.finding(results[state.id], promise, names, counted=inference is Inference.INFERRED)


class _Suspicions:
    """The promises of a series, and the rules that say of which state which break is told."""

    def __init__(self, plan: Plan, results: Mapping[str, StateResult], inferred: Sequence[Promise]) -> None:
        self._plan = plan
        self._results = results
        self._inferred = inferred

    def of(self, state: StateResult) -> Iterator[Broken]:
        """What is told of a state, but for what is told of another one already."""
        match state.scenario:
            case "reverts":
                yield from self._but(state, frozenset())
            case "pairs" if all(one.outcome is not Outcome.NOT_TRIED for one in self._singles(state)):
                yield from self._but(state, _breaks(self._inferred, self._singles(state)))
            case "prefixes" if state.id != self._plan.tip:
                yield from self._but(state, _breaks(self._inferred, self._before(state)) | self._lost_from_base())

    def _but(self, state: StateResult, told: Set[tuple[Promise, str]]) -> Iterator[Broken]:
        for promise in self._inferred:
            names = tuple(name for name in promises.broken(promise, state) if (promise, name) not in told)
            if names:
                yield promise, names

    def _singles(self, state: StateResult) -> list[StateResult]:
        singles = (self._results.get(f"without-{number}") for number in self._reverted(state))
        return [one for one in singles if one is not None]

    def _before(self, state: StateResult) -> list[StateResult]:
        prefixes = (self._results.get(f"prefix-{number}") for number in range(1, len(state.applied)))
        return [one for one in prefixes if one is not None]

    def _lost_from_base(self) -> set[tuple[Promise, str]]:
        """What base passes: that a prefix does not is a bisect-hole."""
        passed = {check.id for check in self._results["base"].checks if check.status in GOOD}
        return {(one, name) for one in self._inferred for name in one.otherwise if name in passed}

    def _reverted(self, state: StateResult) -> list[int]:
        return [patch.number for patch in self._plan.patches if patch.number not in state.applied]

    def finding(self, state: StateResult, promise: Promise, names: Sequence[str], *, counted: bool) -> Finding:
        """A break as it is told."""
        partner = partners.first_showing(self._plan, self._results, partial(_show, promise.parts))
        return Finding(
            kind=FindingKind.SUSPECTED_BREAK,
            state=state.id,
            patch=state.patch,
            partner=partner if state.scenario != "prefixes" and partner in state.applied else None,
            contract=None,
            evidence=tuple(_evidence(state, names)),
            promise=promise.parts,
            counted=counted or UNSET,
        )


def _show(parts: Iterable[Part], state: StateResult) -> bool | None:
    """Whether a state shows all of some parts; None where nobody knows."""
    shown = {promises.shows(part, state) for part in parts}
    return False if False in shown else None if None in shown else True


def _breaks(inferred: Iterable[Promise], states: Iterable[StateResult]) -> set[tuple[Promise, str]]:
    """What any of some states breaks."""
    return {(one, name) for state in states for one in inferred for name in promises.broken(one, state)}


def _evidence(state: StateResult, names: Iterable[str]) -> Iterator[Evidence]:
    yield from (evidence.of_check(name, state) for name in names)
    if state.outcome is not Outcome.OK:
        yield evidence.of_outcome(state)
