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
from kseries.judge.promises import Broken, Promise
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


def findings(
    plan: Plan, results: Mapping[str, StateResult], contracts: Iterable[Contract], inference: Inference
) -> Iterator[Finding]:
    """The suspected breaks of a run whose contracts tell of theirs themselves."""
    if inference is Inference.OFF:
        return
    inferred = promises.infer(tuple(results.values()), plan.tip, promises.covered(contracts))
    suspicions = _Suspicions(plan, results, inferred)
    # Where a state is unknown, it may be the one that passes the checks without what they are said to belong to.
    count = inference is Inference.INFERRED and not any(one.outcome.unknown for one in results.values())
    for state in plan.states:
        for promise, names in suspicions.of(results[state.id]):
            counted = count and suspicions.is_sure(results[state.id], names)
            yield suspicions.finding(results[state.id], promise, names, counted=counted)


class _Suspicions:
    """The promises of a series, and the rules that say of which state which break is told."""

    def __init__(self, plan: Plan, results: Mapping[str, StateResult], inferred: Sequence[Promise]) -> None:
        self._plan = plan
        self._results = results
        self._broken = (
            {name: tuple(promises.broken(inferred, one)) for name, one in results.items()} if inferred else {}
        )
        self._passed = {
            name: {check.id for check in one.checks if check.status in GOOD} for name, one in results.items()
        }
        self._partners: dict[tuple[Part, ...], int | None] = {}

    def of(self, state: StateResult) -> Iterator[Broken]:
        """What is told of a state, but for what is told of another one already."""
        match state.scenario:
            case "reverts":
                yield from self._but(state, frozenset())
            case "pairs" if all(one.outcome is not Outcome.NOT_TRIED for one in self._singles(state)):
                yield from self._but(state, self._told(self._singles(state)))
            case "prefixes" if state.id != self._plan.tip:
                yield from self._but(state, self._told(self._before(state)), self._passed["base"])

    def _but(self, state: StateResult, told: Set[str], holes: Set[str] = frozenset()) -> Iterator[Broken]:
        """What a state breaks, but for what is ``told``, and what base passes: that a prefix does not is a hole."""
        for promise, broken in self._broken.get(state.id, ()):
            if names := tuple(name for name in broken if name not in told and name not in holes):
                yield promise, names

    def _told(self, states: Iterable[StateResult]) -> set[str]:
        """What any of some states breaks; a check is of one promise."""
        return {name for state in states for _, names in self._broken.get(state.id, ()) for name in names}

    def is_sure(self, state: StateResult, names: Iterable[str]) -> bool:
        """False of a prefix before which none passes these checks: a series may show a part, and go on to have it do
        more, which no kernel has promised until then.
        """
        if state.scenario != "prefixes":
            return True
        passed = set[str]().union(*(self._passed[one.id].difference(one.flaky) for one in self._before(state)))
        return not passed.isdisjoint(names)

    def _singles(self, state: StateResult) -> list[StateResult]:
        singles = (self._results.get(f"without-{number}") for number in self._reverted(state))
        return [one for one in singles if one is not None]

    def _before(self, state: StateResult) -> list[StateResult]:
        prefixes = (self._results.get(f"prefix-{number}") for number in range(1, len(state.applied)))
        return [one for one in prefixes if one is not None]

    def _reverted(self, state: StateResult) -> list[int]:
        return [patch.number for patch in self._plan.patches if patch.number not in state.applied]

    def finding(self, state: StateResult, promise: Promise, names: Sequence[str], *, counted: bool) -> Finding:
        """A break as it is told."""
        partner = self._partner(promise.parts)
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

    def _partner(self, parts: tuple[Part, ...]) -> int | None:
        if parts not in self._partners:
            self._partners[parts] = partners.first_showing(self._plan, self._results, partial(_show, parts))
        return self._partners[parts]


def _show(parts: Iterable[Part], state: StateResult) -> bool | None:
    """Whether a state shows all of some parts; None where nobody knows."""
    shown = {promises.shows(part, state) for part in parts}
    return False if False in shown else None if None in shown else True


def _evidence(state: StateResult, names: Iterable[str]) -> Iterator[Evidence]:
    yield from (evidence.of_check(name, state) for name in names)
    if state.outcome is not Outcome.OK:
        yield evidence.of_outcome(state)
