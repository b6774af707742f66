# SPDX-License-Identifier: GPL-2.0-only
"""The rules of judgement, each on a series of three patches.

Patch 1 brings behaviour, patch 2 advertises it, patch 3 has nothing to do with either. Left alone, the
series is sound: taken out, patch 1 or 2 takes the promise along. Each test says in what a state differs.
Every changelog names the other patches, but where a test is about that.
"""

from collections.abc import Mapping
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kseries.judge import contract_verdict, grounds, judge, losses, with_proof
from kseries.model import (
    Advice,
    Complaint,
    Contract,
    ContractVerdict,
    Ending,
    Exercise,
    Finding,
    FindingKind,
    Gravity,
    Outcome,
    PatchResult,
    Squash,
    Status,
    Verdict,
)
from tests.support.judged import (
    CAP,
    DIED,
    FAIL,
    FEATURE,
    LOUD,
    MISSING,
    OFF,
    ON,
    PASS,
    SILENT,
    SKIP,
    SOUND,
    XFAIL,
    Judged,
    Seen,
    nothing,
    plan_of,
    result_of,
    run,
)
from tests.support.told import lines, of_lines


def kept(advertised: bool | None, holds: bool | None, *failed: str, untested: tuple[str, ...] = ()) -> ContractVerdict:
    return ContractVerdict(
        id="feature", capability=CAP, advertised=advertised, holds=holds, failed=failed, untested=untested
    )


def everywhere(change: Mapping[str, int]) -> dict[str, Seen]:
    """The sound series with other capabilities besides its own."""
    return {name: replace(seen, caps={**seen.caps, **change}) for name, seen in SOUND.items()}


# --- a sound series -----------------------------------------------------------------------------


def test_a_sound_series_has_no_findings_and_two_good_answers() -> None:
    judged = run()
    assert judged.findings == ()
    assert judged.answers == (True, True)


def test_every_booted_state_is_told_what_it_promises_and_keeps() -> None:
    states = run({"without-1": SILENT, "without-2": nothing(Outcome.CONFLICT)}).states
    assert states["base"].contracts == (kept(False, True),)
    assert states["prefix-2"].contracts == (kept(True, True),)
    assert states["without-1"].contracts == (kept(True, False, "feature.works"),)
    assert states["without-2"].contracts == ()


def test_the_states_come_back_in_the_order_of_the_plan() -> None:
    assert list(run().states) == list(SOUND)


# --- silent-break -------------------------------------------------------------------------------


def test_a_revert_that_leaves_the_promise_and_takes_the_behaviour_is_a_silent_break() -> None:
    judged = run({"without-1": SILENT})
    (finding,) = judged.findings
    assert finding == Finding(
        kind=FindingKind.SILENT_BREAK,
        state="without-1",
        patch=1,
        partner=2,
        contract="feature",
        evidence=of_lines(FindingKind.SILENT_BREAK, "feature.works: fail"),
        advice=Advice(squash=(1, 2), verified=None),
    )
    assert judged.answers == (True, False)


def test_the_evidence_is_every_check_with_the_first_line_of_what_it_said() -> None:
    seen = replace(SILENT.but(feature__lasts=MISSING), details={"feature.works": "expected 39\ngot 0"})
    (finding,) = run({"without-1": seen}).findings
    assert lines(finding.evidence) == ("feature.works: fail: expected 39", "feature.lasts: missing")


def test_the_partner_is_the_first_patch_whose_prefix_advertises() -> None:
    assert run({"without-3": SILENT}).essence == [("silent-break", "without-3", 3, 2, "feature")]
    judged = run({"prefix-1": ON, "without-2": ON, "without-3": SILENT})
    assert judged.essence == [("silent-break", "without-3", 3, 1, "feature")]
    assert judged.findings[0].advice == Advice(squash=(1, 3))


def test_there_is_no_partner_and_no_squash_where_base_advertises_already() -> None:
    on_everywhere = dict.fromkeys(SOUND, ON)
    (finding,) = run({**on_everywhere, "without-3": SILENT}).findings
    assert (finding.kind, finding.patch, finding.partner, finding.advice) == (FindingKind.SILENT_BREAK, 3, None, None)


def test_the_patch_that_advertises_is_not_its_own_partner() -> None:
    (finding,) = run({"without-2": SILENT}).findings
    assert (finding.patch, finding.partner, finding.advice) == (2, None, None)


PAIR = "without-1+3"


def test_there_is_no_partner_where_the_prefix_before_it_is_not_known_not_to_advertise() -> None:
    """The first prefix that is known to advertise may be one of documentation, and the promise be an earlier one's."""
    for before in (nothing(Outcome.BUILD_FAILED), nothing(Outcome.INFRA_ERROR), replace(OFF, caps={})):
        finding = next(one for one in run({"without-3": SILENT, "prefix-1": before}).findings if one.contract)
        assert (finding.state, finding.partner, finding.advice) == ("without-3", None, None)
    (finding,) = run({"without-1": SILENT}, leave_out=("prefix-1", "prefix-2")).findings
    assert (finding.partner, finding.advice) == (None, None)


def test_two_reverts_that_break_together_what_neither_breaks_alone_are_a_silent_break_of_no_single_patch() -> None:
    judged = run({PAIR: SILENT})
    (finding,) = judged.findings
    assert finding == Finding(
        kind=FindingKind.SILENT_BREAK,
        state=PAIR,
        patch=None,
        partner=2,
        contract="feature",
        evidence=of_lines(FindingKind.SILENT_BREAK, "feature.works: fail"),
    )
    assert judged.answers == (True, False)


@pytest.mark.parametrize("single", ["without-1", "without-3"])
def test_what_one_revert_breaks_is_not_told_again_of_two(single: str) -> None:
    assert [one.state for one in run({single: SILENT, PAIR: SILENT}).findings] == [single]
    (_, finding) = run({single: SILENT, PAIR: SILENT.but(feature__lasts=FAIL)}).findings
    assert (finding.state, lines(finding.evidence)) == (PAIR, ("feature.lasts: fail",))


def test_a_single_revert_that_is_loud_or_was_not_tried_hides_nothing() -> None:
    judged = run({"without-1": nothing(Outcome.CONFLICT), PAIR: SILENT}, leave_out=("without-3",))
    assert [(one.state, one.patch) for one in judged.findings] == [(PAIR, None)]


def test_the_partner_of_two_reverts_is_neither_of_them() -> None:
    (finding,) = run({"without-1+2": SILENT}).findings
    assert (finding.patch, finding.partner, finding.advice) == (None, None, None)


def test_a_pair_of_which_a_verdict_needs_more_leaves_open_whether_reverts_are_safe() -> None:
    assert run({PAIR: replace(OFF, caps={})}).answers == (True, None)


