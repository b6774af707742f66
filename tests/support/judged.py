# SPDX-License-Identifier: GPL-2.0-only
"""A series of three patches to judge: what each of its states shows, and the judgement.

Patch 1 brings behaviour, patch 2 advertises it, patch 3 has nothing to do with either.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import msgspec

from kseries.evaluate import stateresult
from kseries.judge import judge
from kseries.model import (
    AppliedPatch,
    Base,
    Check,
    Complaint,
    Contract,
    Finding,
    Outcome,
    Plan,
    State,
    StateResult,
    Status,
    Verdict,
)

PASS, FAIL, SKIP, XFAIL, MISSING = Status
PATCHES = (1, 2, 3)
CAP = "KVM_CAP_FEATURE"
FEATURE = Contract(
    id="feature", title="", when=CAP, checks=("feature.works", "feature.lasts"), otherwise=("flag.refused",)
)
LOUD = (Outcome.CONFLICT, Outcome.BUILD_FAILED, Outcome.BOOT_FAILED)
DIED = (Outcome.CRASHED, Outcome.TIMED_OUT)


@dataclass(frozen=True)
class Seen:
    """What one state's boot showed."""

    caps: Mapping[str, int]
    checks: Mapping[str, Status]
    outcome: Outcome = Outcome.OK
    details: Mapping[str, str] = field(default_factory=dict)
    flaky: tuple[str, ...] = ()
    complaints: tuple[Complaint, ...] = ()

    def but(self, outcome: Outcome | None = None, /, **changed: Status) -> "Seen":
        """The same with other checks; ``feature__works=FAIL`` is feature.works."""
        names = {name.replace("__", "."): status for name, status in changed.items()}
        return replace(self, checks={**self.checks, **names}, outcome=outcome or self.outcome)

    def with_cap(self, name: str, value: int) -> "Seen":
        return replace(self, caps={**self.caps, name: value})

    def without(self, *names: str) -> "Seen":
        """The same with checks that were never announced."""
        return replace(self, checks={name: status for name, status in self.checks.items() if name not in names})


OFF = Seen({CAP: 0}, {"flag.refused": PASS, "feature.works": SKIP, "feature.lasts": SKIP, "other.works": PASS})
ON = Seen({CAP: 1}, {"flag.refused": SKIP, "feature.works": PASS, "feature.lasts": PASS, "other.works": PASS})
SOUND = {
    "base": OFF,
    "prefix-1": OFF,
    "prefix-2": ON,
    "prefix-3": ON,
    "without-1": OFF,
    "without-2": OFF,
    "without-3": ON,
}
SILENT = ON.but(feature__works=FAIL)
"""Advertised, and not kept."""


def nothing(outcome: Outcome) -> Seen:
    """A state of which no probe told."""
    return Seen({}, {}, outcome)


def plan_of(
    states: tuple[str, ...],
    same: Mapping[str, str] | None = None,
    patches: tuple[int, ...] = PATCHES,
    message: str = "This needs 'KVM: patch 1', 'KVM:\n patch 2' and 'kvm: Patch 3'.",
) -> Plan:
    """A plan in which each state has a tree of its own but for those that are the same as another."""

    def state(name: str) -> State:
        kind, _, numbers = name.partition("-")
        named = [int(number) for number in numbers.split("+") if number]
        patch = named[0] if len(named) == 1 else None
        applied = {
            "base": (),
            "prefix": tuple(one for one in patches if patch is not None and one <= patch),
            "without": tuple(one for one in patches if one not in named),
            "only": (patch or 0,),
        }[kind]
        original = (same or {}).get(name)
        scenario = {"base": "base", "prefix": "prefixes", "without": "reverts", "only": "alone"}[kind]
        scenario = "pairs" if len(named) == 2 else scenario
        return State(id=name, scenario=scenario, applied=applied, patch=patch, tree=original or name, same_as=original)

    return Plan(
        series="series",
        version=1,
        patches=tuple(
            AppliedPatch(
                number=one,
                subject=f"KVM: patch {one}",
                message=message,
                tree_before=f"{one - 1}",
                tree_after=f"{one}",
            )
            for one in patches
        ),
        base=Base(name="base", version="6.12", tree="base"),
        states=tuple(state(name) for name in states),
    )


def result_of(state: State, seen: Seen) -> StateResult:
    detail = "" if seen.outcome is Outcome.OK else "so it ended"
    return msgspec.structs.replace(
        stateresult.bare(state, outcome=seen.outcome, detail=detail),
        caps=dict(seen.caps),
        checks=tuple(
            Check(id=name, status=status, detail=seen.details.get(name, "")) for name, status in seen.checks.items()
        ),
        flaky=seen.flaky,
        complaints=seen.complaints,
    )


@dataclass(frozen=True)
class Judged:
    states: Mapping[str, StateResult]
    findings: tuple[Finding, ...]
    verdict: Verdict

    @property
    def essence(self) -> list[tuple[str, str, int | None, int | None, str | None]]:
        return [(one.kind.value, one.state, one.patch, one.partner, one.contract) for one in self.findings]

    @property
    def answers(self) -> tuple[bool | None, bool | None]:
        return self.verdict.bisectable, self.verdict.revert_safe


def run(
    changed: Mapping[str, Seen] | None = None,
    contracts: tuple[Contract, ...] = (FEATURE,),
    leave_out: tuple[str, ...] = (),
    message: str | None = None,
) -> Judged:
    """Judge the sound series with some states changed, or not in the plan at all."""
    seen = {name: one for name, one in {**SOUND, **(changed or {})}.items() if name not in leave_out}
    plan = plan_of(tuple(seen)) if message is None else plan_of(tuple(seen), message=message)
    states, findings, verdict = judge(plan, {one.id: result_of(one, seen[one.id]) for one in plan.states}, contracts)
    return Judged({one.id: one for one in states}, findings, verdict)
