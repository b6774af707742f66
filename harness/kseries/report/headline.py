# SPDX-License-Identifier: GPL-2.0-only
"""A run in a sentence or two: what stands at the top of a report."""

from collections.abc import Iterator

from kseries.model import Finding, FindingKind, RunResult
from kseries.report import known, partial, promised

_FEW = 3


def headline(run: RunResult) -> str:
    """What is wrong and what cures it, or that nothing is, or that nobody knows."""
    return _of_all(run) if not run.partial else f"Partial: {partial.how_far(run)}. {_so_far(run)}"


def _so_far(run: RunResult) -> str:
    """What is told of a run that is a part: never that nothing is wrong."""
    if any(finding.counts for finding in run.findings):
        return _of_all(run)
    return f"Nothing was found so far; {partial.goes_on(run)}."


def _of_all(run: RunResult) -> str:
    problems = [finding for finding in run.findings if finding.counts]
    if problems:
        told = list(dict.fromkeys(_short(run, finding) for finding in problems))
        more = f"; and {len(told) - _FEW} more" if len(told) > _FEW else ""
        beside = f" ({known.counted(run)})" if known.counted(run) else ""
        return f"Not ready: {'; '.join(told[:_FEW])}{more}{beside}.{''.join(_cures(run, problems))}"
    judged = None not in (run.verdict.bisectable, run.verdict.revert_safe)
    if issues := known.issues(run):
        return f"Nothing was found but {issues}{'' if judged else ', and not all could be judged'}."
    if not judged:
        return "Nothing was found, but not all could be judged."
    return "Nothing was found: safe to land, to bisect through and to revert, as far as these checks can tell."


def _short(run: RunResult, finding: Finding) -> str:
    patch = _numbers(run, [finding.patch]) if finding.patch is not None else "the series"
    match finding.kind:
        case FindingKind.SILENT_BREAK:
            reverted = patch if finding.patch is not None else _numbers(run, _left_out(run, finding.state))
            promise = _promise(run, finding) if finding.contract is not None else "what works on the base"
            return f"reverting {reverted} silently breaks {promise}"
        case FindingKind.BISECT_HOLE:
            return f"the series is not bisectable at {patch}"
        case FindingKind.BROKEN_CONTRACT:
            return f"the series does not keep {_promise(run, finding)}"
        case FindingKind.SUSPECTED_BREAK:
            return promised.short(run, finding)
        case FindingKind.NEW_WARNING:
            return f"{patch} brings a warning"
        case FindingKind.KERNEL_COMPLAINT:
            return f"with {patch} the kernel complains"
        case FindingKind.SANDBOX_DENIAL:
            return f"the sandbox denied access to what the build of {patch} asked for"
        case _:
            return "checks fail that pass without the series"


def _promise(run: RunResult, finding: Finding) -> str:
    contracts = next(state.contracts for state in run.states if state.id == finding.state)
    return next((one.capability for one in contracts if one.id == finding.contract), finding.contract or "a promise")


def _left_out(run: RunResult, name: str) -> list[int | None]:
    state = next(state for state in run.states if state.id == name)
    return [patch.number for patch in run.series.patches if patch.number not in state.applied]


def _numbers(run: RunResult, numbers: list[int | None]) -> str:
    return " and ".join(f"{number}/{len(run.series.patches)}" for number in numbers)


def _cures(run: RunResult, problems: list[Finding]) -> Iterator[str]:
    advised = [finding.advice for finding in problems if finding.advice is not None and finding.advice.verified]
    for advice in list(dict.fromkeys(advised))[:_FEW]:
        if advice.order:
            yield f" The order {' '.join(map(str, advice.order))} was seen to cure it."
        else:
            yield f" Squashing {_numbers(run, list(advice.squash))} was seen to cure it."
