# SPDX-License-Identifier: GPL-2.0-only
"""result.json of schema 1, read as what it would be today.

Its evidence was lines for people. What such a line tells of is found among what the state has, by making the line of
it again; an older kseries may have worded it otherwise, and then the line is taken apart. Either way it is told in the
words that were there, but for a colon with nothing behind it.
"""

import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from kseries.judge import evidence
from kseries.model import (
    SCHEMA_VERSION,
    Accel,
    Advice,
    AppliedPatch,
    Base,
    Bond,
    Checkpatch,
    Coupling,
    Document,
    Evidence,
    EvidenceKind,
    Finding,
    FindingKind,
    Grounds,
    Journey,
    Outcome,
    PatchResult,
    Record,
    SeriesSummary,
    Squash,
    StateResult,
    Status,
    Variant,
    VariantResult,
    Verdict,
)

_FLAKY = "two boots, two answers"
_NO_CHECK = "outside of any check"
_ANSWERS = "|".join(map(re.escape, (*Status, _FLAKY)))
# The description of a test in KTAP, and so a check's name, may have a colon in it.
_OF_CHECK = re.compile(rf"(?P<name>.+?): (?P<status>{_ANSWERS})(?:: (?P<said>.*))?", re.DOTALL)
_CONFLICT = "conflict in "


class _Kind(StrEnum):
    """The kinds of findings that there were."""

    BROKEN_CONTRACT = "broken-contract"
    SILENT_BREAK = "silent-break"
    BISECT_HOLE = "bisect-hole"
    REGRESSION = "regression"
    NEW_WARNING = "new-warning"
    REACHES_OUT = "reaches-out"
    KERNEL_COMPLAINT = "kernel-complaint"
    UNDOCUMENTED_DEPENDENCY = "undocumented-dependency"
    FLAKY = "flaky"


_RENAMED = {_Kind.REACHES_OUT: FindingKind.SANDBOX_DENIAL}


class _Finding(Record, frozen=True):
    kind: _Kind
    state: str
    patch: int | None
    partner: int | None
    contract: str | None
    evidence: tuple[str, ...]
    advice: Advice | None = None
    reproduce: str = ""


class _Coupling(Record, frozen=True):
    kind: Bond
    patch: int
    needs: int | None
    state: str
    contract: str | None = None
    evidence: tuple[str, ...] = ()


class _Squash(Record, frozen=True):
    id: str
    patches: tuple[AppliedPatch, ...]
    states: tuple[StateResult, ...]
    findings: tuple[_Finding, ...]
    verdict: Verdict


class _Result(Record, frozen=True):
    series: SeriesSummary
    base: Base
    arch: str
    accel: Accel
    toolchain: str
    config_fragment_hash: str
    states: tuple[StateResult, ...]
    findings: tuple[_Finding, ...]
    verdict: Verdict
    squashes: tuple[_Squash, ...] = ()
    searched: tuple[StateResult, ...] = ()
    couplings: tuple[_Coupling, ...] = ()
    journeys: tuple[Journey, ...] = ()
    quick: bool = False
    checkpatch: Checkpatch | None = None
    began: str = ""
    seconds: float | None = None
    words: tuple[str, ...] = ()
    patches: tuple[PatchResult, ...] = ()
    grounds: Grounds | None = None
    partial: bool = False
    unboxed: bool = False
    strict: bool = False


def read(data: bytes) -> Document:
    """What a file of schema 1 has. Raises msgspec.DecodeError for what is none."""
    old = msgspec.json.decode(data, type=_Result)
    return Document(
        schema=SCHEMA_VERSION,
        series=old.series,
        base=old.base,
        variants=(_variant(old),),
        quick=old.quick,
        checkpatch=old.checkpatch,
        began=old.began,
        seconds=old.seconds,
        words=old.words,
        unboxed=old.unboxed,
        strict=old.strict,
    )


def _variant(old: _Result) -> VariantResult:
    """The one that there was; it did not say with which fragments and which words for make."""
    variant = Variant(label=old.arch, arch=old.arch, toolchain=old.toolchain, config_hash=old.config_fragment_hash)
    return VariantResult(
        variant=variant,
        accel=old.accel,
        states=old.states,
        findings=_findings(old.findings, old.states),
        verdict=old.verdict,
        squashes=tuple(_squash(one) for one in old.squashes),
        searched=old.searched,
        couplings=tuple(_coupling(one, old) for one in old.couplings),
        journeys=old.journeys,
        patches=old.patches,
        grounds=old.grounds,
        partial=old.partial,
    )


