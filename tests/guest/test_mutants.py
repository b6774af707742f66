# SPDX-License-Identifier: GPL-2.0-only
"""Probes that can be trusted: each fails on a kernel with the defect and passes on one without."""

import pytest

from kseries.inputs import contracts
from kseries.model import FindingKind, Outcome, Status
from tests.support import catalogue
from tests.support.lab import Labs

NOT_THERE = {
    "x86_64": {"capabilities.flag_refused"},
    "arm64": {
        "capabilities.flag_refused",
        "exit_on_missing_access.nested_guest_exits",
        "exit_on_missing_backing.guest_memfd_is_refused_or_served",
        "exit_on_missing_dirty.pre_fault_comes_back",
        "exit_on_missing_own_access.string_output_works",
        "exit_on_missing_own_access.string_output_through_a_table_works",
        "exit_on_missing_own_access.string_input_works",
        "exit_on_missing_own_access.clock_works",
        "exit_on_missing_own_access.control_page_works",
        "memory_fault_info.private_access_without_slot",
        "memory_fault_info.private_access_to_shared_slot",
    },
}
"""Checks of what an architecture has not, or of what is not so on the tip."""


def userfault() -> set[str]:
    """The checks of another series' feature."""
    (contract,) = (one for one in contracts.ours() if one.id == "kvm-userfault")
    return {*contract.checks, *contract.optional, *contract.otherwise}


@pytest.mark.parametrize("arch", NOT_THERE)
def test_without_a_defect_nothing_fails(labs: Labs, arch: str) -> None:
    lab = labs(arch)
    base, tip, findings = lab.tip(lab.series)
    assert findings == ()
    for state in (base, tip):
        assert state.outcome is Outcome.OK
        assert {check.status for check in state.checks} == {Status.PASS, Status.SKIP}
    assert {check.id for check in tip.checks if check.status is Status.SKIP} == NOT_THERE[arch] | userfault()


@pytest.mark.parametrize("named", catalogue.SAMPLE, ids="-".join)
def test_a_defect_fails_the_check_that_is_about_it(labs: Labs, named: catalogue.Named) -> None:
    """A sample; tests/mutants has all of them."""
    lab = labs(named.arch, named.case)
    _, tip, findings = lab.tip(lab.mutant(named.name))
    assert catalogue.survival(catalogue.read()[named], tip, findings) is None
    complains = {FindingKind.KERNEL_COMPLAINT} if tip.complaints else set()
    assert {finding.kind for finding in findings} == {FindingKind.BROKEN_CONTRACT} | complains
    # Where the annotation is wrong, it is so without the flag, too.
    contracts = {finding.contract for finding in findings} - {None}
    assert "exit-on-missing" in contracts <= {"exit-on-missing", "memory-fault-info"}


@pytest.mark.parametrize("arch", NOT_THERE)
def test_the_result_says_which_accelerator_and_why(labs: Labs, arch: str) -> None:
    accel = labs(arch).setup.accel
    assert accel.name in ("tcg", "kvm") and accel.why
