# SPDX-License-Identifier: GPL-2.0-only
"""Commands that bring anybody who has kseries and the series to what a result tells of."""

import shlex
from collections.abc import Sequence

from harness.model import Finding, RunResult

_TARGET = "TARGET"
"""Stands for the series where a result does not say what it was read from: one of an older kseries, or of a pipe."""


def command(run: RunResult, finding: Finding) -> str:
    """A line for a shell that comes to the state of a finding. Base and tip, by which it is judged, are always done."""
    state = next(state for state in run.states if state.id == finding.state)
    return whole(run, ["prefixes" if state.scenario == "base" else state.scenario])


def whole(run: RunResult, scenarios: Sequence[str]) -> str:
    """The line that does a run again."""
    words = run.words if run.words and run.words[0] != "-" else (_TARGET, *run.words[1:])
    return shlex.join(("kseries", "run", *words, *(("--scenario", ",".join(scenarios)) if scenarios else ())))
