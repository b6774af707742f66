# SPDX-License-Identifier: GPL-2.0-only
"""What is asked of each patch: an answer for each question, and none better than what was seen."""

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given

from kseries.model import (
    Ending,
    Exercise,
    FindingKind,
    FuzzedHunk,
    Grounds,
    Outcome,
    PatchResult,
    RunResult,
    StateResult,
    Verdict,
)
from kseries.report import questions
from kseries.report.questions import SAID, Answer, PatchAnswer, Question
from tests.support.runs import finding, hostile, run, split_run, state

MORE = len(" [and 100000 more characters]")
WELL = Verdict(bisectable=True, revert_safe=True)
STATES = ("base", "prefix-1", "prefix-2", "without-1", "without-2")


def judged(*numbers: int, verdict: Verdict = WELL, exercise: Exercise = Exercise.EXERCISED) -> tuple[PatchResult, ...]:
    grounds = Grounds(contracts=1, checks=9, lines=4, lines_ran=3)
    return tuple(PatchResult(number=number, verdict=verdict, exercise=exercise, grounds=grounds) for number in numbers)


def seen(name: str, **more: Any) -> StateResult:
    number = int(name.rpartition("-")[2]) if "-" in name else None
    applied = {"base": (), "without-1": (2,), "without-2": (1,)}.get(name, tuple(range(1, (number or 0) + 1)))
    return state(name, number, applied=applied, **more)


def whole(*others: StateResult, **more: Any) -> RunResult:
    """A run of two patches in which all is well, but for these states."""
    named = {one.id: one for one in others}
    return run(*(named.get(name, seen(name)) for name in STATES), **{"patches": judged(1, 2), **more})


def asked(of: RunResult, patch: int, question: Question) -> PatchAnswer:
    (found,) = (one for one in questions.answers(of) if (one.patch.number, one.question) == (patch, question))
    return found


def not_well(of: RunResult) -> dict[tuple[int, str], str]:
    return {
        (one.patch.number, str(one.question)): str(one.answer)
        for one in questions.answers(of)
        if one.answer is not Answer.SUCCESS
    }


def test_each_patch_has_an_answer_to_each_question_in_order() -> None:
    told = [(one.patch.number, one.question) for one in questions.answers(whole())]
    assert told == list(itertools.product((1, 2), Question)) and not not_well(whole())
    assert asked(whole(), 2, Question.CONTRACT).said == (
        "behaves: nothing was seen to break in 9 checks and 1 contract; 3 of 4 lines of it ran"
    )


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome.BUILD_FAILED, {"build": "fail", "boot": "unknown", "contract": "unknown"}),
        (Outcome.BOOT_FAILED, {"boot": "fail", "contract": "unknown"}),
        (Outcome.CRASHED, {"boot": "fail", "contract": "unknown"}),
        (Outcome.TIMED_OUT, {"boot": "fail", "contract": "unknown"}),
        (Outcome.NOT_BOOTED, {"boot": "unknown", "contract": "unknown"}),
        (Outcome.NOT_TRIED, {"build": "open", "boot": "open", "contract": "open"}),
        (Outcome.INFRA_ERROR, {"build": "open", "boot": "open", "contract": "open"}),
    ],
)
def test_a_prefix_that_ends_early_fails_there_and_tells_no_more(outcome: Outcome, expected: dict[str, str]) -> None:
    told = not_well(whole(seen("prefix-1", outcome=outcome, detail="why it did")))
    assert told == {(1, question): answer for question, answer in expected.items()}


def test_what_was_only_too_slow_is_nobodys_failure() -> None:
    """This host may be why; the judge blames nobody for it either."""
    slow = {"outcome": Outcome.TIMED_OUT, "ending": Ending.DEADLINE, "detail": "it was not done in time"}
    told = not_well(whole(seen("prefix-1", **slow)))
    assert told == {(1, "boot"): "unknown", (1, "contract"): "unknown"}
    assert asked(whole(seen("without-2", **slow)), 2, Question.REVERT).answer is Answer.UNKNOWN
    of_tip = asked(whole(seen("prefix-2", **slow)), 1, Question.REVERT)
    assert (of_tip.answer, of_tip.said) == (Answer.UNKNOWN, "not known: the whole series is too slow to tell")


def test_what_the_base_does_not_do_either_is_not_the_fault_of_a_patch() -> None:
    early = {"outcome": Outcome.BOOT_FAILED, "detail": "no init"}
    told = asked(whole(seen("base", **early), seen("prefix-1", **early)), 1, Question.BOOT)
    assert (told.answer, told.said) == (Answer.UNKNOWN, "does not boot, and no more does the base")


@pytest.mark.parametrize(
    ("outcome", "answer", "said"),
    [
        (Outcome.CONFLICT, Answer.SUCCESS, "a revert of it alone conflicts, so that whoever tries is told"),
        (Outcome.BUILD_FAILED, Answer.SUCCESS, "its revert does not build, so that whoever tries is told"),
        (Outcome.CRASHED, Answer.WARNING, "its revert crashes"),
        (Outcome.NOT_BOOTED, Answer.UNKNOWN, "its revert was built, and not booted"),
        (Outcome.NOT_TRIED, Answer.OPEN, "not tried yet"),
        (Outcome.INFRA_ERROR, Answer.OPEN, "the host failed: no space left"),
    ],
)
def test_a_revert_that_is_loud_is_no_failure(outcome: Outcome, answer: Answer, said: str) -> None:
    told = asked(whole(seen("without-2", outcome=outcome, detail="no space left")), 2, Question.REVERT)
    assert (told.answer, told.said) == (answer, said)


