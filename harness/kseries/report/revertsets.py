# SPDX-License-Identifier: GPL-2.0-only
"""The revert sets of a run, beside the findings that call for them, and those of patches of which nothing is found."""

from collections.abc import Iterator

from msgspec import UNSET

from kseries.model import Finding, FindingKind, PatchSet, RunResult, SetEnd
from kseries.model.sanitize import line
from kseries.report import patchsets


def of_finding(run: RunResult, finding: Finding) -> Iterator[str]:
    """How to take a patch out whose revert is a silent break."""
    if finding.kind is FindingKind.SILENT_BREAK:
        yield from (_told(run, one) for one in _all(run) if one.asked == (finding.patch,))


def beside(run: RunResult) -> list[str]:
    """How to take others out: those whose revert conflicts, or does not build."""
    told = {finding.patch for finding in run.findings if finding.kind is FindingKind.SILENT_BREAK}
    return [_told(run, one) for one in _all(run) if one.asked[0] not in told]


def lines(run: RunResult) -> Iterator[str]:
    """The same for a terminal."""
    found = beside(run)
    if found:
        yield "To revert what does not go alone:"
        yield from (f"  {one}" for one in found)
        yield ""


def _all(run: RunResult) -> tuple[PatchSet, ...]:
    return run.revert_sets if run.revert_sets is not UNSET else ()


def _told(run: RunResult, found: PatchSet) -> str:
    """A set, and whether it is proved, in a line."""
    number, count = found.asked[0], len(run.series.patches)
    if not found.patches:
        return f"No set is known in which {number}/{count} can be taken out: {_why_none(found)}."
    said = patchsets.advice(found, count)
    if found.unjudged:
        return f"{said} Not judged: no kernel of this run is compiled of {', '.join(map(str, found.unjudged))}."
    if not found.proved:
        too_many = f": {patchsets.TOO_MANY}" if found.ended is SetEnd.TOO_MANY else ""
        return f"{said} Not proved to be the smallest set{too_many}."
    proved = f"Proved on {line(run.variant.label)}: no smaller set does."
    return f"{said} {proved}" if len(found.patches) > 1 else said


def _why_none(found: PatchSet) -> str:
    if found.limited:
        return "--most ended the search"
    return patchsets.TOO_MANY if found.ended is SetEnd.TOO_MANY else "nothing makes it safe"
