# SPDX-License-Identifier: GPL-2.0-only
"""The smallest set of squashes, the orders that close a hole, and what a cure has to show."""

import pytest

from kseries import judge
from kseries.judge import cures
from kseries.judge.couplings import holes
from kseries.judge.cures import squashes
from kseries.model import Advice, Finding, FindingKind, Outcome, Plan, Squash, Verdict
from tests.support.judged import CAP, FAIL, FEATURE, OFF, ON, PASS, SILENT, SKIP, Seen, nothing, plan_of, result_of, run

FIVE = (1, 2, 3, 4, 5)
PROMISED = Seen({CAP: 1}, {"flag.refused": SKIP, "feature.works": FAIL, "feature.lasts": PASS, "other.works": PASS})


def judged(patches: tuple[int, ...] = FIVE, **changed: Seen) -> tuple[Plan, tuple[Finding, ...]]:
    """A series whose last patch advertises, as ``without_3=SILENT`` and the like change it."""
    seen = {"base": OFF, **{f"prefix-{one}": OFF for one in patches[:-1]}, f"prefix-{patches[-1]}": ON}
    seen |= {f"without-{one}": ON for one in patches[:-1]} | {f"without-{patches[-1]}": OFF}
    seen |= {name.replace("_", "-"): one for name, one in changed.items()}
    plan = plan_of(tuple(seen), patches=patches)
    _, findings, _ = judge.judge(plan, {one.id: result_of(one, seen[one.id]) for one in plan.states}, (FEATURE,))
    return plan, tuple(finding for finding in findings if not finding.kind.advice)


# --- squashes -----------------------------------------------------------------------------------


def test_a_partner_that_is_not_adjacent_is_squashed_all_the_same() -> None:
    _, (finding,) = judged(without_2=SILENT)
    assert (finding.patch, finding.partner, finding.advice) == (2, 5, Advice(squash=(2, 5)))


def test_patches_that_are_needed_for_one_promise_are_one_squash() -> None:
    _, findings = judged(without_2=SILENT, without_4=SILENT)
    assert [finding.advice for finding in findings] == [Advice(squash=(2, 4, 5))] * 2


def test_a_neighbour_that_takes_the_promise_back_goes_before_the_one_that_made_it() -> None:
    _, (finding,) = judged(without_2=SILENT, without_3=OFF)
    assert (finding.partner, finding.advice) == (5, Advice(squash=(2, 3)))


@pytest.mark.parametrize(
    ("breaks", "groups"),
    [
        ((), ()),
        (((1, (2,)), (3, (4,))), ((1, 2), (3, 4))),
        (((1, (4, 2)), (3, (4,))), ((1, 2), (3, 4))),
        (((1, (3, 4)), (2, (3, 4))), ((1, 2, 3),)),
        (((1, (2,)), (2, (1,))), ((1, 2),)),
    ],
)  # fmt: skip
def test_the_fewest_patches_are_moved_and_of_as_few_the_nearest(
    breaks: tuple[cures.Break, ...], groups: tuple[tuple[int, ...], ...]
) -> None:
    found = squashes(breaks)
    assert sum(len(group) - 1 for group in found) == sum(len(group) - 1 for group in groups)
    assert {frozenset(group) for group in found} == {frozenset(group) for group in groups}


def test_many_choices_are_not_all_looked_at() -> None:
    many = tuple((number, (number + 1, number - 1)) for number in range(2, 80, 2))
    assert len(squashes(many)) == len(many)


# --- orders -------------------------------------------------------------------------------------


def test_a_promise_that_comes_too_early_is_moved_behind_what_keeps_it() -> None:
    plan, findings = judged(prefix_2=PROMISED, prefix_3=PROMISED, prefix_4=ON)
    assert [(finding.kind, finding.patch) for finding in findings] == [
        (FindingKind.BISECT_HOLE, 2),
        (FindingKind.BISECT_HOLE, 3),
    ]
    orders = ((1, 3, 4, 2, 5), (1, 4, 2, 3, 5))
    assert tuple(cures.orders(plan, findings)) == ((0, orders), (1, orders))


def test_a_prefix_that_does_not_build_is_closed_by_an_order_too() -> None:
    plan, findings = judged((1, 2, 3), prefix_1=nothing(Outcome.BUILD_FAILED))
    assert tuple(cures.orders(plan, findings)) == ((0, ((2, 1, 3),)),)


def test_an_order_passes_what_does_not_run_between_a_fault_and_the_patch_that_mends_it() -> None:
    loses, unbuilt = OFF.but(other__works=FAIL), nothing(Outcome.BUILD_FAILED)
    orders = ((2, 3, 1), (3, 1, 2))
    for fault in (loses, PROMISED):
        plan, findings = judged((1, 2, 3), prefix_1=fault, prefix_2=unbuilt)
        assert next(cures.orders(plan, findings)) == (0, orders)
    plan, findings = judged((1, 2, 3, 4), prefix_1=loses, prefix_2=unbuilt, prefix_3=loses)
    assert [(hole.first, hole.mended_by) for hole in holes(plan, findings)] == [(1, 4), (2, 3)]
    plan, findings = judged((1, 2, 3), prefix_1=loses, prefix_2=unbuilt, prefix_3=unbuilt)
    assert holes(plan, findings) == ()


def test_a_hole_that_the_tip_is_in_is_closed_by_no_order() -> None:
    plan, findings = judged((1, 2, 3), prefix_2=PROMISED, prefix_3=PROMISED)
    assert tuple(cures.orders(plan, findings)) == ()
    assert holes(plan, findings) == ()


def test_a_silent_break_is_never_cured_by_an_order() -> None:
    plan, findings = judged(without_2=SILENT)
    assert tuple(cures.orders(plan, findings)) == ()


# --- what a cure has to show --------------------------------------------------------------------


def tried(*findings: Finding) -> Squash:
    return Squash(
        id="s", patches=(), states=(), findings=findings, verdict=Verdict(bisectable=True, revert_safe=not findings)
    )


def test_a_squash_for_two_breaks_has_to_cure_both() -> None:
    _, findings = judged(without_2=SILENT, without_4=SILENT)
    advice = Advice(squash=(2, 4, 5))
    proof = [judge.with_proof(one, findings, {advice: tried(findings[0])}).advice for one in findings]
    assert [one.verified for one in proof if one] == [False, False]
    proof = [judge.with_proof(one, findings, {advice: tried()}).advice for one in findings]
    assert [one.verified for one in proof if one] == [True, True]


def test_an_order_need_not_cure_the_silent_break_besides() -> None:
    broken = run({"without-1": SILENT}).findings
    hole = Finding(
        kind=FindingKind.BISECT_HOLE,
        state="prefix-1",
        patch=1,
        partner=None,
        contract=None,
        evidence=(),
        advice=Advice(order=(2, 1, 3)),
    )
    assert hole.advice is not None
    proof = judge.with_proof(hole, (*broken, hole), {hole.advice: tried(*broken)})
    assert proof.advice == Advice(order=(2, 1, 3), verified=True)
