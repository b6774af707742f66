# SPDX-License-Identifier: GPL-2.0-only
"""What a known issue covers of a run's evidence, and what is left of its verdict: pure.

An issue covers checks that failed, and with a pattern what the kernel complained of during them. It never covers how a
state ended, what did not build, or what a build said.
"""

import fnmatch
import re
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from kseries.model import Evidence, EvidenceKind, Finding, FindingKind, KnownIssue, Status, Verdict

ANSWERS = {
    "bisectable": (FindingKind.BISECT_HOLE, FindingKind.KERNEL_COMPLAINT),
    "revert_safe": (FindingKind.SILENT_BREAK,),
}
"""The kinds of findings that answer a question of the verdict with no."""
LONGEST = 1000
"""Characters of what was said that a pattern is looked for in: they are other people's."""


def covers(issue: KnownIssue, one: Evidence) -> bool:
    """Whether an issue covers a piece of evidence."""
    if one.kind not in (EvidenceKind.CHECK, EvidenceKind.FLAKY, EvidenceKind.COMPLAINT):
        return False
    if not fnmatch.fnmatchcase(one.name[:LONGEST], issue.check):
        return False
    if one.status in (Status.MISSING, Status.SKIP) and not issue.missing:
        return False
    # What the kernel said is another matter than that a check fails now and then: it has to be asked for.
    of_kernel = one.said if one.kind is EvidenceKind.COMPLAINT else one.complaint
    if of_kernel or issue.said:
        return bool(issue.said) and re.search(issue.said, (of_kernel or one.said)[:LONGEST]) is not None
    return True


def marked(findings: tuple[Finding, ...], links: Mapping[Evidence, str]) -> tuple[Finding, ...]:
    """The findings, each piece of evidence with the link of what covers it."""
    return tuple(_marked(finding, links) for finding in findings)


def _marked(finding: Finding, links: Mapping[Evidence, str]) -> Finding:
    told = tuple(replace(one, known=links[one]) if one in links else one for one in finding.evidence)
    return replace(finding, evidence=told) if told != finding.evidence else finding


def agreed(every: Verdict, counted: Verdict) -> Verdict:
    """The verdict of a series of which known issues are left out of what is ``counted``: a question that they alone
    answer with no is not judged, since nobody has seen it without them.
    """
    return Verdict(
        bisectable=counted.bisectable if counted.bisectable is every.bisectable else None,
        revert_safe=counted.revert_safe if counted.revert_safe is every.revert_safe else None,
    )


def are_why(question: str, findings: Iterable[Finding]) -> bool:
    """Whether known issues may be why a question of the verdict is not judged."""
    return any(one.is_known and one.kind in ANSWERS[question] for one in findings)
