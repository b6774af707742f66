# SPDX-License-Identifier: GPL-2.0-only
"""One series in several variants: a line for each patch that says where it is in order and where not."""

from collections.abc import Iterator, Sequence

from kseries.model import AppliedPatch, Exercise, Finding, FindingKind, Outcome, RunResult
from kseries.model.sanitize import line
from kseries.report import coverage


def render(runs: Sequence[RunResult]) -> str:
    """A line for each patch: its number, what each of the runs says of it, its subject."""
    patches = runs[0].series.patches
    table = [[f"{patch.number}/{len(patches)}", *(_verdict(run, patch) for run in runs)] for patch in patches]
    rows = [["", *(run.variant.label for run in runs)], *table]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    subjects = ["", *(line(patch.subject) for patch in patches)]
    told = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(f"  {row}  {subject}".rstrip() for row, subject in zip(told, subjects, strict=True))


def _verdict(run: RunResult, patch: AppliedPatch) -> str:
    return line(", ".join(_remarks(run, patch)))


def _remarks(run: RunResult, patch: AppliedPatch) -> Iterator[str]:
    found = [finding for finding in run.findings if finding.patch == patch.number and finding.counts]
    yield from dict.fromkeys(map(_words, found))
    if FindingKind.SILENT_BREAK not in {finding.kind for finding in found}:
        yield _revert(run, patch)


def _words(finding: Finding) -> str:
    partner = f" with {finding.partner}" if finding.partner is not None else ""
    return str(finding.kind).upper() + partner


def _revert(run: RunResult, patch: AppliedPatch) -> str:
    """What becomes of a revert, where it breaks nothing silently."""
    state = next((state for state in run.states if state.id == f"without-{patch.number}"), None)
    if state is None:
        return "not reverted"
    if state.outcome.loud:
        what = {Outcome.CONFLICT: "conflicts", Outcome.BUILD_FAILED: "does not build"}
        return f"revert {what.get(state.outcome, 'does not boot')}"
    ran = coverage.of(run, patch)
    if ran is not None and ran.exercise is Exercise.OTHER_ARCH:
        return coverage.WORDS[ran.exercise]  # the run of that one may be the next column
    if ran is not None and ran.exercise not in (Exercise.EXERCISED, Exercise.UNKNOWN):
        return coverage.brief(ran)
    return "revert is safe" if ran is not None and ran.verdict.revert_safe else "revert not judged"
