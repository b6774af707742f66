# SPDX-License-Identifier: GPL-2.0-only
"""Series made up of features, with what each state of one shows: the truth that inferred promises are held against."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations

from kseries import judge
from kseries.model import Contract, Finding, FindingKind, Inference, Outcome, Plan, StateResult, Status, Verdict
from tests.support.judged import FAIL, PASS, SKIP, Seen, nothing, plan_of, result_of


@dataclass(frozen=True)
class Ask:
    """A check, and the patches that it needs beside those that show its feature.

    ``says``: without the feature it skips, and names what it lacks; else it fails, or skips for no reason that it tells
    (``mute``). ``there`` is the patch that brings the test itself.
    """

    needs: frozenset[int]
    says: bool = True
    there: int = 0
    mute: bool = False


@dataclass(frozen=True)
class Feature:
    """What a series brings: a capability, if it has one, the patches that show it, and what is asked of it.

    ``taken`` by these patches, what belongs to it is accepted, whether it is shown or not; None where nobody asks.
    """

    cap: str
    shown: frozenset[int]
    checks: Mapping[str, Ask] = field(default_factory=dict)
    taken: frozenset[int] | None = None

    def shows(self, applied: Iterable[int]) -> bool:
        return self.shown <= {*applied}

    def takes(self, applied: Iterable[int]) -> bool:
        return self.taken is not None and self.taken <= {*applied}

    @property
    def refusal(self) -> str:
        return f"{self.cap}.refused"

    def seen(self, applied: frozenset[int]) -> Seen:
        """What a kernel with these patches shows of it."""
        there = self.shows(applied)
        seen = Seen({self.cap: int(there)}, {})
        for name, ask in self.checks.items():
            if ask.there and ask.there not in applied:
                continue
            skips = SKIP if ask.says or ask.mute else FAIL
            status = PASS if there and ask.needs <= applied else FAIL if there else skips
            seen = _with(seen, name, status, "cannot be tried" if ask.mute else f"{self.cap} is not advertised")
        if self.taken is not None:
            status = SKIP if there else FAIL if self.takes(applied) else PASS
            seen = _with(seen, self.refusal, status, f"{self.cap} is advertised")
        return seen


def _with(seen: Seen, name: str, status: Status, why: str) -> Seen:
    details = {**seen.details, name: why} if status is SKIP else seen.details
    return replace(seen, checks={**seen.checks, name: status}, details=details)


def alone(name: str, needs: Iterable[int], there: int = 0) -> Mapping[str, tuple[frozenset[int], int]]:
    """A check that is of no feature."""
    return {name: (frozenset(needs), there)}


def names(count: int, *, pairs: bool = False, only: bool = False) -> tuple[str, ...]:
    """The states of a series."""
    numbers = range(1, count + 1)
    return (
        "base",
        *(f"prefix-{number}" for number in numbers),
        *(f"without-{number}" for number in numbers),
        *(f"only-{number}" for number in (numbers if only else ())),
        *(f"without-{one}+{other}" for one, other in combinations(numbers, 2) if pairs),
    )


@dataclass(frozen=True)
class World:
    """A series of so many patches: its features, its other checks, and the states that are not seen as they are."""

    count: int
    features: tuple[Feature, ...] = ()
    others: Mapping[str, tuple[frozenset[int], int]] = field(default_factory=dict)
    instead: Mapping[str, Seen] = field(default_factory=dict)
    pairs: bool = False
    only: bool = False

    @property
    def plan(self) -> Plan:
        return plan_of(names(self.count, pairs=self.pairs, only=self.only), patches=tuple(range(1, self.count + 1)))

    def seen(self, applied: Iterable[int]) -> Seen:
        """What a kernel with these patches shows, if it comes to show anything."""
        applied = frozenset(applied)
        whole = Seen({}, {"always.works": PASS})
        for part in (one.seen(applied) for one in self.features):
            whole = Seen(
                {**whole.caps, **part.caps},
                {**whole.checks, **part.checks},
                details={**whole.details, **part.details},
            )
        for name, (needs, there) in self.others.items():
            if not there or there in applied:
                whole = replace(whole, checks={**whole.checks, name: PASS if needs <= applied else FAIL})
        return whole

    @property
    def results(self) -> dict[str, StateResult]:
        states = {state.id: state for state in self.plan.states}
        return {name: result_of(state, self._of(name, state.applied)) for name, state in states.items()}

    def _of(self, name: str, applied: tuple[int, ...]) -> Seen:
        return self.instead[name] if name in self.instead else self.seen(applied)

    def but(self, *loud: str) -> "World":
        """The same, with states that do not build."""
        return replace(self, instead={**self.instead, **{name: nothing(Outcome.BUILD_FAILED) for name in loud}})

    def judged(
        self, inference: Inference = Inference.SUSPECT, contracts: tuple[Contract, ...] = ()
    ) -> tuple[tuple[Finding, ...], Verdict]:
        _, findings, verdict = judge.judge(self.plan, self.results, contracts, inference)
        return findings, verdict

    def suspected(self, contracts: tuple[Contract, ...] = ()) -> tuple[Finding, ...]:
        findings, _ = self.judged(contracts=contracts)
        return tuple(one for one in findings if one.kind is FindingKind.SUSPECTED_BREAK)

    @property
    def told(self) -> set[tuple[str, str]]:
        """Each state and check of which a break is suspected."""
        return {(one.state, seen.name) for one in self.suspected() for seen in one.evidence}