def test_a_pair_that_is_loud_or_sound_is_no_finding() -> None:
    assert run({PAIR: OFF}).findings == run({PAIR: nothing(Outcome.CONFLICT)}).findings == ()
    assert run({PAIR: nothing(Outcome.CONFLICT)}).answers == (True, True)


def test_a_revert_that_withdraws_the_promise_and_still_accepts_the_flag_is_a_silent_break() -> None:
    judged = run({"without-2": OFF.but(flag__refused=FAIL)})
    assert [(one.kind, one.state, one.contract) for one in judged.findings] == [
        (FindingKind.SILENT_BREAK, "without-2", "feature")
    ]
    assert judged.states["without-2"].contracts == (kept(False, False, "flag.refused"),)
    assert judged.answers == (True, False)


@pytest.mark.parametrize("outcome", LOUD)
def test_a_loud_revert_is_no_hazard_and_is_known(outcome: Outcome) -> None:
    judged = run({"without-1": nothing(outcome)})
    assert judged.findings == ()
    assert judged.answers == (True, True)


@pytest.mark.parametrize("outcome", DIED)
def test_a_crash_or_hang_in_a_contracts_check_violates_it_where_it_is_advertised(outcome: Outcome) -> None:
    judged = run({"without-1": ON.but(outcome, feature__works=PASS, feature__lasts=MISSING, other__works=MISSING)})
    assert judged.essence == [("silent-break", "without-1", 1, 2, "feature")]
    assert lines(judged.findings[0].evidence) == ("feature.lasts: missing", f"{outcome}: so it ended")
    assert judged.answers == (True, False)


@pytest.mark.parametrize("status", [FAIL, MISSING, SKIP])
def test_failed_lost_or_skipped_where_the_tip_passed_it_is_a_violation(status: Status) -> None:
    judged = run({"without-1": ON.but(feature__works=status)})
    assert judged.essence == [("silent-break", "without-1", 1, 2, "feature")]


def test_a_check_that_was_not_even_announced_is_a_violation() -> None:
    judged = run({"without-1": ON.without("feature.works", "feature.lasts")})
    assert judged.essence == [("silent-break", "without-1", 1, 2, "feature")]
    assert lines(judged.findings[0].evidence) == ("feature.works: missing", "feature.lasts: missing")


def test_a_skip_where_nothing_is_advertised_is_none() -> None:
    judged = run({"without-1": OFF.but(flag__refused=SKIP)})
    assert judged.findings == ()
    assert judged.answers == (True, True)


def test_an_expected_failure_is_as_good_as_a_pass() -> None:
    judged = run({"prefix-3": ON.but(feature__works=XFAIL), "without-3": ON.but(feature__works=XFAIL)})
    assert judged.findings == ()
    assert judged.answers == (True, True)


def test_what_the_tip_violates_too_is_the_tips_finding_and_not_the_reverts() -> None:
    judged = run({"prefix-3": SILENT, "without-3": SILENT})
    assert judged.essence == [("broken-contract", "prefix-3", None, None, "feature")]


def test_each_contract_has_a_finding_of_its_own() -> None:
    other = Contract(id="other", title="", when="KVM_CAP_OTHER", checks=("other.works",))
    states = everywhere({"KVM_CAP_OTHER": 1})
    states["without-1"] = SILENT.but(other__works=FAIL).with_cap("KVM_CAP_OTHER", 1)
    judged = run(states, contracts=(FEATURE, other))
    assert judged.essence == [
        ("silent-break", "without-1", 1, 2, "feature"),
        ("silent-break", "without-1", 1, None, "other"),
    ]


# --- bisect-hole --------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [Outcome.BUILD_FAILED, Outcome.BOOT_FAILED])
def test_a_prefix_that_does_not_build_or_boot_is_a_hole(outcome: Outcome) -> None:
    judged = run({"prefix-1": nothing(outcome)})
    (finding,) = judged.findings
    assert finding == Finding(
        kind=FindingKind.BISECT_HOLE,
        state="prefix-1",
        patch=1,
        partner=None,
        contract=None,
        evidence=of_lines(FindingKind.BISECT_HOLE, f"{outcome}: so it ended"),
    )
    assert judged.answers == (False, True)


def test_a_prefix_that_breaks_a_contract_is_a_hole() -> None:
    judged = run({"prefix-2": SILENT})
    assert judged.essence == [("bisect-hole", "prefix-2", 2, None, "feature")]
    assert lines(judged.findings[0].evidence) == ("feature.works: fail",)
    assert judged.answers == (False, True)


def test_a_prefix_that_accepts_what_it_does_not_advertise_is_a_hole() -> None:
    judged = run({"prefix-1": OFF.but(flag__refused=FAIL)})
    assert judged.essence == [("bisect-hole", "prefix-1", 1, None, "feature")]


@pytest.mark.parametrize("status", [FAIL, SKIP, MISSING])
def test_a_prefix_that_loses_a_check_which_base_passed_is_a_hole(status: Status) -> None:
    judged = run({"prefix-1": OFF.but(other__works=status)})
    assert judged.essence == [("bisect-hole", "prefix-1", 1, None, None)]
    assert lines(judged.findings[0].evidence) == (f"other.works: {status}",)
    assert judged.answers == (False, True)


def test_a_prefix_in_which_a_check_of_base_is_not_there_at_all_is_a_hole() -> None:
    judged = run({"prefix-1": OFF.without("other.works")})
    assert judged.essence == [("bisect-hole", "prefix-1", 1, None, None)]


@pytest.mark.parametrize("outcome", DIED)
def test_a_prefix_that_dies_in_a_check_is_a_hole(outcome: Outcome) -> None:
    judged = run({"prefix-1": OFF.but(outcome, other__works=MISSING)})
    assert judged.essence == [("bisect-hole", "prefix-1", 1, None, None)]
    assert lines(judged.findings[0].evidence) == ("other.works: missing", f"{outcome}: so it ended")


def test_a_prefix_that_dies_before_it_tells_what_it_advertises_is_a_hole() -> None:
    judged = run({"prefix-1": Seen({}, {"flag.refused": MISSING}, Outcome.CRASHED)})
    assert {one.kind for one in judged.findings} == {FindingKind.BISECT_HOLE}
    assert judged.answers[0] is False


def test_a_violation_that_base_has_too_is_no_hole() -> None:
    broken = ON.but(feature__works=FAIL)
    judged = run({**dict.fromkeys(SOUND, ON), "base": broken, "prefix-1": broken})
    assert judged.findings == ()
    assert judged.answers[0] is True


def test_a_second_violation_besides_that_of_base_is_a_hole() -> None:
    broken = ON.but(feature__works=FAIL)
    judged = run({**dict.fromkeys(SOUND, ON), "base": broken, "prefix-1": broken.but(feature__lasts=FAIL)})
    assert judged.essence == [("bisect-hole", "prefix-1", 1, None, "feature")]
    assert lines(judged.findings[0].evidence) == ("feature.lasts: fail",)


