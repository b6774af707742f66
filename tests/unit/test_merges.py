# SPDX-License-Identifier: GPL-2.0-only
"""What a merge loses: each rule both ways, and all of them against git, which merges a line as a check is merged."""

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kseries.judge import merges
from kseries.judge.merges import Four, Judged, Kind
from kseries.model import Complaint, Contract, Ending, Gravity, Outcome, State, StateResult
from tests.support.gitrepo import Repository
from tests.support.judged import (
    CAP,
    DIED,
    FAIL,
    FEATURE,
    MISSING,
    OFF,
    ON,
    PASS,
    SILENT,
    SKIP,
    XFAIL,
    Seen,
    nothing,
    result_of,
)

IDS = ("base", "first", "second", "both")
PLAIN = Seen({}, {"probe.a": PASS})
WARNING = Complaint(gravity=Gravity.REPORT, kind="WARNING", said="WARNING: at f", function="f")


def result(name: str, seen: Seen) -> StateResult:
    return result_of(State(id=name, scenario="merge", applied=(), tree=name), seen)


def judge(*seen: Seen, contract: Contract = FEATURE, **changed: Any) -> Judged:
    """Of base, first, second and both; ``both__x`` changes a field of a result."""
    results = {name: result(name, one) for name, one in zip(IDS, seen, strict=True)}
    for name, value in changed.items():
        state, _, field = name.partition("__")
        results[state] = msgspec.structs.replace(results[state], **{field: value})
    base, first, second, both = results.values()
    four = Four(base=base, first=first, second=second, both=both, touched=frozenset({"x.c"}))
    return merges.judge(four, (contract,))


def told(judged: Judged) -> list[tuple[str, str, str]]:
    return [(loss.kind.value, loss.contract, loss.evidence.name) for _, loss in judged.losses]


def test_what_nobody_breaks_is_together() -> None:
    judged = judge(OFF, ON, OFF, ON)
    assert (told(judged), judged.together, judged.unknown, judged.kept) == ([], True, (), 3)


def test_a_promise_that_one_side_brings_and_keeps_is_broken_by_the_merge() -> None:
    for seen in ((OFF, ON, OFF, SILENT), (OFF, OFF, ON, SILENT), (ON, ON, ON, SILENT)):
        judged = judge(*seen)
        assert (told(judged), judged.together) == ([("promise", "feature", "feature.works")], False)


def test_a_promise_that_neither_side_makes_is_broken_by_the_merge() -> None:
    absent = OFF.without("feature.works", "feature.lasts")
    assert told(judge(absent, absent, absent, SILENT)) == [("promise", "feature", "feature.works")]
    kept = judge(absent, absent, absent, ON)
    assert (told(kept), kept.together) == ([], True)


def test_a_promise_that_a_side_breaks_by_itself_is_no_loss_of_the_two() -> None:
    for seen in ((OFF, SILENT, OFF, SILENT), (OFF, OFF, SILENT, SILENT), (ON, SILENT, ON, SILENT)):
        assert told(judge(*seen)) == [], seen


def test_a_promise_that_is_skipped_is_broken_where_a_side_shows_that_it_can_be_had() -> None:
    assert told(judge(OFF, ON, OFF, ON.but(feature__works=SKIP))) == [("promise", "feature", "feature.works")]


def test_a_promise_that_a_side_could_not_be_asked_is_not_known() -> None:
    unasked = ON.but(feature__works=SKIP)
    judged = judge(OFF, unasked, OFF, SILENT)
    assert (told(judged), judged.together, judged.unknown) == ([], None, ("feature.works: not seen in all of them",))


def test_a_promise_of_which_base_has_not_even_the_name_is_known_by_its_checks() -> None:
    nameless = replace(OFF, caps={})
    assert told(judge(nameless, ON, nameless, SILENT)) == [("promise", "feature", "feature.works")]
    assert told(judge(nameless, ON, nameless, ON)) == []


def test_what_one_topic_fails_is_its_own_though_base_skips_it_and_the_other_passes_it() -> None:
    judged = judge(PLAIN.but(probe__a=SKIP), PLAIN.but(probe__a=FAIL), PLAIN, PLAIN.but(probe__a=FAIL))
    assert told(judged) == []
    assert told(judge(PLAIN.but(probe__a=FAIL), PLAIN.but(probe__a=FAIL), PLAIN, PLAIN.but(probe__a=FAIL))) == [
        ("check", "", "probe.a")
    ]


def test_a_feature_that_the_merge_takes_away_is_a_loss_though_it_is_silent_on_nothing() -> None:
    assert told(judge(OFF, ON, OFF, OFF)) == [("check", "", "feature.works"), ("check", "", "feature.lasts")]


