# SPDX-License-Identifier: GPL-2.0-only
"""How far a run came that is a part, why it came no further, and how it goes on."""

from kseries.model import Budget, Outcome, RunResult, Step
from kseries.model.sanitize import few

_FEW = 5
_STEPS = {
    Step.PARTNERS: "the search for partners",
    Step.CURES: "the proof of its advice",
    Step.REVERT_SETS: "the search for revert sets",
    Step.JOURNEYS: "its journeys",
}


def how_far(run: RunResult) -> str:
    """How far a run came, and what ended it."""
    tried = sum(state.outcome is not Outcome.NOT_TRIED for state in run.states)
    if run.budget and run.budget.used_up:
        return _in_budget(run, run.budget, tried)
    if tried == len(run.states):
        return "the run was interrupted after the last state, and what its advice comes to was not tried"
    return f"the run was interrupted when {tried} of {len(run.states)} states were tried"


def _in_budget(run: RunResult, budget: Budget, tried: int) -> str:
    if budget.unfinished:
        return f"{budget.words} used up after the last state: {_STEPS[budget.unfinished]} was not finished"
    left, total = len(budget.left_out), len(run.states)
    told = f"{budget.words} used up: {left} of {total} states not tried: {few(budget.left_out, _FEW)}"
    return f"{told}; it did for base alone, without which there is no result" if _base_alone(run) else told


def _base_alone(run: RunResult) -> bool:
    tried = (state for state in run.states if state.outcome not in (Outcome.NOT_TRIED, Outcome.CONFLICT))
    return {state.same_as or state.id for state in tried} == {"base"}


def goes_on(run: RunResult) -> str:
    """What the user does to have the rest. A run that has begun nothing would be as far again."""
    if run.budget and run.budget.used_up and not run.timeline:
        return "no state was begun within it: run it again with a longer one"
    return "the same command goes on" if run.interrupted else "run it again to go on"


def why(run: RunResult) -> str:
    """What has made it a part, as of a run."""
    return "that was interrupted" if run.interrupted else "whose budget was used up"
