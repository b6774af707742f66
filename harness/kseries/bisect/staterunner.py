# SPDX-License-Identifier: GPL-2.0-only
"""Runs any state of a series: builds, boots and asks it, one at a time, beside its base."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kseries.bisect import answer, pick
from kseries.bisect.answer import Answer, Asked, Question, Tried
from kseries.bisect.commits import Commits, not_a_kernel
from kseries.evaluate import stateresult
from kseries.evaluate.engine import Engine
from kseries.evaluate.jobs import FIRST, Again
from kseries.evaluate.setup import Setup
from kseries.host import signals
from kseries.model import Base, Contract, Outcome, Plan, Series, State, StateResult
from kseries.model.errors import InputError
from kseries.plan import scenarios
from kseries.sources import TreeStore, conflicts, kernels


@dataclass(frozen=True)
class StateRunner:
    """What it takes to try a state of a series."""

    series: Series
    patches: scenarios.Patches
    base: Base
    repository: str
    """--tree, in which a STATE that is no id is looked for."""
    trees: TreeStore
    setup: Setup
    engine: Engine
    jobs: int
    """Of make, where a state is built here for who will look into it."""
    contracts: tuple[Contract, ...]
    out: Path
    onto: str | None
    """A commit that has the series and more, from which reverts are made."""
    builds: list[str]
    """The states that have been built so far, of whatever runner: what is not in it was known before."""
    again: Again = FIRST
    """Which time it is that states are asked; base is always asked once."""
    history: Commits | None = None
    """Where the series stands for a history: its states are commits."""

    def state(self, name: str) -> State:
        """The state that a STATE of the command line means. Raises InputError."""
        if self.history is not None:
            return self.history.find(name, self._onto())
        return pick.find(name, self.patches, self.base, self.trees, self.commit, self._onto())

    @property
    def tip(self) -> State:
        """The state with everything: the tip of the series, or the tree that it has become part of."""
        if self.history is not None and self.onto is None:
            return self.history.tip
        return self.state(self.onto or f"prefix-{len(self.patches)}")

    def conflict(self, state: State) -> str:
        """As git shows it, why a state does not apply."""
        if self.history is not None:
            merge = self.history.reverted(state, self._onto())
        else:
            merge = pick.conflicting(state, self.patches, self.base, self.trees, self._onto())
        return conflicts.shown(merge, self.trees) if merge is not None else ""

    def results(self, *states: State) -> dict[str, StateResult]:
        """The results of base and of some states, by their ids. Raises InputError where base does not come through."""
        return signals.run(self.engine.run(self._plan(states), self.out, self.again))

    def known(self, *states: State) -> dict[str, StateResult]:
        """Those of them that there are already, by their ids."""
        return self.engine.known(self._plan(states))

    def builds_none(self, *states: State) -> bool:
        """Whether no kernel has to be built for the results of base and of some states."""
        return not any(one.to_build for one in self.engine.forecast(self._plan(states)))

    def read(self, state: State) -> frozenset[str] | None:
        """The files that the build of a state has read; None where nobody knows."""
        return self.engine.read(self._plan([state]), state)

    def _plan(self, states: Iterable[State]) -> Plan:
        base = State(id="base", scenario="base", applied=(), tree=self.base.tree)
        chosen = {state.id: state for state in (base, *states)}
        return Plan(
            series=self.series.name,
            version=self.series.version,
            patches=self.patches,
            base=self.base,
            # What base has answered is no answer to what is asked again.
            states=tuple(scenarios.mark_equal(chosen.values()) if self.again == FIRST else chosen.values()),
        )

    def ask(self, question: Question, state: State, *known: State) -> Tried:
        """What a state answers; the tip is built too where the state skips what it promises. Its result tells where its
        build or its kernel is that of base, or of a state that is ``known``.

        Raises InputError for a check that there is not, InfraError where this host is why there is no answer.
        """
        if self.history is not None and (why := not_a_kernel(state, self.trees)) is not None:
            result = stateresult.bare(state, outcome=Outcome.BUILD_FAILED, detail=why.said)
            return Tried(answer=Answer.UNTESTABLE, why=(why,), result=result)
        done = self.results(*known, state)
        if question.asked is Asked.CHECK:
            self._check_name(question.id, done)
        tried = answer.answer(question, done["base"], done[state.id], self.contracts)
        if answer.asks_tip(tried) and state.tree != self.tip.tree:
            tip = self.results(self.tip)[self.tip.id]
            tried = answer.answer(question, done["base"], done[state.id], self.contracts, tip)
        return tried

    def _check_name(self, name: str, done: Mapping[str, StateResult]) -> None:
        known = {check.id for result in done.values() for check in result.checks} | {one.id for one in self.contracts}
        if name in known or any(result.outcome is not Outcome.OK for result in done.values()):
            return
        near = difflib.get_close_matches(name, sorted(known), 3) or sorted(one.id for one in self.contracts)
        raise InputError(f"no such check or contract: {name}\n  there are: {', '.join(near)}, ...")

    def commit(self, name: str) -> str:
        tree = kernels.commit_tree(self.repository, name, self.trees)
        if tree is None:
            raise InputError(f"no such STATE: {name}\n  it is {pick.FORMS} of --tree ({self.repository})")
        return tree

    def _onto(self) -> str | None:
        if not self.onto:
            return None
        tree = kernels.commit_tree(self.repository, self.onto, self.trees)
        if tree is None:
            raise InputError(f"--onto {self.onto}: {self.repository} has no such commit")
        return tree
