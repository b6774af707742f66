# SPDX-License-Identifier: GPL-2.0-only
"""What else is known of what a run found, in words: known issues, and checks that fail by chance."""

from collections.abc import Iterable, Iterator

from kseries.model import Finding, IssueNote, RunResult
from kseries.model.sanitize import line

_FEW = 8
"""Checks of a finding of which this is told; the result has it of all."""


def lines(finding: Finding) -> Iterator[str]:
    """What is known of the checks of a finding, a line each."""
    yield from (*_few(_issues(finding)), *chances(finding))


def _few(told: Iterable[str]) -> Iterator[str]:
    found = [*map(line, told)]
    yield from found[:_FEW]
    if len(found) > _FEW:
        yield f"and {len(found) - _FEW} more like it"


def _issues(finding: Finding) -> Iterator[str]:
    links = dict.fromkeys(one.known for one in finding.evidence if one.known)
    if finding.is_known:
        yield from (f"known issue, not counted: {link}" for link in links)
        return
    for one in finding.evidence:
        if one.known:
            yield f"{one.name or 'the complaint'} is a known issue, and the rest is not: {one.known}"


def chances(finding: Finding) -> Iterator[str]:
    """How often checks of a finding failed without anybody's doing, where they did."""
    whose = "this check" if len(finding.evidence) == 1 else ""
    tallies = ((whose or one.name, one.without_series) for one in finding.evidence)
    yield from _few(
        f"{name} failed {tally.failed} of {tally.boots} times on kernels without this series"
        for name, tally in tallies
        if tally is not None
    )


def label(finding: Finding) -> str:
    """The links of what covers a finding."""
    return line(", ".join(dict.fromkeys(one.known for one in finding.evidence if one.known)))


def counted(run: RunResult) -> str:
    """``2 findings, 1 known issue``: how much of each; empty where nothing is known. Advice is no finding here."""
    findings = sum(one.counts for one in run.findings)
    return f"{_count(findings, 'finding')}, {issues(run)}" if issues(run) else ""


def issues(run: RunResult) -> str:
    """``1 known issue``: how many there are; empty where there is none."""
    known = sum(one.is_known for one in run.findings)
    return _count(known, "known issue") if known else ""


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def notes(run: RunResult) -> Iterator[str]:
    """What there is to say of the known issues that a run was told of, and that are not as they were."""
    for one in run.known_issues or ():
        if said := _note(one):
            yield line(f"known issue {one.check} ({one.link}) {said}")


def _note(one: IssueNote) -> str:
    if one.too_slow:
        return "is not applied: its pattern took too long; write it with fewer repeats"
    if not one.covers:
        return "matched nothing"
    return f"ended on {one.until}: it is counted again" if one.ended else ""
