# SPDX-License-Identifier: GPL-2.0-only
"""Kernels asked boot by boot: how many boots of a state passed a question, and how many failed it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import msgspec

from kseries.bisect.answer import Answer, Asked, Question, Tried
from kseries.bisect.asking import Answers
from kseries.bisect.staterunner import StateRunner
from kseries.evaluate.jobs import Again
from kseries.judge import evidence
from kseries.model import EvidenceKind, State, StateResult


def counted(question: Question, tried: Tried) -> Answers:
    """What the boots of a state have answered, each for itself.

    All boots agree on what is good or bad, but for a kernel that oopses in some; what is flaky tells of itself in how
    many of them it failed.
    """
    if question.asked is Asked.BUILD:
        return _of(tried, {Answer.GOOD: (1, 0), Answer.BAD: (0, 1)}.get(tried.answer, (0, 0)))
    boots = tried.result.boots or 1
    if tried.answer is Answer.BAD:
        bad = _bad(tried, boots)
        return _of(tried, (boots - bad, bad))
    failed = _unbooted(tried) if question.asked is Asked.BOOT else _failed(tried)
    if tried.answer is Answer.UNTESTABLE and not failed:
        return _of(tried, (0, 0))
    return _of(tried, (boots - failed, failed))


def _of(tried: Tried, boots: tuple[int, int]) -> Answers:
    passed, failed = boots
    return Answers(passed=passed, failed=failed, why=tried.why if not passed or failed else ())


def _bad(tried: Tried, boots: int) -> int:
    """In how many of its boots a bad state was bad: in all, if not for what its kernel complained of in some alone."""
    if any(one.kind is not EvidenceKind.COMPLAINT for one in tried.why):
        return boots
    said = {one.said for one in tried.why}
    seen = [one for one in tried.result.complaints if one.said in said]
    return max((one.boots if one.boots < one.of else boots for one in seen), default=boots)


def _unbooted(tried: Tried) -> int:
    """In how many boots of a state no check came. One that gave the same answer in all of them came in all of them."""
    failures, flaky = tried.result.failures or {}, {*tried.result.flaky}
    came = any(check.id not in flaky for check in tried.result.checks)
    return 0 if came else min((failures.get(name, 0) for name in flaky), default=0)


def _failed(tried: Tried) -> int:
    """In how many boots of a state something failed at the least, of what failed in some of them alone."""
    failures = tried.result.failures or {}
    flaky = [one.name for one in tried.why if one.kind is EvidenceKind.FLAKY]
    of_checks = [_unended(tried.result) if name == evidence.END else failures.get(name, 0) for name in flaky]
    of_kernel = (one.boots or 0 for one in tried.why if one.kind is EvidenceKind.COMPLAINT)
    return max((*of_checks, *of_kernel), default=0)


def _unended(result: StateResult) -> int:
    """In how many of its boots a kernel did not come to its end, though it did in others."""
    return (result.boots or 0) - (result.ended or 0)


@dataclass
class Boots:
    """Builds and boots commits, each as often as it is asked; what the same calls have found out is known again."""

    runner: StateRunner
    question: Question
    state_of: Callable[[str], State]
    """The state of a commit."""
    good: str
    """The commit that is base."""
    _attempts: dict[str, int] = field(default_factory=dict)
    _known: dict[str, tuple[str, State]] = field(default_factory=dict)
    """The commits that were asked once, and their states, by the ids of these."""

    def ask(self, commit: str, boots: int) -> Answers:
        """Boot the kernel of a commit at least so many times more. Raises as StateRunner.ask does."""
        attempt = self._attempts.get(commit, 0)
        self._attempts[commit] = attempt + 1
        state, setup = self.state_of(commit), self.runner.setup
        if attempt or boots > setup.repeat:
            runner = replace(self.runner, again=Again(attempt, boots))
            return counted(self.question, runner.ask(self.question, state))
        tried = self.runner.ask(self.question, state, *(one for _, one in self._known.values()))
        same = self._same(commit, tried)
        self._known[state.id] = commit, state
        return msgspec.structs.replace(counted(self.question, tried), same=same)

    def _same(self, commit: str, tried: Tried) -> str | None:
        """Another commit, whose kernel was booted for this one's, or whose build is this one's, file for file."""
        result = tried.result
        other = result.same_as or result.built_as or result.booted_as
        if other == "base":
            return self.good if commit != self.good else None
        return self._known[other][0] if other in self._known else None
