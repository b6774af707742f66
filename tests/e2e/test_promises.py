# SPDX-License-Identifier: GPL-2.0-only
"""Series without any contract: silent breaks are suspected by what is inferred, and of harmless ones nothing is."""

import shutil
from pathlib import Path

import pytest

from kseries import inputs
from kseries.app import rundir
from kseries.model import Finding, FindingKind
from tests.support import harmless, kcidbs
from tests.support.commands import TOP, Kseries

pytestmark = pytest.mark.full("promises")

PROMISES = {
    "exit-on-missing-split": "KVM_CAP_EXIT_ON_MISSING",
    "exit-on-missing-squashed": "KVM_CAP_EXIT_ON_MISSING",
    "timerfd-semaphore": "TFD_SEMAPHORE",
    "timerfd-sticky": "TFD_STICKY",
    "timerfd-clean": "TFD_SEMAPHORE",
    "eventfd-saturate": "EFD_SATURATE",
}
ARCH = "x86_64"
ON_BOTH = ("exit-on-missing-split", "exit-on-missing-squashed")
CASES = [*((name, ARCH) for name in PROMISES), *((name, "arm64") for name in ON_BOTH)]


def essence(finding: Finding) -> tuple[str, int | None, int | None]:
    return finding.state, finding.patch, finding.partner


@pytest.mark.parametrize(("name", "arch"), CASES)
def test_each_silent_break_is_suspected_and_nothing_else(
    kseries: Kseries, tmp_path: Path, name: str, arch: str
) -> None:
    case = TOP / "testcases" / name
    done = kseries("run", case, "--arch", arch, "--no-contracts", "--out", "out")
    assert done.returncode == 0, done.stdout + done.stderr
    result, _ = rundir.read(tmp_path / "out")
    kcidbs.assert_taken(tmp_path / "out")
    expected = inputs.load(str(case)).testcase
    assert expected is not None
    breaks = {
        (one.state, one.patch, one.partner)
        for one in expected.expect.findings
        if one.kind is FindingKind.SILENT_BREAK and one.arch in (None, arch)
    }
    suspected = [one for one in result.findings if one.kind is FindingKind.SUSPECTED_BREAK]
    assert {essence(one) for one in suspected if "without-" in one.state} == breaks
    assert {part.name for one in suspected for part in one.promise or ()} == ({PROMISES[name]} if breaks else set())
    prefixes = {one.state for one in suspected if "prefix-" in one.state}
    assert prefixes <= {one.state for one in expected.expect.findings if one.kind is FindingKind.BISECT_HOLE}


@pytest.mark.parametrize("name", ["exit-on-missing-split", "eventfd-saturate"])
def test_the_contract_that_is_written_finds_the_silent_break(kseries: Kseries, tmp_path: Path, name: str) -> None:
    case = TOP / "testcases" / name
    made = kseries("promise", case, "--arch", ARCH, "-o", "made.toml")
    assert made.returncode == 0, made.stderr
    done = kseries("run", case, "--arch", ARCH, "--no-contracts", "--contract", "made.toml", "--out", "out")
    assert done.returncode == 1, done.stdout + done.stderr
    result, _ = rundir.read(tmp_path / "out")
    expected = inputs.load(str(case)).testcase
    assert expected is not None
    breaks = {
        (one.state, one.patch, one.partner)
        for one in expected.expect.findings
        if one.kind is FindingKind.SILENT_BREAK and one.arch in (None, ARCH)
    }
    assert {essence(one) for one in result.findings if one.kind is FindingKind.SILENT_BREAK} == breaks


@pytest.mark.parametrize("name", harmless.SERIES)
def test_of_a_harmless_series_nothing_is_suspected(kseries: Kseries, tmp_path: Path, name: str) -> None:
    case = harmless.SERIES[name]
    series = tmp_path / "series"
    (series / "probes").mkdir(parents=True)
    for number, patch in enumerate(case.patches(), 1):
        (series / f"{number:04}-a.patch").write_text(patch)
    for probe in (one for test in case.probes for one in (TOP / "testcases" / test / "probes").glob("*.c")):
        shutil.copy(probe, series / "probes")
    words = ("--arch", ARCH, "--probe", "capabilities", "--scenario", "prefixes,reverts", "--no-contracts")
    done = kseries("run", series, *words, *case.words, "--out", "out")
    assert done.returncode == 0, done.stdout + done.stderr
    result, _ = rundir.read(tmp_path / "out")
    assert result.findings == ()
    assert result.states[0].checks and all(state.outcome.well or state.outcome.loud for state in result.states)
