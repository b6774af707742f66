# SPDX-License-Identifier: GPL-2.0-only
"""Suspected breaks in words, which all reports say: what a kernel shows or takes, and what no contract says."""

from collections.abc import Sequence

from kseries.judge import promises
from kseries.model import CAPABILITY, Finding, FindingKind, Part, RunResult, StateResult
from kseries.model.sanitize import few
from kseries.report import reproduce

_FILE = "promises.toml"


def sentence(run: RunResult, finding: Finding, state: StateResult) -> str:
    """What a state shows that breaks an inferred promise."""
    where, parts = _where(run, state), named(finding.promise or ())
    if not _shown(finding, state):
        return f"{where} does not show {parts}, and takes what came with it; no contract says so:"
    by = f" (by {_patch(run, finding.partner)})" if finding.partner is not None else ""
    shows = "shows" if state.scenario == "prefixes" else "still shows"
    return f"{where} {shows} {parts}{by} and fails what came with it; no contract says so:"


def short(run: RunResult, finding: Finding) -> str:
    """The same for a headline."""
    state = next(one for one in run.states if one.id == finding.state)
    does = "shows and does not keep" if _shown(finding, state) else "does not show and still takes"
    return f"{finding.state} {does} {named(finding.promise or ())}"


def remedy(run: RunResult, finding: Finding, *, elsewhere: bool = False) -> str:
    """The command that makes a contract of an inferred promise; empty of any other finding."""
    if finding.kind is not FindingKind.SUSPECTED_BREAK:
        return ""
    command = "`kseries promise` writes one" if elsewhere else f"this writes one: {reproduce.contracts(run, _FILE)}"
    return f"What would settle it is a contract; {command}"


def named(parts: Sequence[Part]) -> str:
    """Parts of the surface, each by its name; of several that explain the same, all."""
    names = [part.name if part.kind == CAPABILITY else f"{part.name} ({part.kind})" for part in parts]
    return few(names) if len(names) < 2 else f"{few(names)} (which go together)"


def _shown(finding: Finding, state: StateResult) -> bool:
    return all(promises.shows(part, state) for part in finding.promise or ())


def _where(run: RunResult, state: StateResult) -> str:
    """The kernel that it is seen on, by the patches that it lacks."""
    if state.scenario == "prefixes":
        return f"Up to {_patch(run, state.patch)} the kernel"
    without = [one.number for one in run.series.patches if one.number not in state.applied]
    return f"Without {' and '.join(_patch(run, number) for number in without)} the kernel"


def _patch(run: RunResult, number: int | None) -> str:
    subject = next((one.subject for one in run.series.patches if one.number == number), "")
    return f"{number}/{len(run.series.patches)} '{subject}'"
