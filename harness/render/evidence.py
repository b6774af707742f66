# SPDX-License-Identifier: GPL-2.0-only
"""Which checks and outcomes are evidence of which findings."""

from collections import defaultdict
from dataclasses import dataclass

from harness.model import Finding, RunResult


@dataclass(frozen=True)
class Exhibit:
    """A line of a finding's evidence: what it names (a check or an outcome), and what it says of it."""

    finding: Finding
    name: str
    said: str


def exhibits(finding: Finding) -> tuple[Exhibit, ...]:
    """A finding's evidence, taken apart: judge writes ``NAME: WHAT WAS SEEN``."""
    parts = (line.partition(": ") for line in finding.evidence)
    return tuple(Exhibit(finding, name, said) for name, _, said in parts)


def by_place(run: RunResult) -> dict[tuple[str, str], list[Exhibit]]:
    """The evidence of a run's findings by (state, name); a check may serve more than one finding."""
    found: defaultdict[tuple[str, str], list[Exhibit]] = defaultdict(list)
    for finding in run.findings:
        for exhibit in exhibits(finding):
            found[finding.state, exhibit.name].append(exhibit)
    return dict(found)