def test_a_lost_check_that_a_contract_tells_of_is_told_once() -> None:
    states = dict.fromkeys(SOUND, ON)
    judged = run({**states, "prefix-1": SILENT})
    assert judged.essence == [("bisect-hole", "prefix-1", 1, None, "feature")]


def test_the_refusal_that_an_advertising_prefix_skips_is_not_lost() -> None:
    assert SOUND["base"].checks["flag.refused"] is PASS
    assert SOUND["prefix-2"].checks["flag.refused"] is SKIP
    assert run().findings == ()


# --- the tip ------------------------------------------------------------------------------------


def test_a_tip_that_breaks_a_contract_is_a_broken_contract() -> None:
    judged = run({"prefix-3": SILENT})
    assert judged.essence == [("broken-contract", "prefix-3", None, None, "feature")]
    assert lines(judged.findings[0].evidence) == ("feature.works: fail",)


def test_a_tip_that_accepts_what_it_does_not_advertise_is_a_broken_contract() -> None:
    judged = run({"prefix-3": OFF.but(flag__refused=FAIL)})
    assert ("broken-contract", "prefix-3", None, None, "feature") in judged.essence


def test_what_base_violates_too_is_no_broken_contract() -> None:
    judged = run(dict.fromkeys(SOUND, SILENT))
    assert judged.findings == ()


def test_a_tip_violation_besides_that_of_base_is_a_broken_contract_of_its_own_check() -> None:
    judged = run({**dict.fromkeys(SOUND, SILENT), "prefix-3": SILENT.but(feature__lasts=FAIL)})
    assert judged.essence == [("broken-contract", "prefix-3", None, None, "feature")]
    assert lines(judged.findings[0].evidence) == ("feature.lasts: fail",)


@pytest.mark.parametrize("status", [FAIL, SKIP, MISSING])
def test_a_tip_that_loses_a_check_which_base_passed_is_a_regression(status: Status) -> None:
    judged = run({"prefix-3": ON.but(other__works=status)})
    assert judged.essence == [("regression", "prefix-3", None, None, None)]
    assert lines(judged.findings[0].evidence) == (f"other.works: {status}",)


def test_the_refusal_that_an_advertising_tip_skips_is_no_regression() -> None:
    judged = run({"base": OFF, "prefix-3": ON})
    assert judged.findings == ()


def test_a_refusal_that_a_tip_skips_without_advertising_is_a_regression() -> None:
    judged = run({"prefix-2": OFF, "prefix-3": OFF.but(flag__refused=SKIP)})
    assert ("regression", "prefix-3", None, None, None) in judged.essence


@pytest.mark.parametrize("outcome", [Outcome.BUILD_FAILED, Outcome.BOOT_FAILED])
def test_a_tip_that_does_not_build_or_boot_is_a_hole(outcome: Outcome) -> None:
    judged = run({"prefix-3": nothing(outcome)})
    assert judged.essence == [("bisect-hole", "prefix-3", 3, None, None)]
    assert judged.answers == (False, None)


# --- the verdict --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "answers"),
    [
        ("base", (None, None)),
        ("prefix-1", (None, True)),
        ("prefix-2", (None, True)),
        ("prefix-3", (None, None)),
        ("without-1", (True, None)),
        ("without-3", (True, None)),
    ],
)
def test_a_fault_of_ours_leaves_open_what_needs_that_state_and_nothing_else(
    state: str, answers: tuple[bool | None, bool | None]
) -> None:
    judged = run({state: nothing(Outcome.INFRA_ERROR)})
    assert judged.findings == ()
    assert judged.answers == answers


def test_what_was_found_stays_found_whatever_else_is_open() -> None:
    judged = run(
        {"without-1": SILENT, "without-3": nothing(Outcome.INFRA_ERROR), "prefix-1": nothing(Outcome.BUILD_FAILED)}
    )
    assert judged.answers == (False, False)


def test_nothing_is_judged_where_the_tip_advertises_nothing() -> None:
    judged = run(dict.fromkeys(SOUND, OFF))
    assert judged.findings == ()
    assert judged.answers == (None, None)


def test_nothing_is_judged_without_contracts() -> None:
    states = {name: seen.without("flag.refused") for name, seen in SOUND.items()}
    judged = run(states, contracts=())
    assert judged.findings == ()
    assert judged.answers == (None, None)


def test_nothing_is_judged_where_the_tip_skipped_what_it_promises() -> None:
    skipping = ON.but(feature__works=SKIP)
    judged = run({name: skipping for name, seen in SOUND.items() if seen is ON})
    assert judged.findings == ()
    assert judged.states["prefix-3"].contracts == (kept(True, None, untested=("feature.works",)),)
    assert judged.answers == (None, None)


@pytest.mark.parametrize("state", SOUND)
def test_a_state_that_does_not_tell_what_it_advertises_is_not_good(state: str) -> None:
    judged = run({state: replace(SOUND[state], caps={})})
    assert judged.states[state].contracts == (kept(None, None),)
    needed_by = {"base": (0, 1), "prefix-3": (0, 1)}.get(state, (0,) if state.startswith("prefix") else (1,))
    assert all(judged.answers[one] is not True for one in needed_by)


def test_an_answer_is_open_where_its_states_were_not_asked_for() -> None:
    assert run(leave_out=("without-1", "without-2", "without-3")).answers == (True, None)
    assert run(leave_out=("prefix-1", "prefix-2")).answers == (None, True)
    assert run(leave_out=("without-2",)).answers == (True, None)


def test_a_series_of_one_patch_is_judged_like_any_other() -> None:
    seen = {"base": OFF, "prefix-1": ON, "without-1": OFF}
    plan = plan_of(tuple(seen), patches=(1,))
    results = {one.id: result_of(one, seen[one.id]) for one in plan.states}
    assert judge(plan, results, (FEATURE,))[1:] == ((), Verdict(bisectable=True, revert_safe=True))


# --- one contract and one state -----------------------------------------------------------------


def verdict_of(seen: Seen, contract: Contract = FEATURE, tip: Seen = ON) -> ContractVerdict:
    state = plan_of(("base",)).states[0]
    return contract_verdict(contract, result_of(state, seen), {one.id: one for one in result_of(state, tip).checks})


def test_a_contract_without_checks_never_holds() -> None:
    empty = msgspec.structs.replace(FEATURE, checks=(), otherwise=())
    assert verdict_of(ON, empty).holds is None
    assert verdict_of(OFF, empty).holds is None


def test_a_state_without_checks_never_holds() -> None:
    assert verdict_of(replace(ON, checks={})).holds is False
    assert verdict_of(replace(OFF, checks={})).holds is False
    assert verdict_of(nothing(Outcome.CRASHED)) == kept(None, None)


