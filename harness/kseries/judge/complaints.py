# SPDX-License-Identifier: GPL-2.0-only
"""What a kernel complains of since a patch, and did not before it: pure functions from what was seen in two states."""

from collections.abc import Iterable, Iterator, Mapping

from kseries.judge import evidence
from kseries.model import Complaint, Finding, FindingKind, Outcome, Plan, StateResult


def new_complaints(before: StateResult, after: StateResult) -> tuple[Complaint, ...]:
    """What ``after`` complains of and ``before`` does not: by kind and function, in the order of the log.

    Base's own complaint is no news, in however few of its boots it came. Those that are not ``sure`` are among
    them; who blames a patch leaves them out.
    """
    return tuple(one for one in after.complaints if not _is_among(one, before.complaints))


def _is_among(complaint: Complaint, known: Iterable[Complaint]) -> bool:
    return any(complaint.is_like(one) for one in known)


def findings(plan: Plan, results: Mapping[str, StateResult]) -> Iterator[Finding]:
    """Of each prefix, the complaints that neither base has nor a prefix before it, told of the patch that brings them.

    They are nobody's (``patch`` is None) where they may be older: the prefix before was not booted, or one before it
    has complained so in some of its boots. Behind one that was not tried yet, nothing is told: it may have brought them
    all. What does not come as often as it has to is flaky, and told once.
    """
    known = [*results["base"].complaints]
    doubtful: list[Complaint] = []
    after_gap = False
    for patch in plan.patches:
        state = results.get(f"prefix-{patch.number}")
        if state is not None and state.outcome is Outcome.NOT_TRIED:
            return
        if state is None or state.outcome.unknown or state.outcome.loud:  # of which the hole that it is tells
            after_gap = True
            continue
        news = [one for one in state.complaints if not _is_among(one, known)]
        sure = [one for one in news if one.sure]
        older = [one for one in sure if after_gap or _is_among(one, doubtful)]
        if brought := [one for one in sure if one not in older]:
            yield _finding(FindingKind.KERNEL_COMPLAINT, state, patch.number, brought)
        if older:
            yield _finding(FindingKind.KERNEL_COMPLAINT, state, None, older)
        if unsure := [one for one in news if not one.sure and not _is_among(one, doubtful)]:
            yield _finding(FindingKind.FLAKY, state, None, unsure)
        known += sure
        doubtful += unsure
        after_gap = False


def unsure(base: StateResult, tip: StateResult, state: StateResult) -> Iterator[Finding]:
    """What the kernel of a revert complains of, as neither base nor the tip does, and not as often as it has to."""
    of_tip = new_complaints(tip, state)
    found = [one for one in new_complaints(base, state) if not one.sure and one in of_tip]
    if found:
        yield _finding(FindingKind.FLAKY, state, None, found)


def _finding(kind: FindingKind, state: StateResult, patch: int | None, complaints: list[Complaint]) -> Finding:
    told = tuple(evidence.of_complaint(one, state) for one in complaints)
    return Finding(kind=kind, state=state.id, patch=patch, partner=None, contract=None, evidence=told)
