# SPDX-License-Identifier: GPL-2.0-only
"""Which checks and outcomes are evidence of which findings."""

from collections import defaultdict
from dataclasses import dataclass

from kseries.judge import evidence
from kseries.model import Finding, RunResult


@dataclass(frozen=True)
class Exhibit:
    """A part of a finding's evidence: what it names (a check or an outcome), and what is said of that."""

    finding: Finding
    name: str
    said: str


def exhibits(finding: Finding) -> tuple[Exhibit, ...]:
    """A finding's evidence, each by its name."""
    return tuple(Exhibit(finding, *evidence.parts(one)) for one in finding.evidence)


def by_place(run: RunResult) -> dict[tuple[str, str], list[Exhibit]]:
    """The evidence of a run's findings by (state, name); a check may serve more than one finding."""
    found: defaultdict[tuple[str, str], list[Exhibit]] = defaultdict(list)
    for finding in run.findings:
        for exhibit in exhibits(finding):
            found[finding.state, exhibit.name].append(exhibit)
    return dict(found)
