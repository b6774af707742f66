# SPDX-License-Identifier: GPL-2.0-only
"""What one state says to a set of patches that went, or came: safe only where all is known, and nothing is lost."""

from dataclasses import replace

import msgspec
import pytest

from kseries import judge
from kseries.bisect import setanswer
from kseries.bisect.setanswer import Asked, Brought, Judged
from kseries.model import Complaint, Ending, Gravity, Outcome, SetAnswer, State, StateResult
from tests.support.judged import CAP, FAIL, FEATURE, OFF, ON, PASS, SILENT, SKIP, Seen, nothing, plan_of, result_of
from tests.support.told import lines

SAFE, BROKEN, LOUD, CONFLICT, UNKNOWN = SetAnswer
OOPS = Complaint(gravity=Gravity.OOPS, kind="Oops", said="Oops: 0000", function="f")


def of(seen: Seen, name: str = "without-1+2") -> StateResult:
    return result_of(State(id=name, scenario="pairs", applied=(3,), tree=name), seen)


def asked(base: Seen = OFF, tip: Seen = ON) -> Asked:
    patches = plan_of(("base",)).patches
    return Asked(base=of(base, "base"), tip=of(tip, "prefix-3"), contracts=(FEATURE,), patches=patches)


def judged(state: Seen, brought: Brought | None = None, base: Seen = OFF, tip: Seen = ON) -> Judged:
    return setanswer.of(asked(base, tip), of(state), brought)


def test_of_a_set_without_what_advertises_nobody_knows_where_what_is_asked_of_it_then_was_left_out() -> None:
    left = judge.asked(msgspec.structs.replace(FEATURE, otherwise=("other_probe.refused",)), ("feature", "other"))
    found = setanswer.of(msgspec.structs.replace(asked(), contracts=(left,)), of(OFF), None)
    assert (found.answer, lines(found.why)) == (UNKNOWN, ("feature: not judged",))
    foreign = msgspec.structs.replace(left, id="foreign", when="FOREIGN")
    known = msgspec.structs.replace(
        asked(OFF.with_cap("FOREIGN", 0), ON.with_cap("FOREIGN", 0)), contracts=(FEATURE, foreign)
    )
    assert setanswer.of(known, of(OFF.with_cap("FOREIGN", 0)), None).answer is SAFE


@pytest.mark.parametrize(
    ("state", "answer"),
    [
        (ON, SAFE),
        (OFF, SAFE),
        (SILENT, BROKEN),
        (OFF.but(flag__refused=FAIL), BROKEN),
        (ON.but(other__works=FAIL), BROKEN),
        (ON.but(other__works=SKIP), BROKEN),
        (ON.but(feature__works=SKIP), BROKEN),
        (ON.without("feature.lasts"), BROKEN),
        (replace(ON, complaints=(OOPS,)), BROKEN),
        (ON.but(Outcome.CRASHED, other__works=FAIL), BROKEN),
        (replace(ON, flaky=("feature.works",)), UNKNOWN),
        (replace(ON, flaky=("other.works",)), UNKNOWN),
        (replace(OFF, caps={}), UNKNOWN),
        (nothing(Outcome.BUILD_FAILED), LOUD),
        (nothing(Outcome.BOOT_FAILED), LOUD),
        (nothing(Outcome.CONFLICT), CONFLICT),
        (nothing(Outcome.INFRA_ERROR), UNKNOWN),
        (nothing(Outcome.NOT_TRIED), UNKNOWN),
        (nothing(Outcome.NOT_BOOTED), UNKNOWN),
    ],
)
def test_a_state_is_safe_only_where_all_is_known_and_nothing_is_lost(state: Seen, answer: SetAnswer) -> None:
    found = judged(state)
    assert found.answer is answer and bool(found.why) is (answer is not SAFE)


def test_a_promise_that_is_not_kept_names_its_capability_and_the_checks() -> None:
    found = judged(SILENT)
    assert found.capabilities == (CAP,) and lines(found.why) == ("feature.works: fail",)


def test_what_the_tip_breaks_has_to_go_too() -> None:
    for tip in (SILENT, ON.but(other__works=FAIL)):
        assert judged(tip, tip=tip).answer is BROKEN


