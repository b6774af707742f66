# SPDX-License-Identifier: GPL-2.0-only
"""What was built and booted before, by another run, and is not done again."""

from pathlib import Path

import pytest

from tests.support.commands import SPLIT, Kseries

pytestmark = pytest.mark.full("e2e")


@pytest.mark.full("demo")  # by then it is known
def test_a_second_run_builds_and_boots_nothing(kseries: Kseries) -> None:
    kseries("run", SPLIT)
    again = kseries("run", SPLIT)
    assert "0 of 23 kernels to build and boot (23 known from before)" in again.stderr
    assert "building" not in again.stderr


def test_a_kernel_that_an_earlier_run_has_booted_is_not_booted_again(kseries: Kseries, new_series: Path) -> None:
    words = ("run", new_series, "--scenario", "prefixes")
    assert kseries(*words).returncode == 0
    patch = new_series / "0001-a-comment.patch"
    patch.write_text(patch.read_text().replace("+/* ", "+/* again "))  # another tree, and the same kernel
    again = kseries(*words)
    assert again.returncode == 0, again.stderr
    assert "prefix-1: building" in again.stderr and "prefix-1: booting" not in again.stderr
    assert "0 of 2 kernels to build and boot" in kseries(*words).stderr


def test_a_patch_of_documentation_that_is_added_later_is_not_built(kseries: Kseries, new_series: Path) -> None:
    words = (new_series, "--scenario", "prefixes")
    assert kseries("run", *words).returncode == 0
    (new_series / "0002-a-page.patch").write_text(
        "Subject: [PATCH] Documentation: KVM: Add a page\n\n---\n"
        "diff --git a/Documentation/virt/kvm/new.rst b/Documentation/virt/kvm/new.rst\nnew file mode 100644\n"
        f"--- /dev/null\n+++ b/Documentation/virt/kvm/new.rst\n@@ -0,0 +1 @@\n+{new_series}\n"
    )
    planned = kseries("plan", *words).stdout
    reused = "not rebuilt: Documentation/virt/kvm/new.rst affects no object; prefix-1's result reused"
    assert reused in planned
    done = kseries("run", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"prefix-2: ok ({reused})" in done.stderr
    assert "building" not in done.stderr
    assert "0 of 3 kernels to build and boot (3 known from before)" in kseries("plan", *words).stdout


def test_a_revert_of_a_harmless_patch_is_safe(kseries: Kseries, new_series: Path) -> None:
    done = kseries("run", new_series)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No findings." in done.stdout
    assert "bisectable: yes    revert-safe: yes" in done.stdout
