# SPDX-License-Identifier: GPL-2.0-only
"""Probes that can be trusted: each fails on a kernel with the defect and passes on one without."""

import pytest

from harness.model import FindingKind, Outcome, StateResult, Status
from tests.guest.lab import Lab

_EXITS = {f"exit_on_missing.{access}_exits" for access in ("read", "write", "fetch")}
# Where the exit itself is wrong, so is whatever looks at it on its way to something else.
_LOOK_AT_EXIT = _EXITS | {
    f"exit_on_missing.{name}" for name in ("maps_nothing", "resumes_after_populate", "toggle_is_quiet")
}


def _failed(state: StateResult) -> dict[str, str]:
    return {check.id: check.detail for check in state.checks if check.status is Status.FAIL}


def test_without_a_defect_nothing_fails(lab: Lab) -> None:
    base, tip, findings = lab.tip(lab.series)
    assert findings == ()
    for state in (base, tip):
        assert state.outcome is Outcome.OK
        assert {check.status for check in state.checks} == {Status.PASS, Status.SKIP}
    passed = {check.id for check in tip.checks if check.status is Status.PASS}
    assert passed >= _LOOK_AT_EXIT
    assert [check.id for check in tip.checks if check.status is Status.SKIP] == ["capabilities.flag_refused"]


def test_a_number_that_another_capability_has_taken_does_not_count(lab: Lab) -> None:
    """236 answers 1 on 6.12: it is KVM_CAP_PRE_FAULT_MEMORY there, and was EXIT_ON_MISSING in a series."""
    header = lab.trees.file(lab.base.tree, "include/uapi/linux/kvm.h")
    assert header is not None and b"#define KVM_CAP_PRE_FAULT_MEMORY 236" in header
    base, _, _ = lab.tip(lab.series)
    assert base.caps["KVM_CAP_EXIT_ON_MISSING"] == 0
    assert base.caps["KVM_CAP_MEMORY_FAULT_INFO"] == 1


@pytest.mark.parametrize(
    ("mutant", "failing", "words"),
    [
        ("gpa", _LOOK_AT_EXIT, "gpa"),
        ("size", _LOOK_AT_EXIT, "size"),
        ("write-bit", {"exit_on_missing.write_exits"}, "expected access bits 0x2, got 0x1"),
        ("exit-reason", _LOOK_AT_EXIT, "expected EFAULT with exit_reason KVM_EXIT_MEMORY_FAULT, got"),
        ("readonly", {"exit_on_missing.readonly_refused"}, "to be refused with EINVAL, got a slot that has both"),
        ("warn", {"exit_on_missing.read_exits"}, "the kernel said: WARNING: "),
    ],
)
def test_a_defect_fails_the_check_that_is_about_it(lab: Lab, mutant: str, failing: set[str], words: str) -> None:
    _, tip, findings = lab.tip(lab.mutant(mutant))
    failed = _failed(tip)
    assert failing <= failed.keys() <= _LOOK_AT_EXIT | {"exit_on_missing.readonly_refused"}
    for name in failing:
        assert words in failed[name]
    assert [(finding.kind, finding.contract) for finding in findings] == [
        (FindingKind.BROKEN_CONTRACT, "exit-on-missing")
    ]
    assert {line.partition(":")[0] for line in findings[0].evidence} == failed.keys()


def test_the_result_says_which_accelerator_and_why(lab: Lab) -> None:
    accel = lab.setup.accel
    assert accel.name in ("tcg", "kvm") and accel.why
