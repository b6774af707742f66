# SPDX-License-Identifier: GPL-2.0-only
"""What a kernel complains of since a patch, and did not before it: pure functions from what was seen in two states."""

from collections.abc import Iterator, Mapping

from harness.model import Complaint, Finding, FindingKind, Plan, StateResult


def new_complaints(before: StateResult, after: StateResult) -> tuple[Complaint, ...]:
    """What ``after`` complains of and ``before`` does not: by kind and function, in the order of the log.

    Base's own complaint is no news, in however few of its boots it came. Those that are not ``sure`` are among
    them; who blames a patch leaves them out.
    """
    known = {complaint.key for complaint in before.complaints}
    return tuple(complaint for complaint in after.complaints if complaint.key not in known)


def findings(plan: Plan, results: Mapping[str, StateResult]) -> Iterator[Finding]:
    """Of each prefix, the complaints that neither base has nor a prefix before it, told of the patch that brings them.

    Where the prefix before was not booted, or not to its end, they may have been brought by a patch further down:
    they are nobody's (``patch`` is None). What came not as often as it has to is flaky.
    """
    known = {complaint.key for complaint in results["base"].complaints}
    previous_is_known = True
    for patch in plan.patches:
        state = results.get(f"prefix-{patch.number}")
        if state is None or state.ending is None or state.outcome.loud:  # of which the hole that it is tells
            previous_is_known = False
            continue
        news = [one for one in new_complaints(results["base"], state) if one.key not in known]
        sure = [one for one in news if one.sure]
        unsure = [one for one in news if not one.sure]
        if sure:
            yield _finding(FindingKind.KERNEL_COMPLAINT, state.id, patch.number if previous_is_known else None, sure)
        if unsure and state.same_as is None:
            yield _finding(FindingKind.FLAKY, state.id, None, unsure)
        known |= {one.key for one in sure}
        previous_is_known = True


def _finding(kind: FindingKind, state: str, patch: int | None, complaints: list[Complaint]) -> Finding:
    evidence = tuple(evidence_of(one) for one in complaints)
    return Finding(kind=kind, state=state, patch=patch, partner=None, contract=None, evidence=evidence)


def evidence_of(complaint: Complaint) -> str:
    """Which, where, and during which check; of one that is not sure, how often it came."""
    place = f"{complaint.file}:{complaint.line}" if complaint.file and complaint.line is not None else complaint.file
    where = ", ".join(part for part in (complaint.function, place) if part and part not in complaint.said)
    often = "" if complaint.sure else f", in {complaint.boots} of {complaint.of} boots{_load(complaint)}"
    return f"{complaint.check or 'outside of any check'}: {complaint.said}{where and f' (in {where})'}{often}"


def _load(complaint: Complaint) -> str:
    return " of a host with other work to do" if complaint.busy else ""
