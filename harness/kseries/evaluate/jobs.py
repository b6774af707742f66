# SPDX-License-Identifier: GPL-2.0-only
"""The states of a plan -> jobs."""

from dataclasses import dataclass, replace
from functools import cached_property

from msgspec import UNSET, UnsetType

from kseries.coverage.tracepoints import Watch
from kseries.evaluate import downed, overdue
from kseries.evaluate.setup import Setup
from kseries.model import Baseline, Job, Observation, Plan, State
from kseries.probes import baseline


@dataclass(frozen=True)
class Again:
    """Which time it is that states are asked, from 0, and how often each is then booted; 0: as the setup has it."""

    attempt: int = 0
    boots: int = 0


FIRST = Again()


@dataclass(frozen=True)
class Jobs:
    """What is to be done for the states of one plan. ``watch`` is the tip that is traced, if any is.

    ``kept`` are probes that every state is asked whatever base does, ``left_out`` those that it has left out, and
    ``down`` those that bring its machine down. ``again`` is of all states but base, and so is ``baseline``, once
    base has answered.
    """

    setup: Setup
    plan: Plan
    watch: Watch | None = None
    kept: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()
    down: frozenset[str] = frozenset()
    again: Again = FIRST
    baseline: Baseline | UnsetType = UNSET

    def after(self, base: Observation) -> "Jobs":
        """The same once it is known what base answers."""
        left_out = frozenset(overdue.on_base(base, self.may_leave_out))
        answers = baseline.of(overdue.shown(base, left_out))
        return replace(
            self,
            left_out=left_out,
            down=downed.on_base(base, self.setup.probes),
            baseline=answers if answers.passed else UNSET,
        )

    @property
    def may_leave_out(self) -> tuple[str, ...]:
        """The probes of which base decides whether the other states are asked them."""
        return overdue.candidates(self.setup.probes, self.kept)

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
            conditions=(self.setup if state.id == "base" else self._beside_base).conditions,
            trusted=self._is_nobodys(state),
            is_base=state.id == "base",
            traced=self.traces(state),
            baseline=self.baseline if state.id != "base" else UNSET,
        )

    @property
    def is_base_apart(self) -> bool:
        """Whether base is asked something else than the other states are."""
        return bool(self.left_out) or self.again != FIRST

    @cached_property
    def _beside_base(self) -> Setup:
        asked = self.setup.asking(tuple(one for one in self.setup.probes if one.name not in self.left_out))
        return replace(asked, attempt=self.again.attempt, repeat=self.again.boots or asked.repeat)

    def traces(self, state: State) -> bool:
        """Whether this is the tip that is traced."""
        return self.watch is not None and state.tree == self.watch.tip

    def _is_nobodys(self, state: State) -> bool:
        """True of a base on which no prerequisite is: what is built of it, everybody builds upon.

        Nor is one that was found by a series' files: it may be a stranger's branch.
        """
        return state.id == "base" and not (self.plan.base.prerequisites or self.plan.base.guessed)
