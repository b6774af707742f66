# SPDX-License-Identifier: GPL-2.0-only
"""The states of a plan -> jobs."""

from dataclasses import dataclass

from kseries.coverage.tracepoints import Watch
from kseries.evaluate.setup import Setup
from kseries.model import Job, Plan, State


@dataclass(frozen=True)
class Jobs:
    """What is to be done for the states of one plan. ``watch`` is the tip that is traced, if any is."""

    setup: Setup
    plan: Plan
    watch: Watch | None = None

    @property
    def states(self) -> list[State]:
        """The states with a tree that no other state of the plan stands for."""
        return [state for state in self.plan.states if state.tree is not None and state.same_as is None]

    def of(self, state: State) -> Job:
        """The job of a state that has a tree."""
        assert state.tree is not None
        return Job(
            name=state.id,
            tree=state.tree,
            base=self.plan.base.tree,
            series=tuple(patch.tree_after for patch in self.plan.patches),
            conditions=self.setup.conditions,
            trusted=self._is_nobodys(state),
            is_base=state.id == "base",
            traced=self.traces(state),
        )

    def traces(self, state: State) -> bool:
        """Whether this is the tip that is traced."""
        return self.watch is not None and state.tree == self.watch.tip

    def _is_nobodys(self, state: State) -> bool:
        """True of a base on which no prerequisite is: what is built of it, everybody builds upon.

        Nor is one that was found by a series' files: it may be a stranger's branch.
        """
        return state.id == "base" and not (self.plan.base.prerequisites or self.plan.base.guessed)
