# SPDX-License-Identifier: GPL-2.0-only
"""Probes that can be trusted: each fails on a kernel with the defect and passes on one without."""

import pytest

from harness.model import FindingKind, Outcome, Status
from tests.guest import catalogue
from tests.guest.lab import Lab


def test_without_a_defect_nothing_fails(lab: Lab) -> None:
    base, tip, findings = lab.tip(lab.series)
    assert findings == ()
    for state in (base, tip):
        assert state.outcome is Outcome.OK
        assert {check.status for check in state.checks} == {Status.PASS, Status.SKIP}
    assert [check.id for check in tip.checks if check.status is Status.SKIP] == ["capabilities.flag_refused"]


@pytest.mark.parametrize("name", catalogue.SAMPLE)
def test_a_defect_fails_the_check_that_is_about_it(lab: Lab, name: str) -> None:
    """A sample; tests/mutants has all of them."""
    _, tip, findings = lab.tip(lab.mutant(name))
    assert catalogue.survival(catalogue.read()[name], tip, findings) is None
    assert {(finding.kind, finding.contract) for finding in findings} == {
        (FindingKind.BROKEN_CONTRACT, "exit-on-missing")
    }


def test_the_result_says_which_accelerator_and_why(lab: Lab) -> None:
    accel = lab.setup.accel
    assert accel.name in ("tcg", "kvm") and accel.why
