# SPDX-License-Identifier: GPL-2.0-only
"""A run's result as text: the matrix of states and checks, the findings in plain words, the verdict."""

from collections.abc import Iterator

from harness.model import AppliedPatch, Finding, FindingKind, Outcome, RunResult, StateResult, Status

_SIGNS = {Status.PASS: ".", Status.FAIL: "FAIL", Status.SKIP: "s", Status.XFAIL: "x", Status.MISSING: "miss"}
_OUTCOMES = {
    Outcome.OK: "ok",
    Outcome.CONFLICT: "confl",
    Outcome.BUILD_FAILED: "build",
    Outcome.BOOT_FAILED: "boot",
    Outcome.CRASHED: "crash",
    Outcome.TIMED_OUT: "hang",
    Outcome.INFRA_ERROR: "infra",
}
_LEGEND = ". pass   s skip   x expected failure   = same source tree as a column further left"


def render(run: RunResult) -> str:
    """The whole report, ready to print."""
    return "\n".join([*_heading(run), "", *matrix(run), "", *_findings(run), *_trouble(run), *_verdict(run)])


def _heading(run: RunResult) -> Iterator[str]:
    count = len(run.series.patches)
    yield f"{run.series.name}: {count} patches on {run.base.name} (Linux {run.base.version}, {run.arch})"
    yield f"accelerator: {run.accel.name}, because {run.accel.why}"
    for patch in run.series.patches:
        yield f"  {_number(run, patch.number)} {patch.subject}"


def _number(run: RunResult, number: int) -> str:
    return f"{number}/{len(run.series.patches)}"


def matrix(run: RunResult) -> Iterator[str]:
    """A column for each state, a row for each check; outcome and capabilities first."""
    heads = [_head(state) for state in run.states]
    names = list(dict.fromkeys(check.id for state in run.states for check in state.checks))
    caps = list(dict.fromkeys(cap for state in run.states for cap in state.caps))
    rows = [("outcome", ["=" if state.same_as else _OUTCOMES[state.outcome] for state in run.states])]
    rows += [(cap, [_cap(state, cap) for state in run.states]) for cap in caps]
    rows += [(name, [_cell(state, name) for state in run.states]) for name in names]
    wide = max(len(name) for name, _ in rows)
    widths = [max(len(head), *(len(cells[column]) for _, cells in rows)) for column, head in enumerate(heads)]
    for name, cells in [("", heads), *rows]:
        line = "  ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        yield f"  {name.ljust(wide)}  {line}".rstrip()
    yield f"  ({_LEGEND})"


def _head(state: StateResult) -> str:
    if state.patch is None:
        return state.id
    return {"prefixes": f"1-{state.patch}", "reverts": f"w/o {state.patch}"}.get(state.scenario, state.id)


def _cap(state: StateResult, name: str) -> str:
    if state.same_as:
        return "="
    return "yes" if state.caps.get(name) else "no" if name in state.caps else ""


def _cell(state: StateResult, name: str) -> str:
    if state.same_as:
        return "="
    return next((_SIGNS[check.status] for check in state.checks if check.id == name), "")


# --- findings -----------------------------------------------------------------------------------


def _findings(run: RunResult) -> Iterator[str]:
    if not run.findings:
        yield "No findings."
        yield ""
    for finding in run.findings:
        yield f"{str(finding.kind).upper()}: {sentence(run, finding)}"
        yield from (f"    {line}" for line in finding.evidence)
        if finding.advice is not None:
            first, second = finding.advice.squash
            yield (
                f"  Squash {_number(run, first)} and {_number(run, second)}: then the revert takes the promise"
                " back together with the behaviour. (Not yet tried.)"
            )
        yield ""


def sentence(run: RunResult, finding: Finding) -> str:
    """A finding in one plain sentence."""
    state = next(state for state in run.states if state.id == finding.state)
    cap = _capability(finding)
    match finding.kind:
        case FindingKind.SILENT_BREAK:
            return _silent_break(run, finding, state, cap)
        case FindingKind.BISECT_HOLE if state.outcome.loud:
            what = "does not build" if state.outcome is Outcome.BUILD_FAILED else "does not boot"
            return f"The series {what} at {_patch(run, finding.patch)}, so git bisect cannot pass through it."
        case FindingKind.BISECT_HOLE:
            return f"At {_patch(run, finding.patch)} the series breaks what it does not break before or after:"
        case FindingKind.BROKEN_CONTRACT:
            return f"With the whole series applied, the kernel does not keep the contract {finding.contract}{cap}:"
        case FindingKind.REGRESSION:
            return "With the whole series applied, checks fail that pass on the base:"


def _silent_break(run: RunResult, finding: Finding, state: StateResult, cap: str) -> str:
    reverting = f"Reverting {_patch(run, finding.patch)}"
    advertised = any(one.id == finding.contract and one.advertised for one in state.contracts)
    if not advertised:
        return f"{reverting} leaves a kernel that does not advertise what it still accepts{cap}:"
    partner = f", which {_patch(run, finding.partner)} turned on" if finding.partner is not None else ""
    return f"{reverting} leaves the capability of {finding.contract} advertised{partner}, but it no longer keeps it:"


def _capability(finding: Finding) -> str:
    return f" ({finding.contract})" if finding.contract else ""


def _patch(run: RunResult, number: int | None) -> str:
    subject: AppliedPatch | None = next((one for one in run.series.patches if one.number == number), None)
    return f"{_number(run, number)} '{subject.subject}'" if subject is not None and number is not None else "the tip"


def _trouble(run: RunResult) -> Iterator[str]:
    """States that did not come through: what their user is told."""
    told = {finding.state for finding in run.findings}
    for state in run.states:
        if state.outcome is not Outcome.OK and state.same_as is None and state.id not in told:
            yield f"{state.id}: {state.outcome}: {state.detail}"
    if any(state.outcome is not Outcome.OK for state in run.states):
        yield ""


_ANSWERS = {True: "yes", False: "NO", None: "not judged"}


def _verdict(run: RunResult) -> Iterator[str]:
    yield f"bisectable: {_ANSWERS[run.verdict.bisectable]}    revert-safe: {_ANSWERS[run.verdict.revert_safe]}"
