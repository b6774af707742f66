# SPDX-License-Identifier: GPL-2.0-only
"""Good, bad or untestable: each rule, on the results that the rules of judgement are tested with."""

from dataclasses import replace

import msgspec
import pytest

from kseries.bisect.answer import Answer, Asked, Question, Tried, answer, asks_tip
from kseries.model import Ending, Outcome
from kseries.model.errors import InfraError
from tests.support.complaints import OOPS, STALL, WARNS, busy, unsure
from tests.support.judged import DIED, FAIL, FEATURE, LOUD, MISSING, OFF, ON, PASS, SILENT, SKIP, Seen, nothing, plan_of
from tests.support.judged import result_of as result
from tests.support.told import lines

BASE, STATE, TIP = plan_of(("base", "prefix-1", "prefix-3")).states
GOOD, BAD, UNTESTABLE = Answer


def asked(state: Seen, question: Question | None = None, base: Seen = OFF, tip: Seen | None = None) -> Tried:
    return answer(
        question or Question(),
        result(BASE, base),
        result(STATE, state),
        (FEATURE,),
        result(TIP, tip) if tip is not None else None,
    )


@pytest.mark.parametrize("seen", [OFF, ON])
def test_a_state_that_keeps_what_it_promises_is_good(seen: Seen) -> None:
    assert asked(seen).answer is GOOD


@pytest.mark.parametrize(
    "seen", [SILENT, OFF.but(flag__refused=FAIL), OFF.but(other__works=FAIL), OFF.but(other__works=MISSING)]
)
def test_a_state_that_breaks_a_contract_or_loses_a_check_of_bases_is_bad(seen: Seen) -> None:
    tried = asked(seen)
    assert tried.answer is BAD
    assert tried.why
    assert tried.result.id == STATE.id


def test_what_base_fails_too_is_not_the_states_fault() -> None:
    assert asked(SILENT, base=SILENT).answer is GOOD
    assert asked(OFF.but(other__works=FAIL), base=OFF.but(other__works=FAIL)).answer is GOOD


@pytest.mark.parametrize("outcome", LOUD)
def test_a_state_that_does_not_apply_build_or_boot_is_untestable(outcome: Outcome) -> None:
    tried = asked(nothing(outcome))
    assert tried.answer is UNTESTABLE
    assert lines(tried.why) == (f"{outcome}: so it ended",)


@pytest.mark.parametrize("outcome", DIED)
def test_a_kernel_that_dies_after_its_last_check_is_bad(outcome: Outcome) -> None:
    assert asked(ON.but(outcome)).answer is BAD


def test_a_fault_of_this_host_is_no_answer() -> None:
    with pytest.raises(InfraError, match="prefix-1: so it ended"):
        asked(nothing(Outcome.INFRA_ERROR))


def test_a_check_on_which_two_boots_disagree_is_no_answer() -> None:
    assert asked(replace(OFF.but(other__works=FAIL), flaky=("other.works",))).answer is UNTESTABLE


def test_two_boots_that_list_otherwise_leave_an_answer() -> None:
    lists = OFF.but(surface__procs_listed=PASS)
    assert asked(replace(lists, flaky=("surface.procs_listed",)), base=lists).answer is GOOD


def test_a_promise_of_which_two_boots_disagree_is_no_answer() -> None:
    """Base has nothing to say of it."""
    tried = asked(replace(ON, flaky=("feature.works",)))
    assert (tried.answer, lines(tried.why)) == (UNTESTABLE, ("feature.works: two boots, two answers",))
    assert asked(replace(OFF, flaky=("feature.works",))).answer is GOOD


def test_a_kernel_that_was_only_too_slow_is_no_answer() -> None:
    slow = msgspec.structs.replace(
        result(STATE, ON.but(Outcome.TIMED_OUT, other__works=MISSING)), ending=Ending.DEADLINE
    )
    tried = answer(Question(), result(BASE, OFF), slow, (FEATURE,))
    assert (tried.answer, lines(tried.why)) == (UNTESTABLE, ("timed-out: so it ended",))


