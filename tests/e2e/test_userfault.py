# SPDX-License-Identifier: GPL-2.0-only
"""The bundled series of KVM Userfault, on 7.3: the silent break of the one is found and cured, the other has none."""

from pathlib import Path

import pytest

from kseries import inputs
from kseries.app import rundir
from kseries.judge import expectation
from kseries.model import Status
from tests.support import bases, kcidbs
from tests.support.commands import TOP, Kseries

pytestmark = pytest.mark.full("series")


@pytest.mark.parametrize(("case", "squashes"), [("split", [(2, 3)]), ("squashed", [])])
def test_the_silent_break_is_found_and_cured(
    kseries: Kseries, tmp_path: Path, case: str, squashes: list[tuple[int, ...]]
) -> None:
    bases.debian("7.3")
    folder = TOP / "testcases" / f"kvm-userfault-{case}-7.3"
    done = kseries("run", folder, "--out", "out")
    assert done.returncode == (1 if squashes else 0), done.stdout + done.stderr
    result, _ = rundir.read(tmp_path / "out")
    testcase = inputs.load(str(folder)).testcase
    assert testcase is not None
    assert expectation.differences(testcase.expect, result) == ()
    kcidbs.assert_taken(tmp_path / "out")
    advised = {finding.advice.squash for finding in result.findings if finding.advice and finding.advice.verified}
    assert [*advised] == squashes
    tip = {state.id: state for state in result.states}[f"prefix-{len(result.series.patches)}"]
    skipped = {check.id for check in tip.checks if check.status is Status.SKIP and check.id.startswith("kvm_userfault")}
    assert skipped == {"kvm_userfault.flag_refused"}