def _squash(old: _Squash) -> Squash:
    findings = _findings(old.findings, old.states)
    return Squash(id=old.id, patches=old.patches, states=old.states, findings=findings, verdict=old.verdict)


def _findings(old: Iterable[_Finding], states: Sequence[StateResult]) -> tuple[Finding, ...]:
    seen = functools.cache(lambda name: _Seen.of(_state(name, states)))  # of a state there may be a finding a check
    return tuple(_finding(one, seen(one.state)) for one in old)


def _finding(old: _Finding, seen: "_Seen") -> Finding:
    kind = _RENAMED.get(old.kind) or FindingKind(old.kind)
    return Finding(
        kind=kind,
        state=old.state,
        patch=old.patch,
        partner=old.partner,
        contract=old.contract,
        evidence=_evidence(kind, old.evidence, seen),
        advice=old.advice,
        reproduce=old.reproduce,
    )


def _coupling(old: _Coupling, result: _Result) -> Coupling:
    state = _state(old.state, result.states)
    if (old.state, old.evidence) in [(one.state, one.evidence) for one in result.findings]:
        seen = _evidence(FindingKind.SILENT_BREAK, old.evidence, _Seen.of(state))
    else:
        seen = tuple(map(_of_coupling, old.evidence))
    return Coupling(
        kind=old.kind, patch=old.patch, needs=old.needs, state=old.state, contract=old.contract, evidence=seen
    )


def _of_coupling(words: str) -> Evidence:
    if words.startswith(_CONFLICT):
        return evidence.of_conflict(words.removeprefix(_CONFLICT))
    return Evidence(kind=EvidenceKind.ERROR, said=words)


def _state(name: str, states: Sequence[StateResult]) -> StateResult | None:
    return next((state for state in states if state.id == name), None)


# --- evidence -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Seen:
    """A state, where the result has it, and all that findings of it may rest on, by the lines that tell it."""

    state: StateResult | None
    lines: dict[str, Evidence]

    @classmethod
    def of(cls, state: StateResult | None) -> "_Seen":
        return cls(state, {evidence.line(one): one for one in _all(state)} if state is not None else {})


def _evidence(kind: FindingKind, lines: Iterable[str], seen: _Seen) -> tuple[Evidence, ...]:
    return tuple(seen.lines.get(words) or of_words(kind, words, seen.state) for words in lines)


def _all(state: StateResult) -> Iterator[Evidence]:
    """All that findings of a state may rest on, as far as the state has it."""
    yield from map(evidence.of_denial, state.refused)
    yield from map(evidence.of_warning, state.warnings_new)
    yield from (evidence.of_complaint(one, state) for one in state.complaints)
    yield from map(evidence.of_flaky, state.flaky)
    first = {one.id: one for one in reversed(state.checks)}
    for name, check in first.items():  # alone, or each of thousands would be looked for among all
        yield evidence.of_check(name, msgspec.structs.replace(state, checks=(check,)))
    yield evidence.of_outcome(state)


def of_words(kind: FindingKind, words: str, state: StateResult | None = None) -> Evidence:
    """What a line of a finding's evidence tells of, as far as the line says so."""
    found = _of_words(kind, words)
    if found.kind not in (EvidenceKind.CHECK, EvidenceKind.OUTCOME) or state is None:
        return found
    behind = next((one.said for one in state.complaints if one.said in found.said), "")
    return msgspec.structs.replace(found, complaint=behind)


def _of_words(kind: FindingKind, words: str) -> Evidence:
    if kind is FindingKind.NEW_WARNING:
        return evidence.of_warning(words)
    if kind is FindingKind.SANDBOX_DENIAL:
        return evidence.of_denial(words)
    name, _, said = words.partition(": ")
    if name in [*Outcome]:
        return Evidence(kind=EvidenceKind.OUTCOME, name=name, said=said)
    check = _OF_CHECK.fullmatch(words)
    if not name or (check is None and not said):
        return Evidence(kind=EvidenceKind.ERROR, said=words)
    if check is None:
        return Evidence(kind=EvidenceKind.COMPLAINT, name="" if name == _NO_CHECK else name, said=said)
    if check["status"] == _FLAKY:
        return evidence.of_flaky(check["name"])
    status = Status(check["status"])
    return Evidence(kind=EvidenceKind.CHECK, name=check["name"], status=status, said=check["said"] or "")
