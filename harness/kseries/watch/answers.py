# SPDX-License-Identifier: GPL-2.0-only
"""What a run came to, of all its variants together."""

from collections.abc import Iterator
from pathlib import Path

from kseries.app import rundir
from kseries.model import RESULT, Base, RunResult
from kseries.model.sanitize import line, shortened
from kseries.report.headline import headline
from kseries.watch.item import Answer

_SAID = 1000


def results(out: Path) -> list[Path]:
    """The folders of the results of a run: one, or one for each variant."""
    return [path.parent for path in (out / RESULT, *sorted(out.glob(f"*/{RESULT}"))) if path.is_file()]


def of_run(out: Path) -> Answer | None:
    """The answer in the folder of a run; None where there is no result. Raises InputError, InfraError."""
    found = [rundir.read(place)[0] for place in results(out)]
    if not found:
        return None
    several = len(found) > 1
    told = [f"{run.variant.label}: {headline(run)}" if several else headline(run) for run in found]
    return Answer(
        applies=True,
        headline=shortened(line(" ".join(dict.fromkeys(told))), _SAID),
        bisectable=_all([run.verdict.bisectable for run in found]),
        revert_safe=_all([run.verdict.revert_safe for run in found]),
        findings=tuple(words for run in found for words in _findings(run, several)),
        states=tuple(words for run in found for words in _states(run, several)),
        lacking=tuple(dict.fromkeys(name for run in found for name in run.base.lacking)),
        unfinished=tuple(words for run in found for words in _unfinished(run, several)),
    )


def does_not_apply(why: str, base: Base) -> Answer:
    """That of a series that does not apply to its base."""
    return Answer(applies=False, headline=f"Does not apply: {shortened(line(why), _SAID)}", lacking=base.lacking)


def _all(values: list[bool | None]) -> bool | None:
    """No where one says no, and unknown where one is."""
    return False if False in values else None if None in values else True


def _findings(run: RunResult, several: bool) -> Iterator[str]:
    for finding in run.findings:
        if finding.counts:
            evidence = finding.evidence[0].name if finding.evidence else ""
            yield f"{_label(run, several)}{finding.kind} {finding.state} {evidence}".strip()


def _states(run: RunResult, several: bool) -> Iterator[str]:
    for state in run.states:
        if not state.outcome.well:
            yield f"{_label(run, several)}{state.id} {state.outcome}"


def _unfinished(run: RunResult, several: bool) -> Iterator[str]:
    """The states and the step that another sitting within the same budget goes on with."""
    if run.budget:
        steps = (str(run.budget.unfinished),) if run.budget.unfinished else ()
        yield from (f"{_label(run, several)}{name}" for name in (*run.budget.left_out, *steps))


def _label(run: RunResult, several: bool) -> str:
    return f"{run.variant.label}: " if several else ""
