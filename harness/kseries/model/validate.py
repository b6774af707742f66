# SPDX-License-Identifier: GPL-2.0-only
"""Whether a result that was read holds together: its references lead somewhere, and its trees are names of trees.

A result.json may come from anywhere. What shows a result follows what is in it, and gives its trees to git, without
looking twice: that is done here, once, when it is read.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

from kseries.model import AppliedPatch, End, Evidence, Finding, FindingKind, Journey, RunResult, StateResult
from kseries.model.knownissue import LINK

_TREE = re.compile(r"(?:[0-9a-f]{40,64})?")
"""What git takes for a name, and never for an option; empty where there is none."""
_LONG = 1e12
"""Seconds: a sum of much longer times is no number any more."""
_YEARS = range(1970, 2200)
"""When a run may have begun: a date in another zone, or of a stage of it, is one that datetime has, too."""
_LONGEST = 1e10
"""Seconds after which a stage of a run has ended, three hundred years: a date of it is to be told."""


def fault(run: RunResult) -> str | None:
    """Why a result cannot be one of ours, in a few words; None where it may be.

    The first is all that is asked for, so that what is looked at later may rely on what was before.
    """
    return next(_faults(run), None)


def _faults(run: RunResult) -> Iterator[str]:
    yield from _trees([run.base.tree])
    yield from _series(run.series.patches, run.states)
    for squash in run.squashes:
        yield from _series(squash.patches, squash.states)
    yield from _trees(state.tree or "" for state in run.searched)
    yield from _absent("patch", _patches_named(run), {None, *(patch.number for patch in run.series.patches)})
    states = {state.id: state for state in run.states}
    yield from _absent("state", [one.state for one in run.findings], states)
    yield from _absent("state", [one.state for one in run.journeys], states)
    for finding in run.findings:
        yield from _finding(finding, states[finding.state])
    for journey in run.journeys:
        yield from _journey(journey, run.findings)
    yield from _absent("state", run.budget.left_out if run.budget else (), states)
    yield from _times(run)


def _series(patches: Sequence[AppliedPatch], states: Sequence[StateResult]) -> Iterator[str]:
    """A series, the one that was run or one that it was changed into, and the states that were made of it."""
    numbers = [patch.number for patch in patches]
    if numbers != [*range(1, len(patches) + 1)]:
        yield f"its patches are numbered {numbers}"
    yield from _trees(tree for patch in patches for tree in (patch.tree_before, patch.tree_after))
    yield from _trees(state.tree or "" for state in states)
    names = [state.id for state in states]
    if not names or len({*names}) != len(names):
        yield "it has no state, or two of one name"
    for state in states:
        yield from _absent("state", [state.same_as], {None, *names})
        suspects = (*state.suspects, *(number for one in state.complaints for number in one.suspects))
        yield from _absent("patch", [state.patch, *state.applied, *suspects], {None, *numbers})


def _patches_named(run: RunResult) -> Iterator[int | None]:
    for finding in run.findings:
        yield from (finding.patch, finding.partner)
        if finding.advice is not None:
            yield from (*finding.advice.squash, *finding.advice.order)
    for journey in run.journeys:
        yield from (journey.patch, journey.blamed)
    for coupling in run.couplings:
        yield from (coupling.patch, coupling.needs)
    yield from (one.number for one in run.patches)
    yield from (one.number for one in (run.checkpatch.patches if run.checkpatch is not None else ()))


def _finding(finding: Finding, state: StateResult) -> Iterator[str]:
    """What a finding is told by: evidence, something to do in its advice, the promise that is broken."""
    if not finding.evidence:
        yield f"its {finding.kind} in {state.id} has no evidence"
    yield from (fault for one in finding.evidence if (fault := _beside(one)))
    if finding.advice is not None and len(finding.advice.squash) < 2 and not finding.advice.order:
        yield f"its advice on {state.id} says nothing"
    if finding.kind is FindingKind.SUSPECTED_BREAK and not finding.promise:
        yield f"its {finding.kind} in {state.id} is of no promise"
    broken = finding.contract if finding.kind is FindingKind.SILENT_BREAK else None
    if broken is not None and broken not in {one.id for one in state.contracts}:
        yield f"{state.id} has no contract {finding.contract}"


def _beside(one: Evidence) -> str:
    """What is wrong with what is known of evidence beside the run: a report leads to its link."""
    tally = one.without_series
    if tally is not None and not 0 < tally.failed <= tally.boots:
        return f"{one.name} failed {tally.failed} of {tally.boots} times"
    return "" if not one.known or LINK.fullmatch(one.known) else f"{one.known} is no link of a known issue"


def _journey(journey: Journey, findings: Sequence[Finding]) -> Iterator[str]:
    breaks = {one.state for one in findings if one.kind is FindingKind.SILENT_BREAK}
    if journey.end is End.SILENT and journey.state not in breaks:
        yield f"it has no silent break in {journey.state}, where a journey ends in one"


def _times(run: RunResult) -> Iterator[str]:
    """Dates that compare with ours, and times that add up."""
    try:
        began = datetime.fromisoformat(run.began) if run.began else None
        if began is not None and began.tzinfo is None:
            yield f"it began at {run.began}, in no zone"
        if began is not None and began.year not in _YEARS:
            yield f"it began at {run.began}, in no year of ours"
    except ValueError:
        yield f"it began at {run.began}, which is no date"
    budget = (run.budget.seconds, run.budget.share or 0.0) if run.budget else ()
    took = [
        run.seconds or 0.0,
        run.first_finding or 0.0,
        *budget,
        *(took for state in run.states for took in state.seconds.values()),
    ]
    yield from (f"it took {one} s" for one in took if abs(one) > _LONG)
    for stage in run.timeline or ():
        if not 0 <= stage.began <= stage.ended <= _LONGEST:
            yield f"its {stage.stage} of {stage.state} is from {stage.began} to {stage.ended} s"


def _trees(names: Iterable[str]) -> Iterator[str]:
    yield from (f"{name} is no tree" for name in names if not _TREE.fullmatch(name))


def _absent(what: str, names: Iterable[object], there: Collection[object]) -> Iterator[str]:
    yield from (f"it has no {what} {name}" for name in names if name not in there)
