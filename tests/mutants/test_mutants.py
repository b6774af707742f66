# SPDX-License-Identifier: GPL-2.0-only
"""The oracle's score: every mutant is killed by the check that is about it, and a good kernel raises nothing."""

import pytest

from harness.model import Outcome, Status
from tests.guest import catalogue
from tests.guest.lab import Lab

REPEATS = 20


@pytest.mark.parametrize("name", sorted(catalogue.read()))
def test_killed(lab: Lab, name: str) -> None:
    _, tip, findings = lab.tip(lab.mutant(name))
    assert catalogue.survival(catalogue.read()[name], tip, findings) is None


def test_nothing_is_raised_on_tip_and_base(lab: Lab) -> None:
    lab.forget()
    base, tip, findings = lab.tip(lab.series, repeat=REPEATS)
    assert findings == ()
    for state in (base, tip):
        assert state.outcome is Outcome.OK
        assert state.flaky == ()
        assert {check.status for check in state.checks} == {Status.PASS, Status.SKIP}
