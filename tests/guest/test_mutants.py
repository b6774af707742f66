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


def test_a_number_that_another_capability_has_taken_does_not_count(lab: Lab) -> None:
    """236 answers 1 on 6.12: it is KVM_CAP_PRE_FAULT_MEMORY there, and was EXIT_ON_MISSING in a series."""
    header = lab.trees.file(lab.base.tree, "include/uapi/linux/kvm.h")
    assert header is not None and b"#define KVM_CAP_PRE_FAULT_MEMORY 236" in header
    base, _, _ = lab.tip(lab.series)
    assert base.caps["KVM_CAP_EXIT_ON_MISSING"] == 0
    assert base.caps["KVM_CAP_MEMORY_FAULT_INFO"] == 1


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
