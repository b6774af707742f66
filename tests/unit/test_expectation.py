# SPDX-License-Identifier: GPL-2.0-only
"""What a test case expects against what came: each difference has a line, and what is of one arch is of that arch."""

import msgspec
import pytest

from kseries.inputs import Expected, ExpectedFinding
from kseries.judge.expectation import differences
from kseries.model import FindingKind, RunResult
from tests.support.runs import split_run

BREAK = ExpectedFinding(
    kind=FindingKind.SILENT_BREAK, state="without-3", contract="exit-on-missing", patch=3, partner=4
)


def _run() -> RunResult:
    """The golden run, as if its squash had been tried."""
    run = split_run()
    (finding,) = run.findings
    assert finding.advice is not None
    proved = msgspec.structs.replace(finding, advice=msgspec.structs.replace(finding.advice, verified=True))
    return msgspec.structs.replace(run, findings=(proved,))


def _expected(*findings: ExpectedFinding, revert_safe: bool = False) -> Expected:
    return Expected(bisectable=True, revert_safe=revert_safe, findings=findings)


def test_nothing_is_said_where_all_is_as_expected() -> None:
    assert differences(_expected(BREAK), _run()) == ()


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        (_expected(BREAK, revert_safe=True), "revert_safe: expected True, got False"),
        (_expected(), "found, and not expected: silent-break in without-3"),
        (
            _expected(BREAK, msgspec.structs.replace(BREAK, state="without-1")),
            "expected, and not found: silent-break in without-1",
        ),
    ],
)
def test_each_difference_has_a_line(expected: Expected, said: str) -> None:
    (line,) = differences(expected, _run())
    assert line.startswith(said)


def test_a_finding_of_another_architecture_is_not_expected_here() -> None:
    here, elsewhere = (msgspec.structs.replace(BREAK, arch=arch) for arch in ("x86_64", "arm64"))
    assert differences(_expected(here), _run()) == ()
    (line,) = differences(_expected(elsewhere), _run())
    assert line.startswith("found, and not expected: silent-break in without-3")


def test_a_squash_that_was_not_seen_to_cure_is_a_difference() -> None:
    (line,) = differences(_expected(BREAK), split_run())
    assert line == "silent-break in without-3: the squash of (3, 4) is not seen to cure it"
