# SPDX-License-Identifier: GPL-2.0-only
"""What each state of a plan may tell: by its patches' text, and by what its tip has shown once that was seen."""

from functools import cached_property

from kseries.evaluate.evaluation import Evaluation
from kseries.model import Coverage, Plan, State
from kseries.plan.names import Wording, wordings
from kseries.plan.telling import Prospects, Tells
from kseries.sources import TreeStore

_ALL_FILES = "."


class Telling:
    """Answers for the states of one evaluation, for as long as it lasts; git is asked with the first question."""

    def __init__(self, evaluation: Evaluation, trees: TreeStore) -> None:
        self._evaluation = evaluation
        self._trees = trees
        self._prospects: Prospects | None = None
        self._by: Coverage | None = None
        """What these were told by."""

    def __call__(self, state: State) -> Tells:
        tip = self._tip
        if self._prospects is None or tip is not self._by:
            self._prospects, self._by = Prospects(self._plan, self._wordings, tip), tip
        return self._prospects.by_state.get(state.id, Tells.LITTLE)

    @property
    def _plan(self) -> Plan:
        return self._evaluation.jobs.plan

    @property
    def _tip(self) -> Coverage | None:
        """What was watched of the tip, if it was."""
        seen = self._evaluation.seen.get(self._tip_is)
        return seen.coverage if seen is not None else None

    @cached_property
    def _tip_is(self) -> str:
        """The state that is built of the tip; a plan of single states may have none."""
        return next((one.same_as or one.id for one in self._plan.states if one.id == self._plan.tip), "")

    @cached_property
    def _wordings(self) -> tuple[Wording, ...]:
        steps = [(patch.tree_before, patch.tree_after) for patch in self._plan.patches]
        return wordings(self._trees.diffs(steps, _ALL_FILES))