NOBODY = Verdict(bisectable=None, revert_safe=None)


@pytest.mark.parametrize("question", [Question.CONTRACT, Question.REVERT])
def test_what_was_not_judged_is_never_well(question: Question) -> None:
    """It is open where the rest of a run may tell, and else unknown: no run after it will."""
    unseen = judged(1, verdict=NOBODY, exercise=Exercise.UNEXERCISED)
    for patches, partial, answer, said in (
        ((), False, Answer.UNKNOWN, "not judged"),
        ((), True, Answer.OPEN, "not judged"),
        (unseen, False, Answer.UNKNOWN, "not judged: UNEXERCISED"),
        (unseen, True, Answer.UNKNOWN, "not judged: UNEXERCISED"),
    ):
        told = asked(whole(patches=patches, partial=partial), 1, question)
        assert (told.answer, told.said) == (answer, said)
    before = whole(seen("prefix-2", outcome=Outcome.NOT_TRIED), patches=judged(1, verdict=NOBODY), partial=True)
    assert asked(before, 1, question).answer is Answer.OPEN
    assert asked(run(seen("base")), 1, question).answer is Answer.UNKNOWN


@pytest.mark.parametrize(
    ("outcome", "answer", "said"),
    [
        (Outcome.BUILD_FAILED, Answer.UNKNOWN, "not known: the whole series does not build"),
        (Outcome.CRASHED, Answer.UNKNOWN, "not known: the whole series crashes"),
        (Outcome.NOT_TRIED, Answer.OPEN, "the whole series is not tried yet"),
        (Outcome.INFRA_ERROR, Answer.OPEN, "the whole series is not tried yet"),
    ],
)
def test_a_revert_of_what_does_not_do_is_not_why_it_fails(outcome: Outcome, answer: Answer, said: str) -> None:
    failed = (seen("prefix-2", outcome=outcome), seen("without-1", outcome=Outcome.BUILD_FAILED))
    told = asked(whole(*failed), 1, Question.REVERT)
    assert (told.answer, told.said) == (answer, said)


@pytest.mark.parametrize(
    ("kind", "where", "question", "answer"),
    [
        (FindingKind.NEW_WARNING, "prefix-1", Question.BUILD, Answer.WARNING),
        (FindingKind.SANDBOX_DENIAL, "prefix-1", Question.BUILD, Answer.WARNING),
        (FindingKind.KERNEL_COMPLAINT, "prefix-1", Question.BOOT, Answer.FAIL),
        (FindingKind.BISECT_HOLE, "prefix-1", Question.CONTRACT, Answer.FAIL),
        (FindingKind.REGRESSION, "prefix-1", Question.CONTRACT, Answer.FAIL),
        (FindingKind.FLAKY, "prefix-1", Question.CONTRACT, Answer.WARNING),
        (FindingKind.FLAKY, "without-1", Question.REVERT, Answer.WARNING),
        (FindingKind.SILENT_BREAK, "without-1", Question.REVERT, Answer.FAIL),
    ],
)
def test_a_finding_answers_one_question_of_its_patch(
    kind: FindingKind, where: str, question: Question, answer: Answer
) -> None:
    for patch in (1, None):
        found = whole(findings=(finding(kind, where, "it broke", patch=patch),))
        assert not_well(found) == {(1, str(question)): str(answer)}
        assert asked(found, 1, question).finding is found.findings[0]


def test_what_the_base_does_is_told_of_no_patch() -> None:
    assert not not_well(whole(findings=(finding(FindingKind.FLAKY, "base", "it broke"),)))


def test_what_a_patch_does_alone_is_told_of_it_and_not_of_the_others() -> None:
    flaky = finding(FindingKind.FLAKY, "only-2", "it broke")
    found = whole(findings=(flaky,))
    alone = state("only-2", 2, applied=(2,))
    assert not_well(msgspec.structs.replace(found, states=(*found.states, alone))) == {(2, "contract"): "warning"}


def test_a_hole_that_does_not_build_is_one_of_the_build() -> None:
    hole = finding(FindingKind.BISECT_HOLE, "prefix-1", patch=1)
    told = whole(seen("prefix-1", outcome=Outcome.BUILD_FAILED), findings=(hole,))
    assert not_well(told)[1, "build"] == "fail" and not_well(told)[1, "boot"] == "unknown"


def test_the_silent_break_of_the_demo_is_told_of_its_patch_alone() -> None:
    told = [one for one in questions.answers(split_run()) if one.answer is Answer.FAIL]
    assert [(one.patch.number, one.question) for one in told] == [(3, Question.REVERT)]
    assert "leaves KVM_CAP_EXIT_ON_MISSING advertised" in told[0].said


def test_fuzz_is_worth_a_look() -> None:
    fuzzed = FuzzedHunk(file="a", hunk=1, of=1, line=1, offset=0, fuzz=1)
    found = whole()
    patch = msgspec.structs.replace(found.series.patches[0], fuzzed=(fuzzed,))
    series = msgspec.structs.replace(found.series, patches=(patch, found.series.patches[1]))
    assert not_well(msgspec.structs.replace(found, series=series)) == {(1, "apply"): "warning"}


@given(hostile)
def test_a_sentence_is_one_line_of_bounded_length(text: str) -> None:
    found = whole(seen("prefix-1", outcome=Outcome.BUILD_FAILED, detail=text * 50))
    for one in questions.answers(found):
        assert len(one.said.splitlines()) == 1 and 0 < len(one.said) <= SAID + MORE
