# SPDX-License-Identifier: GPL-2.0-only
"""Tries sets of patches in one variant: reverted from the tip, or picked onto a base. What is known is not built."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

import msgspec

from kseries import judge
from kseries.bisect import pick, setanswer
from kseries.bisect.setanswer import Asked, Brought, Judged
from kseries.bisect.setmerges import SetMerges, TooManyError
from kseries.bisect.staterunner import StateRunner
from kseries.coverage import leftout
from kseries.evaluate import stateresult
from kseries.judge import changelog, couplings, exercise, setnames, suspects
from kseries.judge.judgement import Judgement
from kseries.judge.sets import Draws, Numbers
from kseries.model import Outcome, PatchResult, Plan, SetKind, State, StateResult
from kseries.model.errors import InfraError
from kseries.plan import scenarios


class OutOfKernelsError(Exception):
    """The next step would take another kernel, and no more are to be built."""


class Answered(NamedTuple):
    """What came of a set, and the further patches that it tells of."""

    judged: Judged
    names: Numbers


class SetRunner:
    """``home`` runs the states of the series on its own base, ``runner`` those of the sets: another one where patches
    are picked onto another base.

    Of a run of the series, ``judgement`` and ``patches`` are what it came to. Where ``judged`` has its trees, no other
    one is known or built. Several may share ``merges``. ``behind`` is suspects.of_reverts, or what knows its answers.
    """

    def __init__(
        self,
        kind: SetKind,
        label: str,
        runner: StateRunner,
        home: StateRunner | None = None,
        judgement: Judgement | None = None,
        patches: Sequence[PatchResult] | None = None,
        judged: frozenset[str] | None = None,
        merges: SetMerges | None = None,
        behind: Callable[..., Numbers] = suspects.of_reverts,
    ) -> None:
        self.kind = kind
        self.label = label
        self.runner = runner
        self.home = home or runner
        self._given = judgement
        self._patches = patches
        self._judged = judged
        self._behind = behind
        self._merges = merges or SetMerges(self.runner.trees)
        self._builds = {id(one.builds): one.builds for one in (self.runner, self.home)}
        self._before = self._built

    @property
    def kernels(self) -> int:
        """How many have been built for this."""
        return self._built - self._before

    @property
    def _built(self) -> int:
        return sum(map(len, self._builds.values()))

    # --- what is known before any set is tried ----------------------------------------------

    @cached_property
    def judgement(self) -> Judgement:
        """The series as far as its states are known; base and the tip are built where they are not."""
        if self._given is not None:
            return self._given
        home = self.home
        tip = home.tip
        done = {name: _had(one) for name, one in home.results(tip).items()}
        series, trees = home.series, home.trees
        planned = scenarios.plan_of(series.name, series.version, home.patches, home.base, scenarios.DEFAULT, trees)
        planned = changelog.with_symbols(planned, trees)
        nothing = {one.id: stateresult.bare(one, outcome=Outcome.NOT_TRIED, detail="") for one in planned.states}
        seen = nothing | home.engine.known(planned) | {planned.tip: done[tip.id], "base": done["base"]}
        states, findings, verdict = judge.judge(planned, seen, home.contracts)
        states = suspects.with_suspects(planned, states, trees)
        return Judgement(plan=planned, states=states, findings=findings, verdict=verdict)

    @cached_property
    def draws(self) -> Draws:
        """Whom each patch draws into a set, by the couplings that known states show."""
        known = {name: one for name, one in self.judgement.by_id.items() if one.outcome is not Outcome.NOT_TRIED}
        states = tuple(state for state in self._plan.states if state.id in known)
        part = msgspec.structs.replace(self._plan, states=states)
        found = couplings.couplings(part, known, self.judgement.findings)
        return setnames.draws(self.kind, found)

    @cached_property
    def uncompiled(self) -> frozenset[int]:
        """The patches with code of which this variant has compiled none, or of which nobody can tell."""
        patches = self._patches
        if patches is None:
            patches = exercise.per_patch(self.judgement, self.home.setup.arch.name, self.home.trees).patches
        return frozenset(one.number for one in patches if not exercise.was_compiled(one))

    def not_compiled(self, numbers: Numbers) -> frozenset[int]:
        """The same, once a set is found: of what it picks onto another base, what is not compiled there, either."""
        if self.runner is self.home or not numbers:
            return self.uncompiled
        read = self.runner.read(self.state(numbers))
        chosen = ((one.number, leftout.of_kernel(one.files)) for one in self._plan.patches if one.number in numbers)
        there = {number for number, files in chosen if files and (read is None or read.isdisjoint(files))}
        return self.uncompiled | there

    @property
    def _plan(self) -> Plan:
        return self.judgement.plan

    @cached_property
    def _makers(self) -> dict[str, int]:
        """By a capability, the patch that brings it, as far as prefixes are known."""
        states = self.judgement.by_id
        prefixes = (states.get(f"prefix-{one.number}") for one in self._plan.patches)
        seen = (states["base"], *prefixes)
        return setnames.makers([one.caps if one is not None and one.outcome is Outcome.OK else None for one in seen])

    @cached_property
    def _asked(self) -> Asked:
        states = self.judgement.by_id
        base = states["base"]
        if self.runner is not self.home:
            base = _had(self.runner.results()["base"])
        return Asked(base=base, tip=states[self._plan.tip], contracts=self.runner.contracts, patches=self._plan.patches)

    def begin(self, asked: Numbers, may_build: Callable[[], bool]) -> None:
        """Have what every set is held against. Raises InputError, InfraError, OutOfKernelsError.

        Where ``unclear`` names states then, no set is known to be safe, whatever comes of it.
        """
        _ = self._asked
        if self.kind is SetKind.PICK:
            self._brought = setanswer.all_brought(tuple(self._brings(one, may_build) for one in asked))

    _brought: Brought | None = None
    unclear: tuple[str, ...] = ()
    """Of a pick, the states of the series on its own base that do not tell what a patch brings, as they would."""

    def _brings(self, patch: int, may_build: Callable[[], bool]) -> Brought:
        """What a patch brings to the series on its own base, by its prefix and the one before it."""
        home = self.home
        before = home.state(f"prefix-{patch - 1}" if patch > 1 else "base")
        after = home.state(f"prefix-{patch}")
        seen = {self._plan.tip: self.judgement.by_id[self._plan.tip]}
        for state in (before, after):  # one after the other: each may take the last kernel that is left
            if not may_build() and not home.builds_none(state):
                raise OutOfKernelsError
            seen[state.id] = _had(home.results(state)[state.id])
        found = setanswer.brings(seen[before.id], seen[after.id], seen[self._plan.tip], patch)
        if found.unclear:
            failed = [name for name, one in seen.items() if one.outcome is not Outcome.OK]
            flaky = [name for name, one in seen.items() if one.flaky and name != before.id]
            self.unclear = tuple(dict.fromkeys((*self.unclear, *(failed or flaky))))
        return found

    # --- sets -------------------------------------------------------------------------------

    def state(self, numbers: Numbers) -> State:
        """The state of a set; without a tree where git cannot make it. Raises TooManyError."""
        return pick.of_set(self.kind, numbers, self.home.patches, self.runner.base, self._merges)

    def is_known(self, state: State) -> bool:
        """Whether there is a result of a state."""
        return self._is_open(state) and state.id in self.runner.known(state)

    def builds_none(self, state: State) -> bool:
        """Whether it takes no kernel to try a state."""
        return self.is_known(state) if self._judged is not None else self.runner.builds_none(state)

    def _is_open(self, state: State) -> bool:
        return self._judged is None or state.tree in self._judged

    def tried(self, numbers: Numbers, state: State) -> Answered:
        """Try a set, which has a tree."""
        done = self.runner.results(state) if self._judged is None else self.runner.known(state)
        result = done[state.id]
        judged = setanswer.of(self._asked, result, self._brought)
        return Answered(judged, self._names(numbers, result, judged))

    def in_the_way(self, numbers: Numbers, conflicts: tuple[str, ...]) -> Numbers:
        """Who is in the way of a set that conflicts: those with any of whom it does not, or else all who may be."""
        found = setnames.in_the_way(self.kind, numbers, conflicts, self._plan.patches)
        try:
            helping = [one for one in found if self.state(tuple(sorted((*numbers, one)))).tree is not None]
        except TooManyError:
            return found
        return tuple(helping) or found

    def _names(self, numbers: Numbers, result: StateResult, judged: Judged) -> Numbers:
        patches = self._plan.patches
        if not result.outcome.loud:
            return setnames.of_capabilities(numbers, judged.capabilities, self._makers, patches)
        behind: Numbers = ()
        if self.kind is SetKind.REVERT:
            behind = self._behind(result, self.home.base.tree, patches, numbers, self.home.trees)
        return setnames.of_error(self.kind, numbers, result, behind, patches)


def _had(result: StateResult) -> StateResult:
    """A result without which there is nothing to compare with."""
    if result.outcome is Outcome.INFRA_ERROR:
        raise InfraError(f"{result.id}: {result.detail}")
    return result
