# SPDX-License-Identifier: GPL-2.0-only
"""./kseries demo and ./kseries run: what they find, what they write, how they exit."""

import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema

from tests.e2e.conftest import SPLIT, TOP, Kseries

SILENT_BREAK = (
    "SILENT-BREAK: Reverting 3/8 'KVM: x86: Annotate guest accesses to pages user space has not mapped' leaves"
    " KVM_CAP_EXIT_ON_MISSING advertised (by 4/8 'KVM: x86: Honour KVM_MEM_EXIT_ON_MISSING'), but the kernel"
)


def _result(path: Path) -> Any:
    result = json.loads(path.read_text())
    jsonschema.validate(result, json.loads((TOP / "docs" / "result.schema.json").read_text()))
    return result


def _assert_silent_break(result: Any) -> None:
    finding, advice = result["findings"]
    assert (finding["kind"], finding["state"], finding["contract"]) == ("silent-break", "without-3", "exit-on-missing")
    assert (finding["patch"], finding["partner"], finding["advice"]["squash"]) == (3, 4, [3, 4])
    assert finding["advice"]["verified"] is True
    assert (advice["kind"], advice["patch"], advice["partner"]) == ("undocumented-dependency", 4, 3)
    assert any("exit_on_missing_access.write_exits: fail" in line for line in finding["evidence"])
    assert result["verdict"] == {"bisectable": True, "revert_safe": False}


def test_demo_finds_the_silent_break_and_is_content(kseries: Kseries, tmp_path: Path) -> None:
    done = kseries("demo", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stdout + done.stderr
    assert SILENT_BREAK in done.stdout
    assert "as expected." in done.stdout
    result = _result(tmp_path / "out" / "exit-on-missing-split" / "result.json")
    _assert_silent_break(result)
    assert [state["id"] for state in result["states"]] == (
        ["base"]
        + [f"prefix-{k}" for k in range(1, 9)]
        + [f"without-{k}" for k in range(1, 9)]
        + [f"only-{k}" for k in range(1, 9)]
    )
    outcomes = {state["id"]: state["outcome"] for state in result["states"]}
    assert [outcomes.pop(state) for state in ("without-2", "only-4", "only-6")] == ["build-failed"] * 3
    assert set(outcomes.values()) == {"ok"}
    same = {state["id"]: state["same_as"] for state in result["states"] if state["same_as"]}
    assert same == {"without-8": "prefix-7", "only-1": "prefix-1"}
    for state in result["states"]:
        for log in state["logs"].values():
            assert (tmp_path / "out" / "exit-on-missing-split" / log).stat().st_size > 0
    assert result["accel"]["name"] in done.stdout and result["accel"]["why"] in done.stdout
    squashed = _result(tmp_path / "out" / "exit-on-missing-squashed" / "result.json")
    assert squashed["verdict"] == {"bisectable": True, "revert_safe": True}
    assert squashed["findings"] == []


def test_both_architectures_at_once_find_the_silent_break_of_each(kseries: Kseries, tmp_path: Path) -> None:
    done = kseries("demo", "--arch", "x86_64,arm64", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("as expected.") == 4
    results = {arch: _result(tmp_path / "out" / SPLIT.name / arch / "result.json") for arch in ("x86_64", "arm64")}
    _assert_silent_break(results["x86_64"])
    finding, advice = results["arm64"]["findings"]
    assert (finding["kind"], finding["patch"], finding["partner"]) == ("silent-break", 7, 8)
    assert (finding["advice"]["squash"], finding["advice"]["verified"]) == ([7, 8], True)
    assert (advice["kind"], advice["patch"], advice["partner"]) == ("undocumented-dependency", 8, 7)
    assert results["arm64"]["verdict"] == {"bisectable": True, "revert_safe": False}
    assert " 3/8  SILENT-BREAK with 4    no code of this build  KVM: x86: Annotate" in done.stdout
    assert " 7/8  no code of this build  SILENT-BREAK with 8    KVM: arm64: Report" in done.stdout


def test_the_squashed_series_exits_0(kseries: Kseries) -> None:
    done = kseries("run", SPLIT.with_name("exit-on-missing-squashed"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "bisectable: yes    revert-safe: yes" in done.stdout


def test_run_exits_1_for_the_finding(kseries: Kseries, tmp_path: Path) -> None:
    done = kseries("run", SPLIT, "--out", tmp_path / "out")
    assert done.returncode == 1, done.stderr
    assert SILENT_BREAK in done.stdout
    _assert_silent_break(_result(tmp_path / "out" / "result.json"))


def test_run_takes_a_bare_directory_of_patches(kseries: Kseries, tmp_path: Path) -> None:
    shutil.copytree(SPLIT / "patches", tmp_path / "my-series")
    done = kseries("run", "my-series", "--json")
    assert done.returncode == 1, done.stderr
    result = json.loads(done.stdout)
    assert result["series"]["name"] == "my-series"
    _assert_silent_break(result)
    assert _result(tmp_path / "kseries-out" / "result.json") == result


def test_run_takes_a_range_of_commits(kseries: Kseries, repository: Path) -> None:
    done = kseries("run", "base..topic", "--tree", repository, "--scenario", "prefixes,reverts")
    assert done.returncode == 1, done.stderr
    assert SILENT_BREAK in done.stdout


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
    assert "not built: no build reads what sets it apart from prefix-1 (Documentation/virt/kvm/new.rst)" in planned
    done = kseries("run", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "prefix-2: ok (as prefix-1: no build reads what it changes)" in done.stderr
    assert "building" not in done.stderr
    assert "3 kernels: 3 known" in kseries("plan", *words).stdout


def test_a_harmless_series_exits_0(kseries: Kseries, new_series: Path) -> None:
    done = kseries("run", new_series)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No findings." in done.stdout
    assert "bisectable: yes    revert-safe: yes" in done.stdout


def test_a_patch_that_does_not_apply_is_named_with_file_and_line(kseries: Kseries, new_series: Path) -> None:
    patch = new_series / "0001-a-comment.patch"
    patch.write_text(patch.read_text().replace("SPDX", "SPDY"))
    done = kseries("run", new_series)
    assert done.returncode == 2
    assert "0001-a-comment.patch does not apply" in done.stderr
    assert "virt/kvm/kvm_main.c:1" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_patch_that_does_not_build_shows_the_compilers_words(kseries: Kseries, new_series: Path) -> None:
    patch = new_series / "0001-a-comment.patch"
    patch.write_text(patch.read_text().replace("+/*", "+#error"))
    done = kseries("run", new_series)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "BISECT-HOLE: The series does not build at 1/1 'KVM: Change a comment'" in done.stdout
    assert "virt/kvm/kvm_main.c:2:2: error: #error" in done.stdout
