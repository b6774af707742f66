# SPDX-License-Identifier: GPL-2.0-only
"""What a finding means to who picks single patches onto another kernel, a stable one for instance."""

from collections.abc import Iterator

from kseries.model import Finding, FindingKind, Outcome, RunResult, StateResult
from kseries.report import reproduce

_LOUD = {
    Outcome.CONFLICT: "conflicts there",
    Outcome.BUILD_FAILED: "does not build",
    Outcome.BOOT_FAILED: "does not boot",
}


def of_finding(run: RunResult, finding: Finding, *, elsewhere: bool = False) -> Iterator[str]:
    """A line on the patch that makes the promise which a silent break leaves unkept."""
    if finding.kind is FindingKind.SILENT_BREAK and finding.contract is not None and finding.partner is not None:
        command = reproduce.pick(run, finding.partner, elsewhere=elsewhere)
        said = _alone(run, finding, finding.partner)
        yield f"To pick {finding.partner}/{len(run.series.patches)} onto another kernel{said}: {command}"


def _alone(run: RunResult, finding: Finding, number: int) -> str:
    """What became of it on base without the others, where that was tried."""
    state = next((one for one in run.states if one.id == f"only-{number}"), None)
    if state is None or state.outcome.unknown:
        return ""
    if state.outcome in _LOUD:
        return f" (alone it {_LOUD[state.outcome]})"
    return " (alone it breaks as silently)" if _breaks(state, finding) else ""


def _breaks(state: StateResult, finding: Finding) -> bool:
    """True of a state that breaks the same contract."""
    return any(one.id == finding.contract and one.advertised and one.holds is False for one in state.contracts)
