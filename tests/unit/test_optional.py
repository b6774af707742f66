# SPDX-License-Identifier: GPL-2.0-only
"""A contract's optional checks: skipped, they leave it undisturbed; failed or lost, they break it."""

import pytest

from kseries.judge import contract_verdict
from kseries.model import Check, Contract, Outcome, StateResult, Status

CONTRACT = Contract(id="one", title="", when="CAP", checks=("p.always",), optional=("p.with_hardware",))
PASS, SKIP, FAIL, MISSING = Status.PASS, Status.SKIP, Status.FAIL, Status.MISSING


def _state(**statuses: Status) -> StateResult:
    checks = tuple(Check(id=f"p.{name}", status=status) for name, status in statuses.items())
    return StateResult(
        id="tip", scenario="prefixes", applied=(), patch=None, tree="", same_as=None,
        outcome=Outcome.OK, caps={"CAP": 1}, checks=checks,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("always", "optional", "holds"),
    [
        (PASS, PASS, True),
        (PASS, SKIP, True),
        (SKIP, PASS, None),
        (SKIP, SKIP, None),
        (PASS, FAIL, False),
        (PASS, MISSING, False),
        (FAIL, SKIP, False),
    ],
)
def test_of_a_tip(always: Status, optional: Status, holds: bool | None) -> None:
    tip = _state(always=always, with_hardware=optional)
    assert contract_verdict(CONTRACT, tip, {check.id: check for check in tip.checks}).holds is holds


def test_an_optional_check_that_the_tip_passed_is_not_to_be_skipped() -> None:
    tip = _state(always=PASS, with_hardware=PASS)
    verdict = contract_verdict(
        CONTRACT, _state(always=PASS, with_hardware=SKIP), {check.id: check for check in tip.checks}
    )
    assert verdict.holds is False and verdict.failed == ("p.with_hardware",)


def test_one_that_never_came_at_all_breaks_the_contract() -> None:
    assert contract_verdict(CONTRACT, _state(always=PASS), {}).failed == ("p.with_hardware",)