def test_what_is_only_asked_of_a_kernel_that_does_not_advertise_is_not_lost_where_it_does() -> None:
    brought = {"new.refuses": SKIP}
    without = Seen(OFF.caps, {**OFF.checks, "new.refuses": PASS})
    merged = replace(ON, checks={**ON.checks, **brought}, details={"new.refuses": f"{CAP} is advertised"})
    assert told(judge(OFF, ON, without, merged)) == []
    other = replace(merged, details={"new.refuses": "no memory"})
    assert told(judge(OFF, ON, without, other)) == [("check", "", "new.refuses")]
    refuses = msgspec.structs.replace(FEATURE, otherwise=("new.refuses",))
    assert told(judge(OFF, ON, without, merged.but(new__refuses=FAIL), contract=refuses)) == []


@pytest.mark.parametrize("has_it", ["first", "second"])
def test_a_check_that_only_one_side_has_is_lost_where_the_merge_fails_it(has_it: str) -> None:
    brought = Seen({}, {"probe.a": PASS, "probe.new": PASS})
    sides = (brought, PLAIN) if has_it == "first" else (PLAIN, brought)
    for status, lost in ((FAIL, True), (MISSING, True), (SKIP, True), (PASS, False), (XFAIL, False)):
        judged = judge(PLAIN, *sides, brought.but(probe__new=status))
        assert told(judged) == ([("check", "", "probe.new")] if lost else []), status


@pytest.mark.parametrize("passed", list(product((True, False), repeat=4)))
def test_a_check_is_lost_exactly_where_a_merge_of_lines_says_that_it_passes(passed: tuple[bool, ...]) -> None:
    judged = judge(*(PLAIN.but(probe__a=PASS if one else FAIL) for one in passed))
    base, first, second, both = passed
    ours = {one for one in (first, second) if one is not base}  # who changes it has it
    expected = ours.pop() if ours else base
    assert bool(judged.losses) is (expected and not both)
    assert judged.kept == int(expected and both)
    assert judged.together is (None if not expected else both)


