# SPDX-License-Identifier: GPL-2.0-only
"""Plan -> results: what is known is not evaluated again, and no executor is idle while a state is left. Prints nothing.

Above it is a run's plan, below it is a crew of executors: it knows neither how a state is built nor where.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from kseries.cache.store import Store
from kseries.coverage.tracepoints import Watch
from kseries.evaluate.crew import Crew
from kseries.evaluate.deadline import NEVER, Deadline, UsedUpError
from kseries.evaluate.evaluation import Evaluation
from kseries.evaluate.executor import vouched
from kseries.evaluate.hands import Hands, at_work
from kseries.evaluate.jobs import FIRST, Again, Jobs
from kseries.evaluate.memory import Memory
from kseries.evaluate.setup import Setup
from kseries.evaluate.shift import Shift
from kseries.evaluate.telling import Telling
from kseries.model import Forecast, Plan, State, StateResult, events, notewords
from kseries.plan.forecast import forecast
from kseries.plan.samebuild import Read
from kseries.plan.schedule import Schedule
from kseries.sources import TreeStore

_MANY = 50
"""Kernels, from which on it takes more than a moment to tell which of them have to be built."""


class Engine:
    """Carries out plans with a crew, one store and one listener.

    The first of the crew is waited for; each other takes part from when it comes. They are given back after each plan,
    or, within ``keeping``, after the last of several. ``watch`` is the tip that is traced. Of the probes,
    every state is asked those that are ``kept``, whatever base makes of them (overdue.py). Once the ``deadline`` is
    over, no state is begun but base.
    """

    def __init__(
        self,
        setup: Setup,
        crew: Crew,
        trees: TreeStore,
        store: Store,
        tell: events.Listener,
        watch: Watch | None = None,
        kept: frozenset[str] = frozenset(),
        deadline: Deadline = NEVER,
    ) -> None:
        self._setup = setup
        self._crew = crew
        self._trees = trees
        self._memory = Memory(setup, store)
        self._tell = tell
        self._watch = watch
        self._asked = kept
        self._deadline = deadline
        self._told = False
        """Whether somebody knows what base decides."""
        self._kept: contextlib.ExitStack | None = None
        self._evaluation: Evaluation | None = None
        """That of the plan that was carried out last."""

    @contextlib.contextmanager
    def keeping(self) -> Iterator[None]:
        """Keep each executor from when a plan needs it to the end: else another run could have it in between, and this
        one would find neither its objects nor its turn.
        """
        with contextlib.ExitStack() as kept:
            self._kept = kept
            try:
                yield
            finally:
                self._kept = None

    async def run(self, plan: Plan, out: Path, again: Again = FIRST) -> dict[str, StateResult]:
        """The result of every state; logs go to ``out``/states/ID. All but base may be asked ``again``.

        Raises InputError when base does not build or boot: then no patch can be judged. Raises UsedUpError where states
        are left that would have to be begun after the deadline; ``so_far`` has the others then, base among them.
        """
        evaluation = self._evaluation = self._begin(plan, out, again)
        evaluation.recall()
        todo = evaluation.left
        if len(todo) > _MANY:
            self._tell(events.Preparing(f"looking which of {len(todo)} kernels have to be built"))
        costs = self._forecast(evaluation) if todo else ()
        foretold = {one.state for one in costs if one.to_build}
        total = len(evaluation.jobs.states)
        self._tell(events.RunStarted(plan.series, total, len(todo), len(todo) - len(foretold)))
        evaluation.tell_known()
        self._tell_of_base(evaluation)
        if todo and not (self._deadline.is_over and "base" in evaluation.seen):
            await self._work(evaluation, foretold)
        if left := len(evaluation.left):
            assert self._deadline.seconds is not None, f"{left} states without a result"
            raise UsedUpError(f"{self._deadline.words} used up: {left} of {total} kernels of {plan.series} not begun")
        return evaluation.results()

    async def _work(self, evaluation: Evaluation, foretold: set[str]) -> None:
        before = frozenset(evaluation.seen)
        base, left = evaluation.jobs.plan.base.tree, len(evaluation.left)
        async with at_work(self._crew, base, left, self._tell, self._kept) as hands:
            if not await self._join(hands, evaluation):
                return
            evaluation.recall()  # what another run has found out while this one waited for it
            evaluation.tell_known(before)
            most = len(foretold & {state.id for state in evaluation.left})
            first = evaluation.waits_for_base
            if first:
                alone = [state for state in evaluation.left if state.id == "base"]
                await Shift(evaluation, self._schedule(evaluation, alone), hands, most, 0, self._deadline).work()
                before = frozenset(evaluation.seen)
                evaluation.recall()
                evaluation.tell_known(before)
            self._tell_of_base(evaluation)
            await Shift(evaluation, self._schedule(evaluation), hands, most, int(first), self._deadline).work()
            self._tell_of_base(evaluation)

    async def _join(self, hands: Hands, evaluation: Evaluation) -> bool:
        """Wait for the first who comes; False where that is too late for any state but base, and base is known."""
        try:
            async with asyncio.timeout(self._deadline.timeout if "base" in evaluation.seen else None) as limit:
                await hands.join()
        except TimeoutError:
            if not limit.expired():
                raise
            return False
        return True

    def _tell_of_base(self, evaluation: Evaluation) -> None:
        """What of the programs base decides: once, when it has answered."""
        if "base" not in evaluation.seen or self._told:
            return
        self._told = True
        jobs = evaluation.jobs
        if names := [name for name in jobs.may_leave_out if name in jobs.left_out]:
            self._tell(events.Preparing(notewords.overdue(names)))
        if jobs.down:
            self._tell(events.Preparing(notewords.downed(sorted(jobs.down))))

    @property
    def always_asked(self) -> frozenset[str]:
        """The probes that every state is asked, whatever base makes of them."""
        return self._asked

    @property
    def left_out(self) -> frozenset[str]:
        """The probes that no state but base was asked, of the plan that ``run`` was called with last."""
        return self._evaluation.jobs.left_out if self._evaluation is not None else frozenset()

    def so_far(self, plan: Plan, out: Path, why: str) -> dict[str, StateResult]:
        """The result of every state of the plan that ``run`` was called with last; NOT_TRIED of those without one, for
        a reason.
        """
        evaluation = self._evaluation or self._begin(plan, out)  # a signal may come before anything was begun
        return evaluation.results(why)

    def known(self, plan: Plan) -> dict[str, StateResult]:
        """The result of each state of a plan of which there is one already: nothing is built or booted."""
        evaluation = self._begin(plan, Path())
        evaluation.recall()
        return evaluation.known()

    def read(self, plan: Plan, state: State) -> frozenset[str] | None:
        """The files that the build of a plan's state has read, or of the one that it equals; None where not known."""
        evaluation = self._begin(plan, Path())
        evaluation.recall()
        chosen = next((one.same_as or one.id for one in plan.states if one.id == state.id), state.id)
        seen = evaluation.seen.get(chosen)
        return seen.dependencies.paths if seen is not None and seen.dependencies is not None else None

    def forecast(self, plan: Plan) -> tuple[Forecast, ...]:
        """What carrying out a plan would cost, the known states first, then the others in their order.

        Raises InputError where base is known to lack an option that is needed.
        """
        evaluation = self._begin(plan, Path())
        evaluation.recall()
        if (base := evaluation.seen.get("base")) is not None:
            evaluation.check_fragment(base)
        return self._forecast(evaluation)

    def _forecast(self, evaluation: Evaluation) -> tuple[Forecast, ...]:
        place, base = self._crew.foreseen(evaluation.jobs.plan.base.tree), evaluation.known_base
        again = base is not None and self._crew.lacks(base)
        schedule = self._schedule(evaluation, only_base=again)
        return forecast(list(evaluation.seen), schedule, place, self._crew.seconds, again=again)

    def _begin(self, plan: Plan, out: Path, again: Again = FIRST) -> Evaluation:
        jobs = Jobs(self._setup, plan, self._watch, self._asked, again=again)
        return Evaluation(jobs, self._memory, self._trees, self._tell, out)

    def _schedule(
        self, evaluation: Evaluation, states: list[State] | None = None, *, only_base: bool = False
    ) -> Schedule:
        """The states of a plan that are left, and those that are known and whose builds another's may equal.

        Where base was asked more than they are, or earlier, none of them is what base is. Where base is to be built
        again, the notes of the others go with their folder: then it is ``only_base``.
        """
        jobs, left = evaluation.jobs, evaluation.left if states is None else states
        others = (
            state
            for state in jobs.states
            if not (state.id == "base" and jobs.is_base_apart) and (state.id == "base" or not only_base)
        )
        built = {state: read for state in others if (read := self._read(evaluation, state)) is not None}
        traced = next((state.id for state in left if jobs.traces(state)), None)
        seen = {state.id for state in built if evaluation.traced(state) is not None} if traced is not None else set()
        telling = Telling(evaluation, self._trees)
        return Schedule.of(left, built, jobs.plan.base.tree, self._trees.changes, traced, seen, telling)

    def _read(self, evaluation: Evaluation, state: State) -> Read | None:
        """What the build of a state that is known has read, where somebody can still be relied on for it; or may be
        once base is built again.
        """
        seen = evaluation.seen.get(state.id)
        if seen is None:
            return None
        read = partial(vouched, self._crew, seen.tree, seen.dependencies)
        return read if state.id == "base" or read() is not None else None