@pytest.mark.parametrize("value", [1, 2, -1])
def test_any_answer_but_zero_advertises(value: int) -> None:
    assert verdict_of(ON.with_cap(CAP, value)).advertised is True


def test_a_skip_is_a_violation_where_the_tip_passed_and_unknown_where_it_did_not() -> None:
    skipping = ON.but(feature__works=SKIP)
    assert verdict_of(skipping).failed == ("feature.works",)
    assert verdict_of(skipping, tip=ON.but(feature__works=XFAIL)).failed == ("feature.works",)
    for tip in (skipping, ON.but(feature__works=FAIL), ON.but(feature__works=MISSING), ON.without("feature.works")):
        assert verdict_of(skipping, tip=tip) == kept(True, None, untested=("feature.works",))


def test_a_skip_is_unknown_where_nothing_is_advertised_even_if_the_tip_passed() -> None:
    assert verdict_of(OFF.but(flag__refused=SKIP), tip=OFF) == kept(False, None)


def test_a_violation_outweighs_what_is_unknown() -> None:
    seen = ON.but(feature__works=SKIP, feature__lasts=FAIL)
    assert verdict_of(seen, tip=seen) == kept(True, False, "feature.lasts", untested=("feature.works",))


# --- dependencies that nobody wrote down ---------------------------------------------------------


def test_a_silent_break_whose_partner_does_not_name_its_patch_is_an_undocumented_dependency_too() -> None:
    judged = run({"without-1": SILENT}, message="It needs something.")
    assert judged.essence == [
        ("silent-break", "without-1", 1, 2, "feature"),
        ("undocumented-dependency", "without-1", 2, 1, "feature"),
    ]
    assert judged.answers == (True, False)


def test_a_patch_with_which_alone_the_kernel_complains_has_an_undocumented_dependency() -> None:
    oops = Complaint(gravity=Gravity.OOPS, kind="BUG: x", said="BUG: x", function="f")
    rare = Complaint(gravity=Gravity.REPORT, kind="WARNING", said="WARNING", function="g", boots=1, of=2)
    alone = replace(OFF, complaints=(oops, rare))
    judged = run({"only-3": alone})
    assert judged.essence == [("undocumented-dependency", "only-3", 3, None, None)]
    assert lines(judged.findings[0].evidence) == ("outside of any check: BUG: x (in f)",)
    assert judged.answers == (True, True)
    assert run({"only-3": alone}, message='Depends-on: ("x")').findings == ()
    assert run({"base": replace(OFF, complaints=(oops,)), "only-3": alone}).findings == ()
    of_tip = run({"prefix-3": replace(ON, complaints=(oops,)), "only-3": alone})
    assert [one.kind for one in of_tip.findings] == [FindingKind.KERNEL_COMPLAINT]


def test_a_skip_is_excused_by_a_capability_that_base_says_it_lacks_in_its_reason_alone() -> None:
    skips = replace(ON.but(other__works=SKIP), details={"other.works": f"with {CAP} no flag is refused\nX"})
    state = result_of(plan_of(("base", "prefix-1")).states[1], skips.with_cap("X", 1))

    def lost(base: Seen) -> bool:
        return "other.works" in losses.lost(result_of(plan_of(("base",)).states[0], base), state)

    assert not lost(OFF)
    assert lost(ON)  # whose only new one is X
    assert lost(ON.with_cap("X", 0))  # which is no part of the reason
    assert lost(Seen({}, OFF.checks))  # base says nothing of it


def test_a_patch_that_alone_promises_what_only_the_series_keeps_has_an_undocumented_dependency() -> None:
    judged = run({"only-1": OFF, "only-2": SILENT, "only-3": OFF})
    assert judged.essence == [("undocumented-dependency", "only-2", 2, None, "feature")]
    assert judged.answers == (True, True)


def test_a_patch_that_alone_keeps_the_promise_or_makes_none_needs_nothing() -> None:
    judged = run({"only-1": nothing(Outcome.CONFLICT), "only-2": ON, "only-3": OFF.but(flag__refused=FAIL)})
    assert judged.findings == ()


def test_a_patch_alone_is_not_told_of_a_promise_that_base_made() -> None:
    judged = run({**dict.fromkeys(SOUND, ON), "base": SILENT, "only-3": SILENT})
    assert "only-3" not in {one.state for one in judged.findings}


# --- two boots, two answers ---------------------------------------------------------------------


def test_a_flaky_check_is_told_and_blamed_on_nobody() -> None:
    flaky = replace(SILENT, flaky=("feature.works",))
    judged = run({"without-1": flaky})
    assert judged.essence == [("flaky", "without-1", None, None, None)]
    assert "feature.works" in lines(judged.findings[0].evidence)[0]
    assert judged.answers == (True, None)


def test_a_flaky_check_is_no_hole_and_no_regression() -> None:
    judged = run({"prefix-1": replace(OFF.but(other__works=FAIL), flaky=("other.works",))})
    assert [one.kind for one in judged.findings] == [FindingKind.FLAKY]


def test_what_is_not_flaky_counts_besides_what_is() -> None:
    judged = run({"without-1": replace(SILENT.but(feature__lasts=FAIL), flaky=("feature.works",))})
    assert {one.kind for one in judged.findings} == {FindingKind.SILENT_BREAK, FindingKind.FLAKY}
    assert lines(judged.findings[0].evidence) == ("feature.lasts: fail",)
    assert judged.answers == (True, False)


@pytest.mark.parametrize("state", ["prefix-1", "prefix-3", "without-1"])
def test_a_check_of_a_contract_that_is_flaky_on_base_is_blamed_on_nobody(state: str) -> None:
    seen = {**dict.fromkeys(SOUND, ON), "base": replace(ON, flaky=("feature.works",))}
    judged = run({**seen, state: SILENT})
    assert judged.essence == [("flaky", "base", None, None, None)]
    assert judged.answers == (None, None)
    judged = run({**seen, state: SILENT.but(feature__lasts=FAIL)})
    assert [one.state for one in judged.findings if one.kind is not FindingKind.FLAKY] == [state]
    assert all(lines(one.evidence) == ("feature.lasts: fail",) for one in judged.findings if one.state == state)


def test_what_suites_that_were_too_slow_have_not_come_to_is_not_lost() -> None:
    tests = {"kunit.a.one": PASS, "kunit.boot": PASS}
    seen = {name: replace(one, checks={**one.checks, **tests}) for name, one in SOUND.items()}
    late = replace(seen["prefix-1"], checks={**OFF.checks, "kunit.a.one": MISSING, "kunit.boot": MISSING})
    assert run(seen | {"prefix-1": late}).findings == ()
    lost = replace(late, checks={**late.checks, "kunit.boot": PASS})
    assert [one.kind for one in run(seen | {"prefix-1": lost}).findings] == [FindingKind.BISECT_HOLE]


