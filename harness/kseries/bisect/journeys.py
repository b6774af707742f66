# SPDX-License-Identifier: GPL-2.0-only
"""The user of whom the project is about: a fault, git bisect, the revert of what it blames, and what they then run."""

import dataclasses

import msgspec

from kseries import judge
from kseries.bisect import bisection, fault
from kseries.bisect.answer import Asked, Question
from kseries.bisect.staterunner import StateRunner
from kseries.judge.judgement import Judgement
from kseries.model import End, FindingKind, Journey, StateResult, events
from kseries.model.errors import DiskFullError, InfraError
from kseries.plan.scenarios import Patches

_TRIES = 3
"""Places for a fault that are tried: a line can be one that no compiler reads."""


def walk(judgement: Judgement, runner: StateRunner, tell: events.Listener) -> tuple[Journey, ...]:
    """A journey for each patch."""
    return tuple(_walk(patch.number, judgement, runner, tell) for patch in runner.patches)


def _walk(patch: int, judgement: Judgement, runner: StateRunner, tell: events.Listener) -> Journey:
    goal = judgement.by_id[f"without-{patch}"]
    journey = Journey(patch=patch, state=goal.id, end=_end(goal, judgement))
    for number, (place, faulty) in enumerate(fault.some(runner.patches, patch, goal.tree, runner.trees, _TRIES), 1):
        tell(events.Preparing(f"journey {patch}: a fault at {place}"))
        name = f"journey-{patch}" + (f".{number}" if number > 1 else "")
        try:
            found = bisection.run(
                _with_series(runner, faulty, name), Question(asked=Asked.BUILD), _silent, revert=False
            )
        except DiskFullError:
            raise
        except InfraError as error:  # of one journey; what the run has found stands
            tell(events.Preparing(f"journey {patch} could not be made: {error}"))
            return journey
        if found.suspects:
            blamed = found.suspects[0] if len(found.suspects) == 1 else None
            return msgspec.structs.replace(journey, fault=str(place), steps=len(found.steps), blamed=blamed)
    return journey


def _silent(_: bisection.Step) -> None:
    pass


def _with_series(runner: StateRunner, faulty: Patches, name: str) -> StateRunner:
    """The runner with the faulty series on it, which is of no commits of the user's."""
    patches = tuple(msgspec.structs.replace(patch, commit=None) for patch in runner.series.patches)
    series = msgspec.structs.replace(runner.series, name=name, patches=patches)
    return dataclasses.replace(runner, series=series, patches=faulty, out=runner.out / name)


def _end(goal: StateResult, judgement: Judgement) -> End | None:
    """What the revert leaves its user with, by the judgement of the run."""
    told = {finding.kind for finding in judgement.findings if finding.state == goal.id}
    if FindingKind.SILENT_BREAK in told:
        return End.SILENT
    if goal.outcome.loud:
        return End.LOUD
    return End.SAFE if judge.known(goal) else None