@pytest.mark.parametrize("ending", [Ending.DEADLINE, Ending.RESET])
def test_a_check_that_a_kernel_did_not_come_to_is_no_answer(ending: Ending) -> None:
    """It was too slow, or it died in something else: who breaks that is not who breaks this."""
    outcome = Outcome.TIMED_OUT if ending is Ending.DEADLINE else Outcome.CRASHED
    ended = msgspec.structs.replace(result(STATE, ON.but(outcome, other__works=MISSING)), ending=ending)
    tried = answer(Question(Asked.CHECK, "other.works"), result(BASE, OFF), ended, (FEATURE,))
    assert tried.answer is UNTESTABLE
    assert lines(tried.why) == ("other.works: missing", f"{outcome}: so it ended")
    gone = msgspec.structs.replace(ended, checks=result(STATE, ON.but(feature__works=MISSING)).checks)
    of_contract = answer(Question(Asked.CHECK, "feature"), result(BASE, OFF), gone, (FEATURE,), result(TIP, ON))
    assert of_contract.answer is UNTESTABLE
    in_it = msgspec.structs.replace(ended, checks=result(STATE, ON.but(other__works=FAIL)).checks)
    assert answer(Question(Asked.CHECK, "other.works"), result(BASE, OFF), in_it, (FEATURE,)).answer is BAD


def test_a_kernel_that_comes_to_its_end_in_some_boots_alone_is_no_answer() -> None:
    at_times = msgspec.structs.replace(result(STATE, OFF), boots=2, ended=1)
    tried = answer(Question(), result(BASE, OFF), at_times, (FEATURE,))
    assert (tried.answer, lines(tried.why)) == (UNTESTABLE, ("the end of the boot: two boots, two answers",))


def test_a_check_of_a_contract_that_is_flaky_on_base_is_no_answer() -> None:
    base = replace(ON, flaky=("feature.works",))
    told = asked(SILENT, base=base, tip=ON)
    assert (told.answer, lines(told.why)) == (UNTESTABLE, ("feature.works: two boots, two answers",))
    assert asked(SILENT, Question(Asked.CHECK, "feature"), base=base, tip=ON).answer is UNTESTABLE


@pytest.mark.parametrize("question", [None, Question(asked=Asked.PROMISES)])
def test_a_kernel_that_complains_of_what_bases_does_not_is_bad_whatever_its_checks_say(
    question: Question | None,
) -> None:
    tried = asked(replace(ON, complaints=(OOPS,)), question)
    assert tried.answer is BAD
    assert lines(tried.why) == (
        "p.a: BUG: kernel NULL pointer dereference, address: 0000000000000010 (in f, kernel/f.c:7)",
    )


def test_a_complaint_that_base_has_too_is_not_the_states_fault() -> None:
    assert asked(replace(ON, complaints=(WARNS,)), base=replace(OFF, complaints=(unsure(WARNS),))).answer is GOOD


def test_a_complaint_that_came_in_one_boot_of_two_is_no_answer() -> None:
    tried = asked(replace(ON, complaints=(unsure(WARNS),)))
    assert (tried.answer, lines(tried.why)) == (UNTESTABLE, (f"p.a: {WARNS.said} (in kernel/f.c:7), in 1 of 2 boots",))
    assert asked(replace(ON, complaints=(busy(STALL),))).answer is UNTESTABLE


def test_a_skip_asks_the_tip_and_is_bad_where_that_passes() -> None:
    skips = ON.but(feature__lasts=SKIP)
    assert asks_tip(asked(skips))
    assert asked(skips, tip=ON).answer is BAD
    assert asked(skips, tip=skips).answer is GOOD
    assert not asks_tip(asked(OFF))


@pytest.mark.parametrize(
    ("question", "bad"),
    [
        (Question(asked=Asked.BUILD), nothing(Outcome.BUILD_FAILED)),
        (Question(asked=Asked.BOOT), nothing(Outcome.BOOT_FAILED)),
        (Question(asked=Asked.CHECK, id="other.works"), ON.but(other__works=FAIL)),
        (Question(asked=Asked.CHECK, id="other.works"), ON.without("other.works")),
        (Question(asked=Asked.CHECK, id="feature"), SILENT),
    ],
)  # fmt: skip
def test_what_is_asked_is_what_counts(question: Question, bad: Seen) -> None:
    assert asked(bad, question).answer is BAD
    assert asked(ON, question).answer is GOOD
    assert asked(nothing(Outcome.CONFLICT), question).answer is UNTESTABLE
    if question.asked is Asked.CHECK:
        assert asked(nothing(Outcome.BUILD_FAILED), question).answer is UNTESTABLE
    else:
        assert asked(SILENT, question).answer is GOOD


def test_a_skip_tells_nothing_of_a_check() -> None:
    assert asked(OFF, Question(asked=Asked.CHECK, id="feature.works")).answer is UNTESTABLE


def test_a_contract_that_nothing_was_promised_of_is_kept() -> None:
    assert asked(OFF, Question(asked=Asked.CHECK, id="feature")).answer is GOOD