def ending(state: str, seen: Seen, boots: int, ended: int) -> Judged:
    """The sound series, one state of which came to its end in some of its boots."""
    states = {**SOUND, state: seen}
    plan = plan_of(tuple(states))
    results = {one.id: result_of(one, states[one.id]) for one in plan.states}
    results[state] = msgspec.structs.replace(results[state], boots=boots, ended=ended)
    judged_states, found, verdict = judge(plan, results, (FEATURE,))
    return Judged({one.id: one for one in judged_states}, found, verdict)


def test_a_kernel_that_dies_in_some_of_its_boots_and_says_nothing_is_told() -> None:
    judged = ending("without-1", OFF, boots=2, ended=1)
    assert [(one.kind, one.state, lines(one.evidence)) for one in judged.findings] == [
        (FindingKind.FLAKY, "without-1", ("the end of the boot: two boots, two answers",))
    ]
    assert ending("without-1", OFF, boots=2, ended=2).findings == ()


def test_what_tells_of_such_a_death_is_told_alone() -> None:
    (of_check,) = ending("prefix-1", replace(OFF, flaky=("other.works",)), boots=2, ended=1).findings
    assert lines(of_check.evidence) == ("other.works: two boots, two answers",)
    once = msgspec.structs.replace(WARNED, boots=1)
    (of_kernel,) = ending("prefix-1", replace(OFF, complaints=(once,)), boots=2, ended=1).findings
    assert lines(of_kernel.evidence) == ("outside of any check: WARNING: at x.c:1 f+0x1, in 1 of 2 boots",)


def test_what_is_told_of_nobody_does_not_hide_such_a_death() -> None:
    (told,) = ending("prefix-1", replace(OFF, flaky=("surface.procs_listed",)), boots=2, ended=1).findings
    assert lines(told.evidence) == ("the end of the boot: two boots, two answers",)


# --- what no contract speaks of ---------------------------------------------------------------------


def without_contract(judged: Judged) -> list[tuple[str, int | None, tuple[str, ...]]]:
    """The silent breaks of what always worked."""
    found = [one for one in judged.findings if one.kind is FindingKind.SILENT_BREAK and one.contract is None]
    return [(one.state, one.patch, lines(one.evidence)) for one in found]


@pytest.mark.parametrize("status", [FAIL, MISSING, SKIP])
def test_a_revert_that_breaks_what_base_and_the_tip_have_is_a_silent_break(status: Status) -> None:
    for seen in (OFF, ON):
        judged = run({"without-3": seen.but(other__works=status)})
        assert without_contract(judged) == [("without-3", 3, (f"other.works: {status}",))]
        assert judged.answers == (True, False)


def test_a_series_that_promises_nothing_has_reverts_that_break_what_base_has() -> None:
    judged = run({**dict.fromkeys(SOUND, OFF), "without-1": OFF.but(other__works=FAIL)})
    assert without_contract(judged) == [("without-1", 1, ("other.works: fail",))]
    assert judged.verdict.revert_safe is False


def test_what_the_tip_has_lost_is_not_told_again_of_each_revert() -> None:
    lost = {"prefix-3": ON.but(other__works=FAIL), "without-1": OFF.but(other__works=FAIL)}
    assert [one.kind for one in run(lost).findings] == [FindingKind.REGRESSION]


def test_what_base_never_had_is_no_loss() -> None:
    """It is what the patch brings; only a contract can say that it was promised."""
    judged = run({"base": OFF.but(other__works=SKIP), "without-1": OFF.but(other__works=FAIL)})
    assert without_contract(judged) == []


def test_what_a_contract_tells_of_is_not_told_twice() -> None:
    judged = run(
        {
            **dict.fromkeys(("base", "prefix-1"), OFF.but(feature__works=PASS)),
            "without-1": SILENT,
            "without-2": OFF.but(feature__works=FAIL),
        }
    )
    assert without_contract(judged) == [("without-2", 2, ("feature.works: fail",))]


@pytest.mark.parametrize("outcome", DIED)
def test_a_revert_that_dies_as_neither_base_nor_the_tip_does_is_a_silent_break(outcome: Outcome) -> None:
    judged = run({"without-1": OFF.but(outcome)})
    assert without_contract(judged) == [("without-1", 1, (f"{outcome}: so it ended",))]
    died = {"without-1": ON.but(outcome, feature__works=FAIL, other__works=MISSING)}
    assert without_contract(run(died)) == []  # the contract's finding has that death, and what it took along
    also = {"without-1": ON.but(outcome, feature__works=FAIL, other__works=FAIL)}
    assert without_contract(run(also)) == [("without-1", 1, ("other.works: fail",))]


def test_a_loss_that_is_flaky_anywhere_is_none() -> None:
    for state in ("base", "prefix-3", "without-3"):
        seen = {"without-3": ON.but(other__works=FAIL)}
        seen[state] = replace({**SOUND, **seen}[state], flaky=("other.works",))
        assert without_contract(run(seen)) == []


def test_two_reverts_lose_together_what_neither_loses_alone() -> None:
    lost = {PAIR: OFF.but(other__works=FAIL)}
    assert without_contract(run(lost)) == [(PAIR, None, ("other.works: fail",))]
    judged = run({**lost, "without-1": OFF.but(other__works=FAIL)})
    assert without_contract(judged) == [("without-1", 1, ("other.works: fail",))]


WARNED = Complaint(gravity=Gravity.REPORT, kind="WARNING", said="WARNING: at x.c:1 f+0x1", function="f", boots=2, of=2)
"""That of both boots."""


def complaining(judged_with: Mapping[str, tuple[Complaint, ...]], changed: Mapping[str, Seen] | None = None) -> Judged:
    """The sound series with what some of its kernels complain of."""
    seen = {**SOUND, **(changed or {})}
    plan = plan_of(tuple(seen))
    results = {one.id: result_of(one, seen[one.id]) for one in plan.states}
    for name, complaints in judged_with.items():
        results[name] = msgspec.structs.replace(results[name], complaints=complaints)
    states, findings, verdict = judge(plan, results, (FEATURE,))
    return Judged({one.id: one for one in states}, findings, verdict)


def test_a_revert_that_has_the_kernel_complain_as_neither_base_nor_the_tip_does_is_a_silent_break() -> None:
    told = ("outside of any check: WARNING: at x.c:1 f+0x1",)
    judged = complaining({"without-3": (WARNED,)})
    assert without_contract(judged) == [("without-3", 3, told)]
    assert judged.verdict.revert_safe is False
    other = msgspec.structs.replace(WARNED, function="g", said="WARNING: at x.c:1 g+0x1")
    for state in ("base", "prefix-3"):
        assert without_contract(complaining({"without-3": (WARNED,), state: (WARNED,)})) == []
        assert without_contract(complaining({"without-3": (WARNED,), state: (other,)})) == [("without-3", 3, told)]