def test_what_base_breaks_is_no_patchs() -> None:
    broken = OFF.with_cap(CAP, 1).but(feature__works=FAIL, feature__lasts=PASS)
    assert judged(broken, base=broken, tip=broken).answer is SAFE


def test_what_base_fails_and_the_tip_passes_is_broken_by_who_promises_it_and_fails_it() -> None:
    assert judged(SILENT, base=OFF.but(feature__works=FAIL)).answer is BROKEN


def test_a_promise_of_which_nobody_tells_is_none_of_this_run() -> None:
    mute = Seen({}, {"other.works": PASS})
    assert judged(mute, base=mute, tip=mute).answer is SAFE
    assert judged(mute, base=mute).answer is UNKNOWN


def test_all_that_picked_patches_bring_has_to_be_there() -> None:
    brought = Brought(capabilities={CAP: 2}, checks={"feature.works": 2})
    assert judged(ON, brought).answer is SAFE
    found = judged(OFF, brought)
    assert found.answer is BROKEN
    assert lines(found.why) == (f"{CAP}: patch 2 brings it, and it is not shown here", "feature.works: skip")
    assert judged(replace(ON, flaky=("x.y",)), Brought(checks={"x.y": 1})).answer is UNKNOWN
    found = judged(ON, Brought(unclear=(3,)))
    assert found.answer is UNKNOWN and lines(found.why)[0].startswith("patch 3: its prefix, or the one before it")


def test_a_picked_patch_has_not_lost_what_there_was_no_time_to_ask() -> None:
    brought = Brought(capabilities={CAP: 2}, checks={"feature.works": 2})
    slow = msgspec.structs.replace(of(nothing(Outcome.TIMED_OUT)), ending=Ending.DEADLINE)
    assert setanswer.of(asked(), slow, brought).answer is UNKNOWN
    mute = replace(OFF, caps={})
    found = judged(mute, Brought(capabilities={CAP: 2}))
    assert found.answer is UNKNOWN and f"{CAP}: no probe tells of it here" in lines(found.why)


def test_what_the_kernel_under_picked_patches_breaks_is_not_theirs() -> None:
    under = OFF.but(flag__refused=FAIL)
    assert judged(under, Brought(), base=under).answer is SAFE
    assert judged(under, base=under).answer is BROKEN, "a revert is held against what the tip keeps"
    assert judged(SILENT, Brought(), base=under).answer is BROKEN, "that kernel does not advertise it"
    worse = under.but(other__works=FAIL)
    assert judged(worse, Brought(), base=under).answer is BROKEN


def test_what_base_passes_at_times_and_the_tip_always_is_not_known_to_be_kept() -> None:
    at_times = replace(OFF, flaky=("other.works",))
    assert judged(OFF.but(other__works=FAIL), base=at_times).answer is UNKNOWN
    assert judged(OFF, base=at_times).answer is SAFE


def test_a_patch_brings_what_its_prefix_has_the_one_before_has_not_and_the_tip_has_still() -> None:
    tip = ON.with_cap("OTHER", 0)
    after = ON.with_cap("OTHER", 1).but(gone__again=PASS)
    found = setanswer.brings(of(OFF), of(after), of(tip), 2)
    assert found == Brought(capabilities={CAP: 2}, checks={"feature.works": 2, "feature.lasts": 2})
    assert setanswer.brings(of(ON), of(ON), of(ON), 3) == Brought()
    flaky = replace(ON, flaky=("feature.lasts",))
    assert setanswer.brings(of(OFF), of(flaky), of(ON), 2) == Brought(unclear=(2,)), "it may bring that, too"
    assert setanswer.brings(of(OFF), of(ON), of(flaky), 2) == Brought(unclear=(2,))
    always = replace(OFF, flaky=("feature.lasts",))
    assert setanswer.brings(of(always), of(flaky), of(flaky), 2).checks == {"feature.works": 2}
    assert setanswer.brings(of(nothing(Outcome.BUILD_FAILED)), of(ON), of(ON), 2) == Brought(unclear=(2,))


def test_what_several_bring_is_all_of_it() -> None:
    one, other = Brought(capabilities={"A": 1}, unclear=(1,)), Brought(checks={"a.b": 2}, unclear=(2,))
    assert setanswer.all_brought((one, other)) == Brought(capabilities={"A": 1}, checks={"a.b": 2}, unclear=(1, 2))
