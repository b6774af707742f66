# SPDX-License-Identifier: GPL-2.0-only
"""The oracle's score: every mutant is killed by the check that is about it, and a good kernel raises nothing."""

import pytest

from kseries import arch as archs
from kseries.model import Outcome, Status
from tests.support import catalogue
from tests.support.lab import Labs

REPEATS = 20


@pytest.mark.parametrize(
    ("arch", "name"),
    [pytest.param(arch, name, marks=pytest.mark.full(f"mutants-{arch}")) for arch, name in sorted(catalogue.read())],
)
def test_killed(labs: Labs, arch: str, name: str) -> None:
    lab = labs(arch)
    _, tip, findings = lab.tip(lab.mutant(name))
    assert catalogue.survival(catalogue.read()[arch, name], tip, findings) is None


@pytest.mark.parametrize(
    "arch", [pytest.param(arch, marks=pytest.mark.full(f"mutants-{arch}")) for arch in archs.known()]
)
def test_nothing_is_raised_on_tip_and_base(labs: Labs, arch: str) -> None:
    lab = labs(arch)
    base, tip, findings = lab.tip(lab.series, repeat=REPEATS)
    assert findings == ()
    for state in (base, tip):
        assert state.outcome is Outcome.OK
        assert state.flaky == ()
        assert {check.status for check in state.checks} == {Status.PASS, Status.SKIP}
