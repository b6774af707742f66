# SPDX-License-Identifier: GPL-2.0-only
"""The revert sets of a run: from the trees that it has judged, or, with --revert-sets, with more kernels."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import msgspec

from kseries.app import concluded
from kseries.app.assembly import Work
from kseries.app.options import Options
from kseries.bisect.patchsets import SetSearch
from kseries.bisect.setmerges import SetMerges
from kseries.bisect.setrunner import SetRunner
from kseries.bisect.staterunner import StateRunner
from kseries.judge.judgement import Judgement
from kseries.model import FindingKind, Outcome, PatchSet, SetEnd, SetKind, events
from kseries.model.errors import InfraError
from kseries.model.sanitize import few
from kseries.sources.manytrees import ManyTrees

FOLDER = "sets"
"""Where in a run's folder the logs of further states are."""
_LONG = 50
"""Patches of a series, of which only the silent breaks are looked at where nobody asks for more: git takes time."""
_SETS = 64
"""Sets that are made of one patch without a kernel, where nobody asks for more."""
_MERGES = 400
"""Merges of git that are made for the sets of all patches together, where nobody asks for more."""


def sought(work: Work, *, every: bool) -> tuple[int, ...]:
    """The patches whose revert is a silent break, and, unless there are too many, those whose revert is loud."""
    states = work.judgement.by_id
    if states[work.judgement.plan.tip].outcome is not Outcome.OK:
        return ()
    return tuple(sorted({*_silent(work), *(_loud(work) if every or len(work.judgement.plan.patches) <= _LONG else ())}))


def _silent(work: Work) -> Iterator[int]:
    for finding in work.findings:
        if finding.kind is FindingKind.SILENT_BREAK and finding.patch is not None:
            yield finding.patch


def _loud(work: Work) -> Iterator[int]:
    for state in work.judgement.states:
        if state.scenario == "reverts" and state.outcome.loud and state.patch is not None:
            yield state.patch


def find(work: Work, runner: Callable[[], StateRunner], options: Options, tell: events.Listener) -> None:
    """Have ``work`` hold the revert set of each of these patches, one by one: a signal leaves those that were found.

    A fault of this host is told, and the run goes on: of its states it has judged all.
    """
    if options.build_only or not sought(work, every=options.revert_sets):
        return
    try:
        for one in _of_run(work, runner(), options, tell):
            work.revert_sets = (*work.revert_sets, one)
    except (InfraError, OSError) as error:
        tell(events.Preparing(f"no more revert sets are looked for: {error}"))


def _of_run(work: Work, runner: StateRunner, options: Options, tell: events.Listener) -> Iterator[PatchSet]:
    """Without --revert-sets those that are proved by what is known."""
    judgement = msgspec.structs.replace(work.judgement, findings=work.findings)
    trees = runner.trees
    merges = SetMerges(trees) if options.revert_sets else SetMerges(trees, _MERGES, ManyTrees(trees))
    left: list[int] = []
    for number in sought(work, every=options.revert_sets):
        found = _of(number, work, judgement, runner, options, merges)
        if options.revert_sets or found.proved:
            yield found
        elif found.ended is SetEnd.TOO_MANY and merges.count >= _MERGES:
            left.append(number)
    merges.keep()
    if left:
        which = few([f"{number}/{len(judgement.plan.patches)}" for number in left])
        why = f"{_MERGES} merges are made for revert sets, and no more"
        tell(events.Preparing(f"{why}: kseries revert goes on with {which}"))


def _of(
    number: int, work: Work, judgement: Judgement, runner: StateRunner, options: Options, merges: SetMerges
) -> PatchSet:
    judged = None if options.revert_sets else _judged(work)
    patches = work.per_patch.patches if work.per_patch is not None else None
    tries = SetRunner(
        SetKind.REVERT,
        work.variant.label,
        replace(runner, out=runner.out / FOLDER),
        judgement=judgement,
        patches=patches,
        judged=judged,
        merges=merges,
        behind=concluded.of_reverts,
    )
    if options.revert_sets:
        return SetSearch((number,), (tries,), options.most).run()
    return SetSearch((number,), (tries,), 0, sets=_SETS).run()


def _judged(work: Work) -> frozenset[str]:
    """The trees that this run has judged: what other runs have left in the cache would make one run another."""
    squashes = work.proofs.squashes if work.proofs is not None else ()
    searched = work.partners.searched if work.partners is not None else ()
    states = (*work.judgement.states, *searched, *(state for one in squashes for state in one.states))
    return frozenset(state.tree for state in states if state.tree is not None and not state.outcome.unknown)
