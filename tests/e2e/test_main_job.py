# SPDX-License-Identifier: GPL-2.0-only
"""./kseries run on real kernels: what it finds, what it writes, how it exits.

Few kernels have to do: both architectures build and boot each prefix and revert of the split series once, whose results
the other tests, those of tests/guest too, find again.
"""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import SPLIT, Kseries, adding, typed
from tests.e2e.split import (
    IN_THE_TABLE_OF_BOTH,
    SILENT_BREAK,
    assert_logs_are_there,
    assert_silent_break,
    result_of,
)

SCENARIOS = ("--scenario", "prefixes,reverts")
ARCHS = ("x86_64", "arm64")


@dataclass(frozen=True)
class Split:
    """A run of the split series on both architectures: what it printed, and where it put the rest."""

    stdout: str
    out: Path

    def result(self, arch: str) -> Any:
        return result_of(self.out / arch / "result.json")


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Split:
    out = tmp_path_factory.mktemp("split")
    done = typed(out, "run", SPLIT, "--arch", ",".join(ARCHS), *SCENARIOS, "--out", out)
    assert done.returncode == 1, done.stdout + done.stderr
    return Split(done.stdout, out)


@pytest.mark.parametrize("arch", ARCHS)
def test_run_finds_the_silent_break_and_proves_the_cure(split: Split, arch: str) -> None:
    result = split.result(arch)
    assert_silent_break(result)
    numbers = range(1, 9)
    states = [f"{kind}-{number}" for kind in ("prefix", "without") for number in numbers]
    assert [state["id"] for state in result["states"]] == ["base", *states]
    outcomes = {state["id"]: state["outcome"] for state in result["states"]}
    assert outcomes.pop("without-2") == "build-failed"
    assert set(outcomes.values()) == {"ok"}
    assert_logs_are_there(result, split.out / arch)
    assert result["accel"]["name"] in split.stdout and result["accel"]["why"] in split.stdout


def test_the_terminal_tells_it_and_sums_both_up(split: Split) -> None:
    assert SILENT_BREAK in split.stdout
    assert set(split.stdout.splitlines()) >= IN_THE_TABLE_OF_BOTH


def test_the_squashed_series_exits_0_and_was_built_as_the_cure(split: Split, kseries: Kseries) -> None:
    done = kseries("run", SPLIT.with_name("exit-on-missing-squashed"), *SCENARIOS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "bisectable: yes    revert-safe: yes" in done.stdout
    assert re.search(r" 0 of \d+ kernels to build and boot", done.stderr), done.stderr


def test_the_same_patches_under_another_name_are_known_and_built_no_more(
    split: Split, kseries: Kseries, tmp_path: Path
) -> None:
    shutil.copytree(SPLIT / "patches", tmp_path / "my-series")
    done = kseries("run", "my-series", *SCENARIOS, "--json")
    assert done.returncode == 1, done.stderr
    result = json.loads(done.stdout)
    assert result["series"]["name"] == "my-series"
    assert_silent_break(result)
    assert result_of(tmp_path / "kseries-out" / "result.json") == result
    assert "0 of 16 kernels to build and boot (16 known from before)" in done.stderr
    assert "building" not in done.stderr


def test_a_range_of_commits_is_the_same_series(split: Split, kseries: Kseries, repository: Path) -> None:
    done = kseries("run", "base..topic", "--tree", repository, *SCENARIOS)
    assert done.returncode == 1, done.stderr
    assert SILENT_BREAK in done.stdout
    assert "0 of 16 kernels to build and boot (16 known from before)" in done.stderr


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
    assert "prefix-2: ok (as prefix-1: no build reads what it changes)" in done.stderr
    assert "prefix-2: building" not in done.stderr

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
