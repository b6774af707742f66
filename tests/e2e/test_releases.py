# SPDX-License-Identifier: GPL-2.0-only
"""The kernels that we are for, really booted: nothing fails on a release, and what it has not is skipped with words."""

from pathlib import Path
from typing import Any

import pytest

from tests.support import bases
from tests.support.commands import Kseries
from tests.support.patches import adding
from tests.support.split import assert_logs_are_there, result_of

pytestmark = pytest.mark.full("releases")

RELEASES = {"x86_64": ("6.1", "6.12", "7.2", "7.3"), "arm64": ("6.1", "7.3")}
FAULT_INFO = {"6.12", "7.2", "7.3"}
"""Those whose headers define KVM_CAP_MEMORY_FAULT_INFO, as all since 6.8."""

PASS = {
    "capabilities.system_and_vm_agree",
    "capabilities.undefined_flags_refused",
    "exit_on_missing_slots.unflagged_read_just_works",
    "exit_on_missing_slots.unflagged_write_just_works",
    "exit_on_missing_userfault.unflagged_slot_raises_an_event",
}
PASS_WITH_FAULT_INFO = {
    "memory_fault_info.private_access_to_shared_slot",
    "memory_fault_info.private_access_without_slot",
    "memory_fault_info.what_is_told_of_a_protected_page_is_right",
}
NOT_DEFINED = "the headers of this kernel do not define "


@pytest.mark.parametrize(("arch", "release"), [(arch, release) for arch in RELEASES for release in RELEASES[arch]])
def test_a_line_that_runs_with_each_vm_breaks_nothing(
    arch: str, release: str, kseries: Kseries, tmp_path: Path
) -> None:
    _write(tmp_path / "series", release)
    tree = f"debian:linux-source-{release}"
    done = kseries("run", "series", "--arch", arch, "--tree", tree, "--out", "out")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No findings." in done.stdout
    result = result_of(tmp_path / "out" / "result.json")
    assert_logs_are_there(result, tmp_path / "out")
    assert result["base"]["version"].startswith(f"{release}.")
    assert [patch["exercise"] for patch in result["patches"]] == ["exercised"]
    judged = True if _tells_of_faults(arch, release) else None  # a kernel that promises nothing is not judged
    assert result["verdict"] == {"bisectable": judged, "revert_safe": judged}
    states = {state["id"]: state for state in result["states"]}
    assert states.keys() >= {"base", "prefix-1"}
    for state in states.values():
        _assert_nothing_fails(state, arch, release)


def _write(series: Path, release: str) -> None:
    """One patch to a release: a barrier, which is compiled as it stands and changes nothing."""
    path, below = "virt/kvm/kvm_main.c", "\tcase KVM_CREATE_VM:"
    patch = adding(path, "\t\tmb();", "KVM: Wait for memory before each VM", below=below, base=bases.debian(release))
    series.mkdir()
    (series / "0001-wait.patch").write_text(patch)


def _tells_of_faults(arch: str, release: str) -> bool:
    """Whether the release advertises KVM_CAP_MEMORY_FAULT_INFO, which no arm64 does."""
    return release in FAULT_INFO and arch == "x86_64"


def _assert_nothing_fails(state: Any, arch: str, release: str) -> None:
    """A check passes or is skipped, with the reason."""
    assert (state["outcome"], state["complaints"]) == ("ok", [])
    checks = {check["id"]: check for check in state["checks"]}
    advertised = _tells_of_faults(arch, release)
    assert {name for name, check in checks.items() if check["status"] == "pass"} >= (
        PASS | PASS_WITH_FAULT_INFO if advertised else PASS
    )
    skipped = {name: check["detail"] for name, check in checks.items() if check["status"] != "pass"}
    assert {checks[name]["status"] for name in skipped} == {"skip"}
    assert all(skipped.values())
    assert NOT_DEFINED + "KVM_CAP_EXIT_ON_MISSING" in skipped["exit_on_missing_access.read_exits"]
    if not advertised:
        cap = "KVM_CAP_MEMORY_FAULT_INFO"
        why = f"{cap} is not advertised" if release in FAULT_INFO else NOT_DEFINED + cap
        assert {skipped[name] for name in PASS_WITH_FAULT_INFO} == {why}
