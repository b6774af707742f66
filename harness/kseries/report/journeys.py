# SPDX-License-Identifier: GPL-2.0-only
"""The journeys of a run: for each patch, who blames it, what they do, and what they run then."""

from collections.abc import Iterator

from kseries.judge import evidence
from kseries.model import End, Finding, FindingKind, Journey, RunResult

_NO_FAULT = "no build would notice a fault in it, so nobody comes to blame it by bisecting builds"


def lines(run: RunResult) -> Iterator[str]:
    """A few lines for each journey, and how it ends in the first of them."""
    if run.journeys:
        yield "Journeys: a user meets a fault, bisects, and reverts the patch that git blames."
    for journey in run.journeys:
        subject = next(patch.subject for patch in run.series.patches if patch.number == journey.patch)
        yield f"  {journey.patch}/{len(run.series.patches)} '{subject}': {journey.end or 'not judged'}"
        yield f"    {_fault(journey)}"
        yield f"    {_end(journey, run)}"
    if run.journeys:
        yield ""


def _fault(journey: Journey) -> str:
    if journey.fault is None:
        return _NO_FAULT
    steps = f"{journey.steps} step{'s' * (journey.steps != 1)}"
    blames = f"patch {journey.blamed}" if journey.blamed is not None else "no single patch"
    return f"a fault at {journey.fault}: git bisect blames {blames} after {steps}"


def _end(journey: Journey, run: RunResult) -> str:
    state = next(one for one in run.states if one.id == journey.state)
    broken = [one for one in run.findings if one.state == state.id and one.kind is FindingKind.SILENT_BREAK]
    match journey.end:
        case End.SILENT:
            return f"the revert applies, builds and boots, and {_broken(broken[0], run)}"
        case End.LOUD:
            return f"the revert is told of: {state.outcome}: {state.detail}"
        case End.SAFE:
            return "the revert applies, builds and boots, and every promise that is still made is kept"
        case None:
            return f"what the revert leaves could not be judged ({state.outcome})"


def _broken(finding: Finding, run: RunResult) -> str:
    if finding.contract is None:
        return f"breaks what works on the base and with the whole series: {evidence.line(finding.evidence[0])}"
    state = next(one for one in run.states if one.id == finding.state)
    verdict = next(one for one in state.contracts if one.id == finding.contract)
    if not verdict.advertised:
        return f"the kernel takes what {verdict.capability} stands for though it does not advertise it"
    by = f" (by patch {finding.partner})" if finding.partner is not None else ""
    seen = evidence.line(finding.evidence[0])
    return f"the kernel still advertises {verdict.capability}{by}, and does not keep it: {seen}"
