# SPDX-License-Identifier: GPL-2.0-only
"""Findings as whoever shows source with remarks wants them: SARIF, GitLab, GitHub."""

import json
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from kseries.host import checksums
from kseries.judge import evidence
from kseries.model import AppliedPatch, Finding, RunResult
from kseries.model.sanitize import line, shortened
from kseries.report import known, questions, reproduce, text
from kseries.report.spots import Spot, spot

_SHOWN = 10
_SAID = 500
_DIGITS = 12


class Level(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    WARNING = "warning"
    """It makes a run exit 1, and breaks nothing that runs."""
    NOTE = "note"
    """Advice, and what is known."""


@dataclass(frozen=True)
class Annotation:
    """A finding with the place at which it is shown; None where that is not known."""

    finding: Finding
    level: Level
    spot: Spot | None
    title: str
    """A sentence."""
    body: str
    """What was seen, what helps, and how it is seen again, in lines of bounded length."""
    fingerprint: str
    """The same for the same finding of a later run, also of a series with more patches; no two of a run have one."""


def annotations(run: RunResult) -> tuple[Annotation, ...]:
    """One for each finding, in their order."""
    seen: Counter[str] = Counter()
    made = []
    for finding in run.findings:
        known = _known_by(run, finding)
        made.append(
            Annotation(
                finding=finding,
                level=level(finding),
                spot=spot(run, finding),
                title=shortened(line(text.sentence(run, finding)).rstrip(":"), _SAID),
                body="\n".join(shortened(line(one), _SAID) for one in _body(run, finding)),
                fingerprint=checksums.of_bytes(f"{known}{seen[known]}".encode()),
            )
        )
        seen[known] += 1
    return tuple(made)


def level(finding: Finding) -> Level:
    if not finding.counts:
        return Level.NOTE
    return Level.WARNING if finding.kind.of_build else Level.ERROR


def _known_by(run: RunResult, finding: Finding) -> str:
    """What stays when patches are numbered anew, and addresses and times differ."""
    state = next(one for one in run.states if one.id == finding.state)
    subjects = [patch.subject for patch in _patches(run, finding)]
    first = evidence.known_by(finding.evidence[0])
    seen = (first.kind, first.name, first.said)
    return json.dumps((run.variant.label, finding.kind, state.scenario, finding.contract, subjects, seen))


def _patches(run: RunResult, finding: Finding) -> list[AppliedPatch]:
    """Those that it is about, the one to blame first."""
    partner = [finding.partner] if finding.partner is not None else []
    numbers = dict.fromkeys([*sorted(questions.about(run, finding)), *partner])
    return [run.series.patches[number - 1] for number in numbers]


def _body(run: RunResult, finding: Finding) -> list[str]:
    shown = [evidence.line(one) for one in finding.evidence[:_SHOWN]]
    more = [f"and {len(finding.evidence) - _SHOWN} more"] if len(finding.evidence) > _SHOWN else []
    again = f"To see it again: {reproduce.elsewhere(run, finding)}"
    more += known.lines(finding)
    return [*shown, *more, *map(_named, _patches(run, finding)), *text.remedies(run, finding), again]


def _named(patch: AppliedPatch) -> str:
    commit = f", commit {patch.commit[:_DIGITS]}" if patch.commit else ""
    return f"patch {patch.number} ('{patch.subject}'{commit})"
