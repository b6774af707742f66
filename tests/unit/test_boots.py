# SPDX-License-Identifier: GPL-2.0-only
"""Kernels asked boot by boot: what each has answered, and that who asks again is told of other boots."""

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from kseries.bisect.answer import Answer, Asked, Question, Tried, answer
from kseries.bisect.asking import Answers
from kseries.bisect.boots import Boots, counted
from kseries.model import Outcome, State, StateResult
from tests.support.bisections import BAD, Laid
from tests.support.complaints import OOPS, WARNS
from tests.support.engines import seen_of
from tests.support.judged import FAIL, FEATURE, OFF, ON, PASS, Seen, nothing, plan_of
from tests.support.judged import result_of as result
from tests.support.kbuild import SETUP, Kernel

BASE, STATE = plan_of(("base", "prefix-1")).states
CHECK = Question(Asked.CHECK, "other.works")


def tried(seen: Seen, question: Question, **known: int | dict[str, int]) -> Tried:
    state: StateResult = msgspec.structs.replace(result(STATE, seen), **known)
    return answer(question, result(BASE, OFF), state, (FEATURE,))


def boots(seen: Seen, question: Question | None = None, **known: int | dict[str, int]) -> tuple[int, int]:
    """How many of a state's boots passed, and how many failed."""
    question = question or Question()
    told = counted(question, tried(seen, question, **known))
    return told.passed, told.failed


@pytest.mark.parametrize("question", [Question(), CHECK, Question(Asked.BOOT)])
def test_boots_that_agree_have_all_answered_the_same(question: Question) -> None:
    assert boots(OFF, question) == (1, 0)
    assert boots(OFF, question, boots=4) == (4, 0)


@pytest.mark.parametrize("question", [Question(), CHECK])
def test_boots_that_fail_are_counted(question: Question) -> None:
    broken = OFF.but(other__works=FAIL)
    assert boots(broken, question, boots=2) == (0, 2)
    flaky = replace(OFF.but(other__works=PASS), flaky=("other.works",))
    assert boots(flaky, question, boots=7, failures={"other.works": 2}) == (5, 2)


def test_a_complaint_of_some_boots_fails_those() -> None:
    some = replace(OFF, complaints=(msgspec.structs.replace(WARNS, boots=2, of=5),))
    assert boots(some, boots=5) == (3, 2)


def test_an_oops_of_some_boots_fails_those_though_it_is_bad() -> None:
    some = replace(OFF, complaints=(msgspec.structs.replace(OOPS, boots=1, of=5),))
    assert tried(some, Question()).answer is Answer.BAD
    assert boots(some, boots=5) == (4, 1)
    assert boots(replace(OFF, complaints=(msgspec.structs.replace(OOPS, boots=5, of=5),)), boots=5) == (0, 5)
    again = msgspec.structs.replace(OOPS, function="g", boots=1, of=5)
    assert boots(replace(some, complaints=(*some.complaints, again)), boots=5) == (4, 1), "two in the same words"
    assert boots(replace(some, checks={**OFF.checks, "other.works": FAIL}), boots=5) == (0, 5)


def test_a_kernel_that_dies_in_some_boots_and_says_nothing_fails_those() -> None:
    assert boots(OFF, boots=5, ended=3) == (3, 2)


def test_a_kernel_that_does_not_always_boot_fails_as_often_as_it_does_not() -> None:
    every = replace(OFF, flaky=tuple(OFF.checks))
    failures = dict.fromkeys(OFF.checks, 2)
    assert boots(every, Question(Asked.BOOT), boots=5, ended=3, failures=failures) == (3, 2)
    assert boots(nothing(Outcome.BOOT_FAILED), Question(Asked.BOOT), boots=2, ended=0) == (0, 2)


def test_a_kernel_that_ends_in_a_check_now_and_then_has_booted_each_time() -> None:
    some = replace(OFF, flaky=("other.works",))
    assert boots(some, Question(Asked.BOOT), boots=5, ended=3, failures={"other.works": 2}) == (5, 0)


def test_a_build_is_asked_once() -> None:
    assert boots(OFF, Question(Asked.BUILD), boots=5) == (1, 0)
    assert boots(nothing(Outcome.BUILD_FAILED), Question(Asked.BUILD)) == (0, 1)


def test_what_cannot_be_tested_has_no_boots() -> None:
    told = counted(Question(), tried(nothing(Outcome.BUILD_FAILED), Question()))
    assert not told.testable
    assert [one.name for one in told.why] == ["build-failed"]


def test_who_asks_again_is_told_of_other_boots(kernel: Kernel, tmp_path: Path) -> None:
    laid = Laid(kernel, tmp_path)
    trees = [laid.kernel.store.tree_of(commit) for commit in laid.commits]
    laid.put(trees[0], ON)
    laid.put(trees[3], ON)
    state = State(id="known", scenario="commit", applied=(), tree=trees[3])
    for attempt, times, seen in ((1, 3, BAD), (2, 3, ON)):
        key = replace(SETUP, attempt=attempt, repeat=times).key(trees[3])
        laid.store.put(key, seen_of(msgspec.structs.replace(result(state, seen), boots=times)), tmp_path)
    asker = Boots(laid.runner, Question(), laid.runner.state, laid.commits[0])
    told = [asker.ask("prefix-3", times) for times in (1, 3, 3)]
    assert [(one.passed, one.failed) for one in told] == [(1, 0), (0, 3), (3, 0)]
    assert laid.builds == []


def test_a_commit_of_the_same_tree_is_told_as_the_other_and_boots_nothing(kernel: Kernel, tmp_path: Path) -> None:
    laid = Laid(kernel, tmp_path)
    trees = [laid.kernel.store.tree_of(commit) for commit in laid.commits]
    laid.put(trees[0], ON)
    laid.put(trees[3], BAD)
    states = {"a": trees[3], "b": trees[3], "c": trees[0]}

    def state_of(commit: str) -> State:
        return State(id=f"state-{commit}", scenario="commit", applied=(), tree=states[commit])

    asker = Boots(laid.runner, Question(), state_of, "good")
    assert asker.ask("a", 1) == Answers(passed=0, failed=1, why=asker.ask("b", 1).why)
    again = Boots(laid.runner, Question(), state_of, "good")
    assert [again.ask(commit, 1).same for commit in "abc"] == [None, "a", "good"]


def test_what_good_answers_counts_from_its_first_boot_on(kernel: Kernel, tmp_path: Path) -> None:
    laid = Laid(kernel, tmp_path)
    tree = laid.kernel.store.tree_of(laid.commits[0])
    laid.put(tree, ON)
    asker = Boots(laid.runner, Question(), lambda _: State(id="x", scenario="commit", applied=(), tree=tree), "good")
    assert asker.ask("good", 1) == Answers(passed=1), "it is not merely the same as itself"