def test_a_complaint_of_one_boot_of_two_is_no_loss_but_an_oops_is() -> None:
    once = msgspec.structs.replace(WARNED, boots=1)
    assert without_contract(complaining({"without-3": (once,)})) == []
    oops = msgspec.structs.replace(once, gravity=Gravity.OOPS)
    assert [state for state, _, _ in without_contract(complaining({"without-3": (oops,)}))] == ["without-3"]


def test_a_complaint_is_told_by_the_check_that_it_fails_and_by_the_death_that_it_is() -> None:
    during = msgspec.structs.replace(WARNED, check="other.works")
    judged = complaining({"without-3": (during,)}, {"without-3": ON.but(other__works=FAIL)})
    assert without_contract(judged) == [("without-3", 3, ("other.works: fail",))]
    of_contract = msgspec.structs.replace(WARNED, check="feature.works")
    judged = complaining({"without-3": (of_contract,)}, {"without-3": SILENT})
    assert [one.contract for one in judged.findings if one.state == "without-3"][:1] == ["feature"]
    assert without_contract(judged) == []
    death = msgspec.structs.replace(WARNED, gravity=Gravity.OOPS, said="so it ended")
    judged = complaining({"without-3": (death,)}, {"without-3": ON.but(Outcome.CRASHED)})
    assert without_contract(judged) == [("without-3", 3, ("crashed: so it ended",))]


def test_a_complaint_counts_though_it_came_during_a_check_that_nobody_asks_of_such_a_kernel() -> None:
    during = msgspec.structs.replace(WARNED, check="flag.refused")
    judged = complaining({"without-3": (during,)}, {"without-3": ON.but(flag__refused=FAIL)})
    assert without_contract(judged) == [("without-3", 3, ("flag.refused: WARNING: at x.c:1 f+0x1",))]
    assert judged.verdict.revert_safe is False


@pytest.mark.parametrize("said", [f"{CAP} is advertised", f"with {CAP}=1 there is nothing to refuse"])
def test_a_skip_because_a_new_capability_is_advertised_loses_nothing(said: str) -> None:
    """No contract says so; the check does."""
    on = replace(ON.but(other__works=SKIP), details={"other.works": said})
    judged = run({name: on for name, seen in SOUND.items() if seen is ON})
    assert judged.findings == ()
    other = {
        name: replace(on, details={"other.works": said.replace(CAP, "KVM_CAP_FEATURE2")}) for name in ("prefix-3",)
    }
    assert [one.kind for one in run(other).findings] == [FindingKind.REGRESSION]


def test_a_skip_for_a_capability_that_base_has_too_is_a_loss() -> None:
    on = replace(ON.but(other__works=SKIP), details={"other.works": f"{CAP} is advertised"})
    judged = run({**dict.fromkeys(SOUND, ON), "prefix-3": on})
    assert [one.kind for one in judged.findings] == [FindingKind.REGRESSION]


# --- advice that was tried ----------------------------------------------------------------------


def squashed(judged: Judged) -> Squash:
    states = tuple(judged.states.values())
    return Squash(id="squash-1+2", patches=(), states=states, findings=judged.findings, verdict=judged.verdict)


def proof(found: Judged, tried: Judged | None) -> bool | None:
    """Whether the squash that a finding advises is verified by a squashed series."""
    squashes = {} if tried is None else {Advice(squash=(1, 2)): squashed(tried)}
    finding = next(one for one in found.findings if one.advice is not None)
    advice = with_proof(finding, found.findings, squashes).advice
    assert advice is not None
    return advice.verified


def test_a_squash_is_verified_by_a_squashed_series_without_findings() -> None:
    assert proof(run({"without-1": SILENT}), run()) is True


def test_a_squash_that_was_not_made_is_not_verified() -> None:
    assert proof(run({"without-1": SILENT}), None) is None


def test_a_squash_that_could_not_be_judged_is_not_verified() -> None:
    assert proof(run({"without-1": SILENT}), run({"without-1": nothing(Outcome.INFRA_ERROR)})) is None


def test_a_squash_that_leaves_the_break_does_not_cure_it() -> None:
    assert proof(run({"without-1": SILENT}), run({"without-1": SILENT})) is False


def test_a_squash_that_brings_a_new_finding_does_not_cure() -> None:
    assert proof(run({"without-1": SILENT}), run({"prefix-1": nothing(Outcome.BUILD_FAILED)})) is False


def test_what_was_there_before_does_not_speak_against_a_squash() -> None:
    hole = {"prefix-1": OFF.but(other__works=FAIL)}
    assert proof(run({**hole, "without-1": SILENT}), run(hole)) is not False


def test_what_the_run_asks_for_is_what_proves_a_squash() -> None:
    """Of a run of reverts alone nobody knows whether the series is bisectable, and nobody asked."""
    found, tried = run({"without-1": SILENT}), run(leave_out=("prefix-1", "prefix-2"))
    (finding,) = found.findings
    squashes = {Advice(squash=(1, 2)): squashed(tried)}

    def verified(*asked: str) -> bool | None:
        advice = with_proof(finding, found.findings, squashes, {*asked}).advice
        return advice.verified if advice is not None else None

    assert tried.answers == (None, True)
    assert verified("reverts") is verified("reverts", "alone") is True
    assert verified("prefixes", "reverts") is verified("journey") is verified("prefixes") is None


# --- states with the same source tree -----------------------------------------------------------


def test_a_state_with_the_tree_of_another_is_judged_in_its_own_right() -> None:
    """The engine gives it its original's result under its own name: without-3 is prefix-2 here."""
    plan = plan_of(tuple(SOUND), same={"without-3": "prefix-2"})
    seen = {**SOUND, "prefix-2": SILENT, "without-3": SILENT}
    states, findings, verdict = judge(plan, {one.id: result_of(one, seen[one.id]) for one in plan.states}, (FEATURE,))
    assert [(one.kind, one.state, one.patch) for one in findings] == [
        (FindingKind.BISECT_HOLE, "prefix-2", 2),
        (FindingKind.SILENT_BREAK, "without-3", 3),
    ]
    assert {one.id: one.same_as for one in states if one.same_as} == {"without-3": "prefix-2"}
    assert verdict == Verdict(bisectable=False, revert_safe=False)


def test_a_tip_with_the_tree_of_another_is_still_the_tip() -> None:
    plan = plan_of(tuple(SOUND), same={"prefix-3": "prefix-2"})
    seen = {**SOUND, "without-1": ON.but(feature__works=SKIP)}
    findings = judge(plan, {one.id: result_of(one, seen[one.id]) for one in plan.states}, (FEATURE,))[1]
    assert [(one.kind, one.state, one.partner) for one in findings] == [(FindingKind.SILENT_BREAK, "without-1", 2)]


