# SPDX-License-Identifier: GPL-2.0-only
"""One plan while it is carried out: what is known of its states, and how a result tells of them."""

from functools import cached_property
from pathlib import Path

from msgspec.structs import replace

from kseries.cache import store
from kseries.evaluate import basecheck, downed, folders, observe, overdue, stateresult
from kseries.evaluate.jobs import Jobs
from kseries.evaluate.memory import Memory
from kseries.kbuild.brought import Brought
from kseries.model import Job, Observation, Outcome, State, StateResult, events
from kseries.plan.samebuild import SameBuild
from kseries.probes import absent
from kseries.probes.absent import Absent
from kseries.sources import TreeStore

_MOST_UNREAD = 100
"""Files that a state names in which it differs from the one that it is built as."""
_NO_LOGS = (Outcome.CONFLICT, Outcome.NOT_TRIED)
"""What comes of a state that nobody has begun to build."""


class Evaluation:
    """What is seen of a plan's states, as it comes. Logs go to ``out``/states/ID."""

    def __init__(self, jobs: Jobs, memory: Memory, trees: TreeStore, tell: events.Listener, out: Path) -> None:
        self.jobs = jobs
        self.tell = tell
        self.seen: dict[str, Observation] = {}
        """By the ids of states. Like what is stored, observations name trees."""
        self._early: list[tuple[State, Job, Observation]] = []
        """What was seen of states before base had answered."""
        self._memory = memory
        self._out = out
        self._trees = trees
        plan = jobs.plan
        self._brought = Brought(trees, plan.base.tree, [patch.tree_after for patch in plan.patches])

    @cached_property
    def _names(self) -> dict[str, str]:
        """What the plan calls a tree."""
        return {state.tree: state.id for state in self.jobs.states if state.tree is not None}

    @property
    def left(self) -> list[State]:
        """The states that are still to be evaluated."""
        return [state for state in self.jobs.states if state.id not in self.seen]

    @property
    def known_base(self) -> Job | None:
        """That of base, where it has been evaluated."""
        if "base" not in self.seen:
            return None
        return next((self.jobs.of(state) for state in self.jobs.states if state.id == "base"), None)

    @property
    def waits_for_base(self) -> bool:
        """Whether what the others are asked is not known before base has answered, or whether what is stored of them is
        enough.
        """
        return "base" not in self.seen and (bool(self.jobs.may_leave_out) or self._is_anything_stored)

    @cached_property
    def _is_anything_stored(self) -> bool:
        others = (state for state in self.jobs.states if state.id != "base")
        return any(self._memory.find(self.jobs.of(state)) is not None for state in others)

    def recall(self) -> None:
        """Take what is stored of the states that are left, silently."""
        for state in sorted(self.left, key=lambda state: state.id != "base"):
            if self.waits_for_base and state.id != "base":
                return
            found = self._memory.find(self.jobs.of(state))
            if found is not None:
                self._see(state, found)

    def _see(self, state: State, seen: Observation) -> None:
        self.seen[state.id] = seen
        if state.id == "base":
            self.jobs = self.jobs.after(seen)

    def tell_known(self, before: frozenset[str] = frozenset()) -> None:
        """Tell of the states that are known, but for those that were so ``before``. Raises as check_base()."""
        new = [state for state in self.jobs.states if state.id in self.seen and state.id not in before]
        if any(state.id == "base" for state in new):
            self.check_base()
        for state in new:
            self._tell_base(state)
            self.tell(events.StateDone(self._of(state, self.seen[state.id]), known=True))

    def traced(self, state: State) -> Observation | None:
        """What is known of a state as the tip of a series on the same base, and traced."""
        return self._memory.find(replace(self.jobs.of(state), trusted=False, traced=True))

    def check_fragment(self, base: Observation) -> None:
        """Raise InputError for a base without an option that is needed and that no patch brings."""
        needed = self.jobs.setup.config.needed(base.config_dropped)
        basecheck.check_fragment(self._brought.missing(needed), base.config_unmet)

    def check_build(self, base: Observation) -> None:
        """Raise InputError for a base of which there is no kernel to compare with."""
        self.check_fragment(base)
        basecheck.check_build(base)

    def check_base(self) -> None:
        """Raise InputError unless base came through, InfraError where this host is why; nothing else need be built.

        It came through where it is but programs that have brought it down (downed.py).
        """
        base, logs = downed.shown(self.seen["base"], self.seen["base"], self.jobs.down), self._out / "states" / "base"
        self.check_fragment(base)
        if not base.outcome.well and base.outcome is not Outcome.INFRA_ERROR:
            (state,) = (one for one in self.jobs.states if one.id == "base")
            self._memory.copy_logs(self.jobs.of(state), logs)
        basecheck.check_build(base)  # of what is known: the same tree may have been no base to who has built it
        basecheck.check_boot(base, logs)

    def done(self, state: State, job: Job, seen: Observation, logs: Path) -> list[State]:
        """A state was evaluated as a job: keep what was seen, unless this host is why nothing was.

        What comes before base has answered waits for that. Returns the states that are to be evaluated again: base
        passed what their kernels have no answer to in a single boot. Raises as check_base().
        """
        if seen.outcome is Outcome.INFRA_ERROR:
            store.copy_logs(logs, folders.of(self._out / "states", state.id))
        else:
            self._memory.keep(self.jobs.of(state), seen, logs)
        if state.id == "base":
            self._note(state, seen)
            self.check_base()
        else:
            self._early.append((state, job, seen))
        return self._decided() if "base" in self.seen else []

    def _decided(self) -> list[State]:
        """Take what was seen of states, now that base has answered; those of which that is not enough."""
        early, self._early = self._early, []
        again = list[State]()
        for state, job, seen in early:
            # Whoever knew what base has answered has booted often enough.
            if job.baseline == self.jobs.baseline or observe.suffices(seen, self.jobs.baseline):
                self._note(state, seen)
            else:
                again.append(state)
        return again

    def done_as(self, state: State, like: SameBuild) -> None:
        """What was seen of another state is this one's, too: its build would have been that one's, file for file."""
        job, of = self.jobs.of(state), self.seen[like.state]
        if job.traced:
            (other,) = (one for one in self.jobs.states if one.id == like.state)
            of = self.traced(other) or of
        seen = observe.of_build(of, job.tree, like.paths[:_MOST_UNREAD])
        self._memory.keep_same(job, seen)
        self._note(state, seen)

    def _tell_base(self, state: State) -> None:
        """What was seen of base, as it is stored; where this host is why nothing was, nothing is."""
        if state.id == "base" and (seen := self.seen["base"]).outcome is not Outcome.INFRA_ERROR:
            job = self.jobs.of(state)
            self.tell(events.BaseSeen(self._memory.name(job), job, seen))

    def _note(self, state: State, seen: Observation) -> None:
        self._see(state, seen)
        self._tell_base(state)
        self.tell(events.StateDone(self._of(state, seen), known=False))

    def results(self, why_not: str = "") -> dict[str, StateResult]:
        """The result of every state of the plan, its logs put beside the run's; NOT_TRIED where it has none, and why
        that is so.
        """
        return {state.id: self._collected(state, why_not) for state in self.jobs.plan.states}

    def known(self) -> dict[str, StateResult]:
        """The result of each state of the plan that has one; no log is put anywhere."""
        known = (one for one in self.jobs.plan.states if one.tree is None or (one.same_as or one.id) in self.seen)
        return {state.id: self._result(state) for state in known}

    def _collected(self, state: State, why_not: str) -> StateResult:
        place = folders.of(self._out / "states", state.id)
        result = self._result(state, why_not)
        if state.same_as is not None or result.outcome in _NO_LOGS:
            store.remove_logs(place)
            return result
        if result.outcome is not Outcome.INFRA_ERROR:  # of which nothing is stored; what it has said is there already
            self._memory.copy_logs(self.jobs.of(state), place)
        there = (place / name for name in store.LOGS if (place / name).exists())
        return replace(result, logs={log.stem: str(log.relative_to(self._out)) for log in there})

    def _result(self, state: State, why_not: str = "") -> StateResult:
        if state.tree is None:
            detail = f"does not apply: conflict in {', '.join(state.conflicts)}"
            return stateresult.bare(state, outcome=Outcome.CONFLICT, detail=detail)
        seen = self.seen.get(state.same_as or state.id)
        if seen is None:
            return stateresult.bare(state, outcome=Outcome.NOT_TRIED, detail=why_not)
        return self._of(state, seen)

    def _of(self, state: State, seen: Observation) -> StateResult:
        wanted = self.jobs.setup.config.wanted(seen.config_dropped)
        seen = downed.shown(overdue.shown(seen, self.jobs.left_out), self.seen.get("base"), self.jobs.down)
        bringing = self._bringing(seen.config_dropped)
        return stateresult.of(seen, state, self._names, bringing, wanted, self._absent.of(state.tree or seen.tree))

    @cached_property
    def _absent(self) -> Absent:
        setup, plan = self.jobs.setup, self.jobs.plan
        wanted = absent.sources(setup.probes, setup.selftests, setup.targets, setup.arch)
        found = Absent(wanted, plan.patches[-1].tree_after if plan.patches else plan.base.tree, self._trees)
        found.look([state.tree for state in self.jobs.states if state.tree is not None])
        return found

    def _bringing(self, dropped: tuple[str, ...]) -> dict[str, int]:
        """Of the options that Kconfig dropped, those that the series brings, and the first patch that does."""
        found = ((option, self._brought.by(option)) for option in dropped)
        return {option: self.jobs.plan.patches[place - 1].number for option, place in found if place is not None}
