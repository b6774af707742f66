# SPDX-License-Identifier: GPL-2.0-only
"""The variants that come with kseries, and --config auto, on a real kernel."""

import shutil
from pathlib import Path

import pytest

from tests.support.commands import Kseries
from tests.support.patches import adding
from tests.support.split import result_of

pytestmark = pytest.mark.full("subsystems")
SHORT = ("--scenario", "prefixes", "--probe", "capabilities", "--out", "out")


@pytest.mark.skipif(shutil.which("clang") is None or shutil.which("ld.lld") is None, reason="needs clang and lld")
def test_clang_alone_warns_and_a_debug_kernel_comes_through(kseries: Kseries, tmp_path: Path) -> None:
    patch = adding("fs/eventfd.c", "\tcount = count;", "eventfd: Count", below="\tctx->count = count;")
    (tmp_path / "a.patch").write_text(patch)
    kept = ("--variant", "default", "--variant", "clang", "--variant", "debug")
    done = kseries("run", "a.patch", *SHORT, *kept)
    assert done.returncode == 1, done.stdout + done.stderr
    results = {name: result_of(tmp_path / "out" / name / "result.json") for name in ("default", "clang", "debug")}
    found = {name: [(one["kind"], one["patch"]) for one in one["findings"]] for name, one in results.items()}
    assert found == {"default": [], "clang": [("new-warning", 1)], "debug": []}
    (warning,) = results["clang"]["findings"]
    assert "-Wself-assign" in str(warning["evidence"])
    outcomes = {name: {state["outcome"] for state in one["states"]} for name, one in results.items()}
    assert outcomes == {"default": {"ok"}, "clang": {"not-booted"}, "debug": {"ok"}}


def test_what_our_configuration_leaves_out_is_compiled_and_accounted_for(kseries: Kseries, tmp_path: Path) -> None:
    (tmp_path / "a.patch").write_text(adding("lib/crc7.c", "extern int kseries;", "crc7: Declare"))
    without = kseries("run", "a.patch", *SHORT)
    assert "to compile it: --config auto, or --config FRAGMENT with CONFIG_CRC7=y" in without.stdout
    done = kseries("run", "a.patch", *SHORT, "--config", "auto")
    assert "--config auto adds to every kernel: CONFIG_CRC7=y" in done.stdout, done.stdout + done.stderr
    (patch,) = result_of(tmp_path / "out" / "result.json")["patches"]
    assert [(one["file"], one["compiled"], one["options"]) for one in patch["changed"]] == [
        ("lib/crc7.c", True, ["CRC7"])
    ]
    assert patch["left_out"] == []