# --- whatever was seen --------------------------------------------------------------------------

_STATUS = st.sampled_from(Status)
_SEEN = st.builds(
    lambda caps, checks, outcome: nothing(outcome) if outcome.loud else Seen(caps, checks, outcome),
    st.dictionaries(st.just(CAP), st.sampled_from([0, 1])),
    st.dictionaries(st.sampled_from(list(ON.checks)), _STATUS),
    st.sampled_from(Outcome),
)
_CHANGED = st.dictionaries(st.sampled_from([name for name in SOUND if name != "base"]), _SEEN)
_BASE = st.sampled_from([OFF, ON, SILENT])


@given(_CHANGED, _BASE)
def test_an_answer_is_no_exactly_where_there_is_a_finding_of_its_kind(changed: dict[str, Seen], base: Seen) -> None:
    judged = run({**changed, "base": base})
    kinds = {one.kind for one in judged.findings}
    assert (judged.verdict.bisectable is False) == (FindingKind.BISECT_HOLE in kinds)
    assert (judged.verdict.revert_safe is False) == (FindingKind.SILENT_BREAK in kinds)


@given(_CHANGED, _BASE)
def test_every_finding_is_about_a_state_that_was_run_and_says_why(changed: dict[str, Seen], base: Seen) -> None:
    for finding in run({**changed, "base": base}).findings:
        outcome = {**SOUND, **changed}[finding.state].outcome
        assert finding.evidence
        assert outcome is not Outcome.INFRA_ERROR
        assert finding.state.startswith("without-") == (finding.kind is FindingKind.SILENT_BREAK)
        assert finding.partner != finding.patch or finding.patch is None
        if finding.kind is FindingKind.SILENT_BREAK:
            assert not outcome.loud
        if finding.advice is not None:
            assert finding.patch in finding.advice.squash and len(finding.advice.squash) > 1


@given(_CHANGED, _BASE, st.sampled_from([name for name in SOUND if name != "base"]))
def test_a_fault_of_ours_never_makes_a_finding(changed: dict[str, Seen], base: Seen, lost: str) -> None:
    states = {**changed, "base": base}
    before = {(one.kind, one.state) for one in run(states).findings}
    after = {(one.kind, one.state) for one in run({**states, lost: nothing(Outcome.INFRA_ERROR)}).findings}
    # Without the tip nobody knows whether a skip is a loss: there may be fewer findings, never more.
    assert after <= before


@given(_CHANGED, _BASE)
def test_an_answer_is_yes_only_where_every_state_that_it_needs_came_through(
    changed: dict[str, Seen], base: Seen
) -> None:
    states = {**SOUND, **changed, "base": base}
    judged = run(states)
    for answer, scenario in ((judged.verdict.bisectable, "prefix"), (judged.verdict.revert_safe, "without")):
        if answer:
            needed = [seen for name, seen in states.items() if name.startswith(scenario) or name == "prefix-3"]
            assert all(seen.outcome is not Outcome.INFRA_ERROR for seen in needed)
            assert states["prefix-3"].caps.get(CAP) == 1
            assert all(seen.caps for seen in needed if not seen.outcome.loud)


def test_a_tip_that_dies_after_its_last_check_is_not_good() -> None:
    judged = run({"prefix-3": replace(ON, outcome=Outcome.CRASHED)})
    assert judged.findings or judged.answers == (None, None)


def test_a_revert_that_dies_outside_of_the_contracts_checks_is_not_safe() -> None:
    judged = run({"without-1": OFF.but(Outcome.CRASHED, other__works=MISSING)})
    assert judged.answers[1] is not True


def test_a_squash_with_a_prefix_that_nobody_saw_is_not_verified() -> None:
    assert proof(run({"without-1": SILENT}), run({"prefix-1": nothing(Outcome.INFRA_ERROR)})) is None
    assert proof(run({"without-1": SILENT}), run(leave_out=("prefix-1", "prefix-2"))) is None


def test_what_base_lost_too_is_no_broken_contract() -> None:
    assert run(dict.fromkeys(SOUND, ON.but(feature__works=MISSING))).findings == ()


def test_what_base_skips_and_the_tip_passes_is_no_excuse_for_a_prefix_that_fails() -> None:
    seen = {**dict.fromkeys(SOUND, ON), "base": ON.but(feature__works=SKIP)}
    judged = run({**seen, "prefix-1": SILENT})
    assert judged.essence == [("bisect-hole", "prefix-1", 1, None, "feature")]
    assert run({**seen, "prefix-1": ON.but(feature__works=MISSING)}).essence == judged.essence
    assert run({**seen, "prefix-1": ON.but(feature__works=SKIP)}).findings == (), "as base does"


def test_a_check_that_is_flaky_on_base_is_not_lost_later() -> None:
    judged = run({"base": replace(OFF, flaky=("other.works",)), "prefix-1": OFF.but(other__works=FAIL)})
    assert {one.kind for one in judged.findings} == {FindingKind.FLAKY}


def test_a_check_that_is_flaky_on_the_tip_says_nothing_of_a_revert() -> None:
    judged = run({"prefix-3": replace(ON, flaky=("feature.works",)), "without-1": SILENT})
    assert {one.kind for one in judged.findings} == {FindingKind.FLAKY}
    assert judged.answers[1] is None


@pytest.mark.parametrize("tip", [replace(ON, caps={}), ON.but(feature__works=SKIP)])
def test_what_the_tip_is_not_known_to_honour_cannot_be_broken_silently(tip: Seen) -> None:
    judged = run({"prefix-3": tip, "without-1": SILENT})
    assert FindingKind.SILENT_BREAK not in {one.kind for one in judged.findings}


# --- kernels that die ---------------------------------------------------------------------------


def dying(outcome: Outcome, ending: Ending | None, **changed: Status) -> Judged:
    """The sound series, whose second prefix ends so."""
    seen = {**SOUND, "prefix-2": ON.but(outcome, **changed)}
    plan = plan_of(tuple(seen))
    results = {one.id: result_of(one, seen[one.id]) for one in plan.states}
    results["prefix-2"] = msgspec.structs.replace(results["prefix-2"], ending=ending)
    states, findings, verdict = judge(plan, results, (FEATURE,))
    return Judged({one.id: one for one in states}, findings, verdict)


@pytest.mark.parametrize("outcome", DIED)
def test_a_prefix_that_dies_outside_of_any_check_is_a_hole(outcome: Outcome) -> None:
    judged = dying(outcome, Ending.RESET if outcome is Outcome.CRASHED else Ending.HANG)
    (found,) = judged.findings
    assert (found.kind, found.patch, lines(found.evidence)) == (
        FindingKind.BISECT_HOLE,
        2,
        (f"{outcome}: so it ended",),
    )
    assert judged.verdict.bisectable is False


