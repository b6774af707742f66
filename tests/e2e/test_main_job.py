# SPDX-License-Identifier: GPL-2.0-only
"""./kseries run and try on real kernels of both architectures: what they find, what they write, how they exit.

As few kernels as can show it: a series of another subsystem as a whole, and of the one about KVM on each architecture
its tip, and the state that is silently broken. tests/guest finds these again; the demo as a whole is a part of --full.
"""

import re
import shutil
from pathlib import Path

import pytest

from kseries import inputs
from kseries.app import rundir
from kseries.judge import expectation
from tests.support import kcidbs
from tests.support.commands import SPLIT, Kseries, typed
from tests.support.patches import adding
from tests.support.split import assert_logs_are_there, result_of

SEMAPHORE = SPLIT.with_name("timerfd-semaphore")
SCENARIOS = ("--scenario", "prefixes,reverts")
BROKEN = (("x86_64", "without-3"), ("arm64", "without-7"))


@pytest.fixture(scope="module")
def semaphore(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What a run of the series has printed, and its --out."""
    out = tmp_path_factory.mktemp("semaphore")
    done = typed(out, "run", SEMAPHORE, *SCENARIOS, "--out", out)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout, out


def test_run_finds_the_silent_break_proves_the_cure_and_writes_it_down(semaphore: tuple[str, Path]) -> None:
    said, out = semaphore
    result, _ = rundir.read(out)
    case = inputs.load(str(SEMAPHORE)).testcase
    assert case is not None
    assert expectation.differences(case.expect, result) == ()
    assert [squash.id for squash in result.squashes] == ["squash-2+4"]
    assert (result.squashes[0].verdict.bisectable, result.squashes[0].verdict.revert_safe) == (True, True)
    written = result_of(out / "result.json")
    kinds = [f"{kind}-{number}" for kind in ("prefix", "without") for number in range(1, 6)]
    assert [state["id"] for state in written["states"]] == ["base", *kinds]
    assert_logs_are_there(written, out)
    assert {one["comment"].partition(":")[0] for one in kcidbs.assert_taken(out)["issues"]} >= {"silent-break"}
    assert "SILENT-BREAK: Reverting 2/5 'timerfd: Hand out expirations one by one' leaves TFD_SEMAPHORE" in said
    assert "bisectable: yes    revert-safe: NO" in said
    assert result.accel.name in said and result.accel.why in said


def test_the_same_series_in_another_place_is_known(
    semaphore: tuple[str, Path], kseries: Kseries, tmp_path: Path
) -> None:
    shutil.copytree(SEMAPHORE, tmp_path / "my-series")
    again = kseries("run", "my-series", *SCENARIOS)
    assert again.returncode == 1, again.stderr
    assert re.search(r" 0 of (\d+) kernels to build and boot \(\1 known from before\)", again.stderr), again.stderr
    assert "building" not in again.stderr


@pytest.mark.parametrize(("arch", "state"), BROKEN)
def test_try_tells_a_kernel_that_keeps_its_promise_from_one_that_does_not(
    kseries: Kseries, arch: str, state: str
) -> None:
    good = kseries("try", "prefix-8", SPLIT, "--arch", arch)
    assert good.returncode == 0, good.stdout + good.stderr
    assert "prefix-8: good" in good.stdout
    bad = kseries("try", state, SPLIT, "--arch", arch)
    assert bad.returncode == 1, bad.stdout + bad.stderr
    assert f"{state}: bad" in bad.stdout
    assert "exit_on_missing_access." in bad.stdout


def test_harmless_patches_are_safe_one_of_documentation_is_not_built_and_one_that_breaks_the_build_is_shown(
    kseries: Kseries, new_series: Path
) -> None:
    page = "Documentation/virt/kvm/new.rst"
    (new_series / "0002-a-page.patch").write_text(
        "Subject: [PATCH] Documentation: KVM: Add a page\n\n---\n"
        f"diff --git a/{page} b/{page}\nnew file mode 100644\n"
        f"--- /dev/null\n+++ b/{page}\n@@ -0,0 +1 @@\n+{new_series}\n"
    )
    words = ("run", new_series, "--scenario", "prefixes")
    done = kseries(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No findings." in done.stdout
    assert "bisectable: yes" in done.stdout
    reused = rf"not rebuilt: {page} affects no object; prefix-\d's result reused"
    assert re.search(rf"prefix-\d: ok \({reused}\)", done.stderr), done.stderr
    assert len(re.findall(r"prefix-\d: building", done.stderr)) == 1

    (new_series / "0003-an-error.patch").write_text(adding("virt/kvm/eventfd.c", "#error on purpose", "KVM: Break"))
    done = kseries(*words)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "BISECT-HOLE: The series does not build at 3/3 'KVM: Break'" in done.stdout
    assert "virt/kvm/eventfd.c:2:2: error: #error on purpose" in done.stdout
    assert "1 of 4 kernels to build and boot (3 known from before)" in done.stderr


def test_a_patch_that_does_not_apply_is_named_with_file_and_line(kseries: Kseries, new_series: Path) -> None:
    patch = new_series / "0001-a-comment.patch"
    patch.write_text(patch.read_text().replace("SPDX", "SPDY"))
    done = kseries("run", new_series)
    assert done.returncode == 2
    assert "0001-a-comment.patch does not apply" in done.stderr
    assert "virt/kvm/kvm_main.c:1" in done.stderr
    assert "Traceback" not in done.stderr
