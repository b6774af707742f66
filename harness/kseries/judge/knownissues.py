# SPDX-License-Identifier: GPL-2.0-only
"""What a known issue covers of a run's evidence, and what is left of its verdict: pure.

An issue covers checks that failed, and with a pattern what the kernel complained of during them. It never covers how a
state ended, what did not build, or what a build said.
"""

import fnmatch
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from msgspec.structs import replace

from kseries.judge import evidence
from kseries.model import (
    Evidence,
    EvidenceKind,
    Finding,
    FindingKind,
    KnownIssue,
    RunResult,
    StateResult,
    Status,
    Verdict,
)

ANSWERS = {
    "bisectable": (FindingKind.BISECT_HOLE, FindingKind.KERNEL_COMPLAINT),
    "revert_safe": (FindingKind.SILENT_BREAK,),
}
"""The kinds of findings that answer a question of the verdict with no; a suspected break does so where it counts."""
_OF_TIP = (FindingKind.BROKEN_CONTRACT, FindingKind.REGRESSION)
_REVERTS = ("reverts", "pairs")
_FAILED = (Status.FAIL, Status.MISSING)
LONGEST = 1000
"""Characters of what was said that a pattern is looked for in: they are other people's."""


def covers(issue: KnownIssue, one: Evidence) -> bool:
    """Whether an issue covers a piece of evidence."""
    if one.kind not in (EvidenceKind.CHECK, EvidenceKind.FLAKY, EvidenceKind.COMPLAINT):
        return False
    # An id may have brackets of its own, as those of parametrized tests have.
    if one.name != issue.check and not fnmatch.fnmatchcase(one.name[:LONGEST], issue.check):
        return False
    if one.status in (Status.MISSING, Status.SKIP) and not issue.missing:
        return False
    # What the kernel said is another matter than that a check fails now and then: it has to be asked for.
    of_kernel = one.said if one.kind is EvidenceKind.COMPLAINT else one.complaint
    if of_kernel or issue.said:
        return bool(issue.said) and re.search(issue.said, (of_kernel or one.said)[:LONGEST]) is not None
    return True


def beside(one: Evidence, base: StateResult, state: StateResult) -> Iterator[Evidence]:
    """What else the kernel of a state complained of during a check that fails, and base does not: the evidence of the
    check has the first of it alone.
    """
    if one.kind is not EvidenceKind.CHECK:
        return
    for complaint in state.complaints:
        is_its = complaint.sure and complaint.check == one.name and complaint.said != one.complaint
        if is_its and not any(complaint.is_like(other) for other in base.complaints):
            yield evidence.of_complaint(complaint, state)


def marked(
    findings: tuple[Finding, ...],
    links: Mapping[Evidence, str],
    others: Callable[[Finding, Evidence], Iterable[Evidence]],
) -> tuple[Finding, ...]:
    """The findings, each piece of evidence with the link of what covers it, where all ``others`` of it are covered."""
    return tuple(_marked(finding, links, others) for finding in findings)


def _marked(
    finding: Finding, links: Mapping[Evidence, str], others: Callable[[Finding, Evidence], Iterable[Evidence]]
) -> Finding:
    known = {one for one in finding.evidence if one in links and all(more in links for more in others(finding, one))}
    told = tuple(replace(one, known=links[one]) if one in known else one for one in finding.evidence)
    return replace(finding, evidence=told) if known else finding


def agreed(every: Verdict, counted: Verdict, hidden: Iterable[str]) -> Verdict:
    """The verdict of a series of which known issues are left out of what is ``counted``: a question that they alone
    answer with no is not judged, since nobody has seen it without them; nor is a yes of reverts that are ``hidden``.
    """
    revert_safe = None if counted.revert_safe and any(hidden) else counted.revert_safe
    return Verdict(
        bisectable=counted.bisectable if counted.bisectable is every.bisectable else None,
        revert_safe=revert_safe if counted.revert_safe is every.revert_safe else None,
    )


def hidden(findings: Iterable[Finding], states: Iterable[StateResult]) -> frozenset[str]:
    """The reverts that fail a check which known issues have the whole series fail, too: what breaks it in them nobody
    can tell.
    """
    of_tip = (one for one in findings if one.kind in _OF_TIP)
    names = {one.name for finding in of_tip for one in finding.evidence if one.known}
    reverts = (state for state in states if state.scenario in _REVERTS)
    return frozenset(
        state.id for state in reverts if any(one.id in names and one.status in _FAILED for one in state.checks)
    )


def are_why(question: str, run: RunResult) -> bool:
    """Whether known issues may be why a question of the verdict of a run is not judged."""
    found = any(one.is_known and not one.is_advice and question in _answered(one) for one in run.findings)
    return found or (question == "revert_safe" and bool(hidden(run.findings, run.states)))


def _answered(finding: Finding) -> Iterator[str]:
    """The questions that a finding answers with no."""
    if finding.kind is FindingKind.SUSPECTED_BREAK:
        yield "bisectable" if finding.state.startswith("prefix-") else "revert_safe"
    yield from (question for question, kinds in ANSWERS.items() if finding.kind in kinds)