def test_a_tip_that_dies_outside_of_any_check_is_a_regression() -> None:
    (found,) = run({"prefix-3": ON.but(Outcome.CRASHED)}).findings
    assert (found.kind, lines(found.evidence)) == (FindingKind.REGRESSION, ("crashed: so it ended",))


def test_a_death_that_a_check_or_a_complaint_tells_is_not_told_again() -> None:
    assert [one.contract for one in dying(Outcome.CRASHED, Ending.RESET, feature__works=FAIL).findings] == ["feature"]
    oops = msgspec.structs.replace(WARNED, gravity=Gravity.OOPS, said="so it ended")
    found = complaining({"prefix-2": (oops,)}, {"prefix-2": ON.but(Outcome.CRASHED)}).findings
    assert [one.kind for one in found] == [FindingKind.KERNEL_COMPLAINT]


def test_what_was_only_too_slow_is_blamed_on_nobody_and_not_known() -> None:
    """The host may be why: what it did not come to is neither violated nor lost."""
    judged = dying(Outcome.TIMED_OUT, Ending.DEADLINE, feature__lasts=MISSING, other__works=MISSING)
    assert (judged.findings, judged.verdict.bisectable) == ((), None)
    assert dying(Outcome.TIMED_OUT, Ending.DEADLINE, feature__works=FAIL).verdict.bisectable is False


def test_a_tip_is_not_blamed_for_what_a_slow_base_promises_and_did_not_come_to() -> None:
    """Nor is one excused for what a base that promises nothing did not come to."""
    for base, kinds in (ON, set()), (OFF, {FindingKind.BROKEN_CONTRACT}):
        slow = base.but(Outcome.TIMED_OUT, feature__works=MISSING, feature__lasts=MISSING)
        plan = plan_of(("base", "prefix-3"))
        seen = {"base": slow, "prefix-3": SILENT}
        results = {one.id: result_of(one, seen[one.id]) for one in plan.states}
        results["base"] = msgspec.structs.replace(results["base"], ending=Ending.DEADLINE)
        _, findings, verdict = judge(plan, results, (FEATURE,))
        assert {one.kind for one in findings} == kinds
        assert (verdict.bisectable, verdict.revert_safe) == (None, None)


def test_a_complaint_of_one_boot_of_a_revert_is_told_as_flaky() -> None:
    once = msgspec.structs.replace(WARNED, boots=1)
    (found,) = complaining({"without-3": (once,)}).findings
    assert (found.kind, found.state) == (FindingKind.FLAKY, "without-3")
    assert complaining({"without-3": (once,), "prefix-3": (once,), "base": (once,)}).findings == ()


# --- contracts that go by a check -----------------------------------------------------------------

TEST = Contract(id="library", title="", when="kunit.lib.helper", checks=("kunit.lib.helper_deep",))
WITHOUT = Seen({}, {"kunit.lib.old": PASS})
"""A tree that does not have the tests."""
WITH = Seen({}, {"kunit.lib.old": PASS, "kunit.lib.helper": PASS, "kunit.lib.helper_deep": PASS})
LIBRARY = {
    "base": WITHOUT,
    "prefix-1": WITHOUT,
    "prefix-2": WITH,
    "prefix-3": WITH,
    "without-1": WITH.but(kunit__lib__helper_deep=FAIL),
    "without-2": WITHOUT,
    "without-3": WITH,
}


def test_a_state_advertises_by_a_check_that_it_passes() -> None:
    judged = run(LIBRARY, (TEST,))
    assert judged.essence == [
        ("silent-break", "without-1", 1, 2, "library"),
    ]
    assert judged.answers == (True, False)
    told = {name: state.caps["kunit.lib.helper"] for name, state in judged.states.items()}
    assert told == {name: int("kunit.lib.helper" in seen.checks) for name, seen in LIBRARY.items()}


@pytest.mark.parametrize(
    ("status", "advertised"), [(PASS, True), (XFAIL, True), (FAIL, False), (MISSING, False), (SKIP, None)]
)
def test_what_each_answer_of_such_a_check_advertises(status: Status, advertised: bool | None) -> None:
    tip = run(LIBRARY | {"prefix-3": WITH.but(kunit__lib__helper=status)}, (TEST,)).states["prefix-3"]
    (verdict,) = tip.contracts
    assert verdict.advertised is advertised


def test_a_flaky_check_advertises_nothing_that_is_known() -> None:
    tip = run(LIBRARY | {"prefix-3": replace(WITH, flaky=("kunit.lib.helper",))}, (TEST,)).states["prefix-3"]
    assert tip.contracts[0].advertised is None


def test_who_goes_by_capabilities_has_those_that_there_were() -> None:
    assert all(state.caps.keys() <= {CAP} for state in run(SOUND, (FEATURE,)).states.values())


# --- what is told and not judged ----------------------------------------------------------------


def listing(**empty: Status) -> dict[str, Seen]:
    """The sound series, which lists its surface; ``without_3=FAIL`` is a state whose list came out otherwise."""
    how = {name.replace("_", "-"): status for name, status in empty.items()}
    return {name: seen.but(surface__procs_listed=how.get(name, PASS)) for name, seen in SOUND.items()}


@pytest.mark.parametrize("status", [FAIL, SKIP, MISSING])
@pytest.mark.parametrize("name", ["prefix_2", "prefix_3", "without_3"])
def test_a_list_of_the_surface_that_came_out_empty_is_told_and_not_judged(name: str, status: Status) -> None:
    judged = run(listing(**{name: status}))
    assert (judged.findings, judged.answers) == ((), (True, True))


def test_two_boots_that_list_otherwise_are_no_finding_either() -> None:
    seen = listing()
    assert run(seen | {"prefix-2": replace(seen["prefix-2"], flaky=("surface.procs_listed",))}).findings == ()


def test_a_contract_may_ask_for_a_list_of_the_surface() -> None:
    asked = msgspec.structs.replace(FEATURE, checks=("surface.procs_listed",))
    judged = run(listing(without_3=FAIL), contracts=(asked,))
    assert [(one.kind, one.state, one.contract) for one in judged.findings] == [
        (FindingKind.SILENT_BREAK, "without-3", "feature")
    ]


def test_a_list_of_the_surface_is_no_ground_of_a_verdict() -> None:
    states = run(listing()).states
    patch = PatchResult(number=3, verdict=Verdict(bisectable=None, revert_safe=None), exercise=Exercise.EXERCISED)
    assert grounds.of_patch([states["without-3"]], states["prefix-3"], patch).checks == 3
