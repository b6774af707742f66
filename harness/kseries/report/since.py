# SPDX-License-Identifier: GPL-2.0-only
"""Since which patch the tip is broken, in words: all reports say it in these."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from kseries.judge.onset import Onset, Seen, Step, onsets
from kseries.model import Finding, Outcome, RunResult
from kseries.model.sanitize import line

_FEW = 3
"""Checks that a line names; the finding has them all."""
_TURNS = 6
"""How many times it changes that a line tells."""
_ENDS = {
    Outcome.BUILD_FAILED: "does not build",
    Outcome.BOOT_FAILED: "does not boot",
    Outcome.CRASHED: "crashes",
    Outcome.TIMED_OUT: "hangs",
}
_WORDS = {Seen.BROKEN: "so in", Seen.WELL: "not in"}


def lines(run: RunResult, finding: Finding) -> Iterator[str]:
    """A line for each history that what a finding tells of the tip has; none of a finding of another state."""
    for one in onsets(run, finding):
        yield line(f"The tip {_fault(one)} {_by_turns(one) if one.again else _since(run, one)}{_unknown(one)}")


def _fault(one: Onset) -> str:
    """What is wrong with it: ``fails a.b and c.d``, ``does not build``."""
    ends = [_ENDS[outcome] for outcome in Outcome if outcome in one.outcomes and outcome in _ENDS]
    checks = one.checks
    more = f" and {len(checks) - _FEW} more" if len(checks) > _FEW else ""
    fails = [f"fails {', '.join(checks[:_FEW])}{more}"] if checks else []
    return " and ".join([*fails, *ends])


def _since(run: RunResult, one: Onset) -> str:
    first, well = one.first, one.last_well
    if well < 0:
        return f"since {_name(first)} ({_patch(run, first)}) at the latest"
    skips = f", where {_name(well)} skips" if one.steps[well].seen is Seen.SKIPS else ""
    if first == well + 1:
        return f"since {_name(first)} ({_patch(run, first)}){skips}"
    return f"since some patch after {_name(well)} and up to {_name(first)} ({_patch(run, first)}){skips}"


def _by_turns(one: Onset) -> str:
    """Broken, well and broken again: nobody can say of one patch that it is the one."""
    turns = [f"{_WORDS[what]} {_names(first, last)}" for what, first, last in one.runs]
    more = [f"and {len(turns) - _TURNS} turns more"] if len(turns) > _TURNS else []
    return f"by turns, and not since one patch: {', '.join([*turns[:_TURNS], *more])}"


def _unknown(one: Onset) -> str:
    """The prefixes that do not tell, where they could have told something else."""
    steps = [step for step in one.steps if step.seen is Seen.UNKNOWN] if one.again else one.unknown
    told = list(_together(steps))
    more = f" and {len(told) - _TURNS} more" if len(told) > _TURNS else ""
    return f"; {', '.join(told[:_TURNS])}{more}" if told else ""


def _together(steps: Iterable[Step]) -> Iterator[str]:
    """Neighbours that do not tell for one reason: ``prefix-3 to prefix-5: does not build``."""
    for (_, why), some in groupby(enumerate(steps), lambda pair: (pair[1].patch - pair[0], pair[1].why)):
        patches = [step.patch for _, step in some]
        yield f"{_names(patches[0], patches[-1])}{':' if len(patches) > 1 else ''} {why}"


def _names(first: int, last: int) -> str:
    return _name(first) if first == last else f"{_name(first)} to {_name(last)}"


def _name(patch: int) -> str:
    return f"prefix-{patch}" if patch else "base"


def _patch(run: RunResult, number: int) -> str:
    return f"{number}/{len(run.series.patches)} '{run.series.patches[number - 1].subject}'"
