# SPDX-License-Identifier: GPL-2.0-only
"""Other people's probes, other subsystems, and what ran, as a user sees them."""

from pathlib import Path
from typing import Any

import pytest

from kseries import inputs
from kseries.app import rundir
from kseries.judge import expectation
from tests.support.commands import TOP, Kseries
from tests.support.patches import creating, headed, replacing
from tests.support.told import read_lines, read_one

pytestmark = pytest.mark.full("e2e")

EVENTFD = TOP / "testcases" / "eventfd-saturate"
VMX = "arch/x86/kvm/vmx/vmx.c"
CPUID = "tools/testing/selftests/kvm/x86_64/cpuid_test.c"
ANSWERS = "tools/testing/selftests/timers/answers.c"
ANSWERS_C = ("#include <sys/prctl.h>", "int main(void) { return prctl(0x4b534552, 0, 0, 0, 0) != 42; }")
TEN = (
    "cpuid_test",
    "exit_on_emulation_failure_test",
    "guest_memfd_test",
    "kvm_pv_test",
    "pre_fault_memory_test",
    "smaller_maxphyaddr_emulation_test",
    "state_test",
    "svm_vmcall_test",
    "sync_regs_test",
    "userspace_io_test",
)
"""As they were seen by hand in such a guest: all pass, but for one that skips."""
BY_HAND = dict.fromkeys(TEN, "pass") | {
    "smaller_maxphyaddr_emulation_test": "skip",
}
REPRO = """\
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
	return syscall(SYS_eventfd2, 0, 1 << 30) < 0 && errno == EINVAL ? 0 : 1;
}
"""


def statuses(result: dict[str, Any], state: str) -> dict[str, str]:
    (found,) = (one for one in result["states"] if one["id"] == state)
    return {check["id"]: check["status"] for check in found["checks"]}


def test_a_series_of_another_subsystem_is_judged_by_what_lies_beside_it(kseries: Kseries, tmp_path: Path) -> None:
    done = kseries("run", EVENTFD, "--out", "out")
    assert done.returncode == 1, done.stdout + done.stderr
    result, _ = rundir.read(tmp_path / "out")
    case = inputs.load(str(EVENTFD)).testcase
    assert case is not None
    assert expectation.differences(case.expect, result) == ()
    (squash,) = result.squashes
    assert (squash.verdict.bisectable, squash.verdict.revert_safe) == (True, True)
    assert not any("exit_on_missing" in check.id for state in result.states for check in state.checks)
    assert [str(patch.exercise) for patch in result.patches] == ["exercised", "exercised", "no-code", "exercised"]


def test_a_test_that_a_series_brings_tells_of_the_kernels_without_it(kseries: Kseries, tmp_path: Path) -> None:
    series = tmp_path / "series"
    series.mkdir()
    prctl = replacing(
        "kernel/sys.c", "\tcase PR_SET_NAME:", "\tcase 0x4b534552: return 42; case PR_SET_NAME:", "sys: a"
    )
    (series / "0001-prctl.patch").write_text(prctl)
    (series / "0002-test.patch").write_text(headed("selftests: b", creating(ANSWERS, ANSWERS_C)))
    words = ["--scenario", "prefixes", "--selftest", "timers:answers", "--probe", "capabilities", "--json"]
    seen = {}
    for of in ("state", "tip"):
        done = kseries("run", series, *words, "--selftest-from", of)
        assert done.returncode == 0, done.stdout + done.stderr
        result = read_one(done.stdout)
        states = ("base", "prefix-1", "prefix-2")
        seen[of] = [statuses(result, state).get("timers.answers.exit_status") for state in states]
    assert seen["tip"] == ["fail", "pass", "pass"], "none of this is a break, as base fails it"
    assert seen["state"][0] != "pass" and seen["state"][2] == "pass", "base does not have it"


def test_what_never_ran_is_not_called_safe_and_a_patched_selftest_is_another_test(
    kseries: Kseries, tmp_path: Path
) -> None:
    series = tmp_path / "series"
    series.mkdir()
    wbinvd = replacing(
        VMX, "	vcpu->run->exit_reason = KVM_EXIT_SHUTDOWN;", "	vcpu->run->exit_reason = 8;", "KVM: VMX: a"
    )
    (series / "0001-vmx.patch").write_text(wbinvd)
    broken = replacing(CPUID, "	test_get_cpuid2(vcpu);", '	TEST_FAIL("%p", vcpu);', "KVM: selftests: b")
    (series / "0002-test.patch").write_text(broken)
    (tmp_path / "repro.c").write_text(REPRO)
    words = ["--selftest", f"kvm:{','.join(TEN)}", "--probe", "capabilities,memory_fault_info,./repro.c"]
    done = kseries("run", series, "--scenario", "prefixes", "--json", *words)
    assert done.returncode == 1, done.stdout + done.stderr
    result = read_one(done.stdout)

    seen = statuses(result, "base")
    assert {name: seen[f"kvm.{name}.exit_status"] for name in TEN} == BY_HAND
    assert seen["repro.exit_status"] == "pass"
    assert statuses(result, "prefix-1") == seen
    assert statuses(result, "prefix-2") == seen | {"kvm.cpuid_test.exit_status": "fail"}
    told = [(finding["kind"], read_lines(finding["evidence"])) for finding in result["findings"]]
    assert [kind for kind, _ in told] == ["regression"] and "kvm.cpuid_test.exit_status" in told[0][1][0]

    vmx, test = result["patches"]
    assert (vmx["exercise"], vmx["verdict"]) == ("unexercised", {"bisectable": None, "revert_safe": None})
    assert [(one["name"], one["ran"]) for one in vmx["functions"]] == [("handle_triple_fault", False)]
    assert test["exercise"] == "no-code"
    assert result["verdict"]["bisectable"] is None


def test_a_test_runs_with_words_and_what_base_has_no_time_for_no_other_state_is_asked(
    kseries: Kseries, tmp_path: Path
) -> None:
    """One test three times: it passes, it has a second for more than that, and it is called in a wrong way."""
    series = tmp_path / "series"
    series.mkdir()
    other = replacing(
        VMX, "	vcpu->run->exit_reason = KVM_EXIT_SHUTDOWN;", "	vcpu->run->exit_reason = 8;", "KVM: a"
    )
    (series / "0001-vmx.patch").write_text(other)
    paging = "kvm:demand_paging_test"
    words = ["--selftest", f"{paging} -b 16M", "--selftest", f"slow={paging} -b 256M", "--timeout", "slow=1"]
    words += ["--selftest", f"{paging} -u NONSENSE", "--memory", "1G", "--probe", "capabilities"]
    done = kseries("run", series, "--scenario", "prefixes", "--out", "out", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "out of time on base, so that no other state is asked: slow;" in done.stderr
    assert "slow (no answer after 1 s)" in done.stdout and "kvm.demand_paging_test-2 (exit status " in done.stdout
    result, _ = rundir.read(tmp_path / "out")
    base, tip = ({check.id: check.status for check in state.checks} for state in result.states)
    assert base["kvm.demand_paging_test.exit_status"] == "pass" and base["slow.exit_status"] == "fail"
    assert base["kvm.demand_paging_test-2.exit_status"] == "fail"
    assert tip == {name: status for name, status in base.items() if not name.startswith("slow.")}
