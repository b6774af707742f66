# SPDX-License-Identifier: GPL-2.0-only
"""./kseries demo on 7.3: on either architecture the silent break and its cure, and nothing of the squashed series."""

from pathlib import Path

import pytest

from tests.support import bases, kcidbs
from tests.support.commands import Kseries
from tests.support.split import SILENT_BREAK, assert_logs_are_there, assert_silent_break, result_of

pytestmark = pytest.mark.full("demo-7.3")

BREAKS = {
    "x86_64": SILENT_BREAK,
    "arm64": (
        "SILENT-BREAK: Reverting 7/8 'KVM: arm64: Report faults that user space has no page for' leaves"
        " KVM_CAP_EXIT_ON_MISSING advertised (by 8/8 'KVM: arm64: Honour KVM_MEM_EXIT_ON_MISSING'), but the kernel"
    ),
}


@pytest.mark.parametrize("arch", BREAKS)
def test_the_silent_break_is_found_and_cured_and_the_squashed_series_is_fine(
    kseries: Kseries, tmp_path: Path, arch: str
) -> None:
    bases.debian("7.3")
    done = kseries("demo", "--arch", arch, "--tree", "debian:linux-source-7.3", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines().count("as expected.") == 2
    assert BREAKS[arch] in done.stdout
    split = result_of(tmp_path / "out" / "exit-on-missing-split-7.3" / "result.json")
    assert split["base"]["version"].startswith("7.3")
    assert_silent_break(split)
    assert_logs_are_there(split, tmp_path / "out" / "exit-on-missing-split-7.3")
    squashed = result_of(tmp_path / "out" / "exit-on-missing-squashed-7.3" / "result.json")
    assert kcidbs.assert_taken(tmp_path / "out" / "exit-on-missing-split-7.3")["issues"]
    assert kcidbs.assert_taken(tmp_path / "out" / "exit-on-missing-squashed-7.3")["issues"] == []
    assert squashed["verdict"] == {"bisectable": True, "revert_safe": True}
    assert squashed["findings"] == []