def test_an_answer_is_merged_as_git_merges_the_line_that_says_it(tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    for base, first, second in product((True, False), repeat=3):
        for name, value in (("base", base), ("first", first), ("second", second)):
            repository.git("checkout", "--quiet", "-B", name, *(() if name == "base" else ("base",)))
            repository.commit(name, {"x": f"{value}\n"})
        repository.git("merge", "--quiet", "--no-edit", "first")
        assert (tmp_path / "x").read_text() == f"{merges.merged(base, first, second)}\n"


STATUSES = st.sampled_from((PASS, FAIL, SKIP, XFAIL, MISSING))
NAMES = ("flag.refused", "feature.works", "feature.lasts", "other.works")
OUTCOMES = st.sampled_from((*[Outcome.OK] * 6, *Outcome))
ANY = st.builds(
    Seen,
    caps=st.dictionaries(st.just(CAP), st.integers(0, 1)),
    checks=st.dictionaries(st.sampled_from(NAMES), STATUSES),
    outcome=OUTCOMES,
    flaky=st.lists(st.sampled_from(NAMES), max_size=1).map(tuple),
)


@given(ANY, ANY, ANY, ANY)
def test_whatever_was_seen_nothing_is_lost_that_was_not_had_and_the_sides_are_alike(
    base: Seen, first: Seen, second: Seen, both: Seen
) -> None:
    judged, other = judge(base, first, second, both), judge(base, second, first, both)
    assert (sorted(told(judged)), judged.together) == (sorted(told(other)), other.together)
    for thing, loss in judged.losses:
        if loss.kind is Kind.CHECK:
            had = [side.checks.get(thing.name) in (PASS, XFAIL) for side in (first, second)]
            assert any(had) and both.checks.get(thing.name) not in (PASS, XFAIL)
            assert thing.name not in (*base.flaky, *first.flaky, *second.flaky, *both.flaky)
    if judged.together:
        assert {one.outcome for one in (base, first, second, both)} == {Outcome.OK}
        kept = [name for name in NAMES if first.checks.get(name) is second.checks.get(name) is PASS]
        excused = "flag.refused" if both.caps.get(CAP) else ""
        assert all(both.checks.get(name) in (PASS, XFAIL) for name in kept if name != excused)


@pytest.mark.parametrize("flaky", IDS)
def test_a_flaky_check_is_left_out_and_told_as_not_known(flaky: str) -> None:
    failing = PLAIN.but(probe__a=FAIL)
    changed: dict[str, Any] = {f"{flaky}__flaky": ("probe.a",)}
    judged = judge(PLAIN, PLAIN, PLAIN, failing, **changed)
    assert (told(judged), judged.together, judged.unknown) == ([], None, (f"probe.a: flaky in {flaky}",))


def test_no_answer_is_no_loss_where_the_host_may_be_why() -> None:
    slow = replace(PLAIN.but(Outcome.TIMED_OUT), checks={})
    judged = judge(PLAIN, PLAIN, PLAIN, slow, both__ending=Ending.DEADLINE)
    assert (told(judged), judged.together) == ([], None)
    assert judged.unknown == ("both: timed-out", "probe.a: not seen in all of them")


def test_a_merge_without_any_check_is_not_called_good() -> None:
    empty = Seen({}, {})
    judged = judge(empty, empty, empty, empty)
    assert (judged.together, judged.unknown) == (None, ("no check passes that the merge could lose",))


def test_a_list_of_the_surface_that_only_the_merge_leaves_empty_is_told_and_not_judged() -> None:
    lists = OFF.but(surface__procs_listed=PASS)
    judged = judge(lists, lists, lists, lists.but(surface__procs_listed=FAIL))
    assert (judged.losses, judged.together, judged.kept) == ((), True, judge(OFF, OFF, OFF, OFF).kept)
    only = Seen({}, {"surface.procs_listed": PASS})
    assert judge(only, only, only, only).together is None


# --- outcomes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("outcome", "kind"), [(Outcome.BUILD_FAILED, "build"), (Outcome.BOOT_FAILED, "boot")])
def test_a_merge_is_loud_where_both_sides_are_not(outcome: Outcome, kind: str) -> None:
    judged = judge(PLAIN, PLAIN, PLAIN, nothing(outcome))
    assert told(judged) == [(kind, "", outcome)] and judged.together is False
    assert judged.losses[0][1].kind.loud
    for sides in ((nothing(outcome), PLAIN), (PLAIN, nothing(outcome))):
        judged = judge(PLAIN, *sides, nothing(outcome))
        assert (told(judged), judged.together) == ([], None)


def test_a_side_that_boots_not_says_nothing_of_whether_the_merge_builds() -> None:
    sides = (nothing(Outcome.BOOT_FAILED), PLAIN)
    assert told(judge(PLAIN, *sides, nothing(Outcome.BUILD_FAILED))) == [("build", "", "build-failed")]
    sides = (nothing(Outcome.BUILD_FAILED), PLAIN)
    assert told(judge(PLAIN, *sides, nothing(Outcome.BOOT_FAILED))) == []


@pytest.mark.parametrize("outcome", DIED)
def test_a_kernel_that_dies_loses_its_life_and_not_each_check_behind_that(outcome: Outcome) -> None:
    seen = Seen({}, {"probe.a": PASS, "probe.b": PASS})
    dead = replace(seen, checks={"probe.a": FAIL}, outcome=outcome)
    assert told(judge(seen, seen, seen, dead)) == [("death", "", outcome), ("check", "", "probe.a")]
    assert told(judge(seen, dead, seen, dead)) == []
    assert told(judge(seen, seen, seen, dead, both__ending=Ending.DEADLINE)) == [("check", "", "probe.a")]


def test_the_complaint_of_which_a_kernel_dies_is_told_once() -> None:
    dead = replace(PLAIN, outcome=Outcome.CRASHED, complaints=(WARNING,))
    judged = judge(PLAIN, PLAIN, PLAIN, dead, both__detail=WARNING.said)
    assert told(judged) == [("death", "", "crashed")]
    assert told(judge(PLAIN, PLAIN, PLAIN, dead)) == [("death", "", "crashed"), ("complaint", "", "")]


def test_a_side_that_was_too_slow_may_have_died_too() -> None:
    slow = PLAIN.but(Outcome.TIMED_OUT)
    dead = PLAIN.but(Outcome.CRASHED)
    judged = judge(PLAIN, slow, PLAIN, dead, first__ending=Ending.DEADLINE)
    assert (told(judged), judged.together) == ([], None)


@pytest.mark.parametrize("outcome", [Outcome.NOT_TRIED, Outcome.INFRA_ERROR])
@pytest.mark.parametrize("state", IDS[1:])
def test_what_is_unknown_stays_so(outcome: Outcome, state: str) -> None:
    seen = {name: nothing(outcome) if name == state else PLAIN for name in IDS}
    judged = judge(*seen.values())
    assert (told(judged), judged.together, judged.unknown) == ([], None, (f"{state}: {outcome}",))


def test_kernels_that_nobody_booted_tell_of_their_builds_alone() -> None:
    built = nothing(Outcome.NOT_BOOTED)
    judged = judge(built, built, built, built)
    assert (told(judged), judged.together, judged.unknown) == ([], None, ("no kernel was booted",))
    assert told(judge(built, built, built, nothing(Outcome.BUILD_FAILED))) == [("build", "", "build-failed")]
    assert told(judge(built, built, built, built, both__warnings=("x.c: odd",))) == [("warning", "", "")]


# --- complaints and warnings --------------------------------------------------------------------


def test_a_complaint_is_lost_peace_where_neither_side_complains() -> None:
    loud = replace(PLAIN, complaints=(WARNING,))
    assert told(judge(PLAIN, PLAIN, PLAIN, loud)) == [("complaint", "", "")]
    assert told(judge(PLAIN, loud, PLAIN, loud)) == []
    assert told(judge(loud, loud, loud, loud)) == []
    assert told(judge(loud, PLAIN, loud, loud)) == [("complaint", "", "")]  # the first mends it
    other = replace(PLAIN, complaints=(msgspec.structs.replace(WARNING, function="g"),))
    assert told(judge(PLAIN, other, PLAIN, loud)) == [("complaint", "", "")]


def test_a_complaint_of_some_boots_is_not_known() -> None:
    unsure = replace(PLAIN, complaints=(msgspec.structs.replace(WARNING, boots=1, of=2),))
    judged = judge(PLAIN, PLAIN, PLAIN, unsure)
    assert (told(judged), judged.together) == ([], None)
    loud = replace(PLAIN, complaints=(WARNING,))
    assert told(judge(PLAIN, unsure, PLAIN, loud)) == []


def test_a_merge_that_comes_to_its_end_in_some_boots_alone_is_not_known_to_be_fine() -> None:
    some: dict[str, Any] = {"both__boots": 2, "both__ended": 1}
    judged = judge(PLAIN, PLAIN, PLAIN, PLAIN, **some)
    assert (told(judged), judged.together) == ([], None)
    assert judged.unknown == ("both: the end of the boot is flaky",)


def test_a_promise_that_base_keeps_at_times_is_not_known() -> None:
    base = replace(ON, flaky=("feature.works",))
    assert judge(base, ON, ON, SILENT).together is None


def test_what_a_lost_check_tells_is_not_told_twice() -> None:
    during = msgspec.structs.replace(WARNING, check="probe.a")
    assert told(judge(PLAIN, PLAIN, PLAIN, replace(PLAIN.but(probe__a=FAIL), complaints=(during,)))) == [
        ("check", "", "probe.a")
    ]


def warned(**warnings: tuple[str, ...]) -> list[str]:
    changed: dict[str, Any] = {f"{name}__warnings": texts for name, texts in warnings.items()}
    judged = judge(PLAIN, PLAIN, PLAIN, PLAIN, **changed)
    assert all(loss.kind is Kind.WARNING for _, loss in judged.losses)
    return [loss.evidence.file for _, loss in judged.losses]


def test_a_warning_is_new_where_it_comes_more_often_than_both_sides_bring_it() -> None:
    odd = "y.c: odd"
    assert warned(both=(odd,)) == ["y.c"]
    assert warned(first=(odd,), both=(odd,)) == warned(base=(odd,), first=(odd,), second=(odd,), both=(odd,)) == []
    assert warned(first=(odd,), second=(odd,), both=(odd, odd)) == []
    assert warned(first=(odd,), second=(odd,), both=(odd, odd, odd)) == ["y.c"]
    assert warned(base=(odd,), second=(odd,), both=(odd,)) == ["y.c"]  # the first mends it


def test_a_warning_is_not_known_to_be_new_where_a_side_was_not_built() -> None:
    assert told(judge(PLAIN, nothing(Outcome.BUILD_FAILED), PLAIN, PLAIN, both__warnings=("y.c: odd",))) == []


def test_a_warning_of_an_object_that_only_the_merge_has_is_not_known_to_be_new() -> None:
    changed: dict[str, Any] = {"both__warnings": ("y.c: odd",), "both__linked": "others"}
    judged = judge(PLAIN, PLAIN, PLAIN, PLAIN, **changed)
    assert (told(judged), judged.together) == ([], None)
    judged = judge(PLAIN, PLAIN, PLAIN, PLAIN, **{**changed, "both__warnings": ("x.c: odd",)})
    assert told(judged) == [("warning", "", "")], "a file that the topics change"
