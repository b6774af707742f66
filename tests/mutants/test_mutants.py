# SPDX-License-Identifier: GPL-2.0-only
"""The oracle's score: every mutant is killed by the check that is about it, and a good kernel raises nothing."""

import pytest

from kseries.model import Outcome, Status
from tests.support import catalogue
from tests.support.lab import Labs

REPEATS = 20


@pytest.mark.parametrize(
    "named", [pytest.param(named, marks=pytest.mark.full(named.part), id="-".join(named)) for named in catalogue.read()]
)
def test_killed(labs: Labs, named: catalogue.Named) -> None:
    lab = labs(named.arch, named.case)
    _, tip, findings = lab.tip(lab.mutant(named.name))
    assert catalogue.survival(catalogue.read()[named], tip, findings) is None


@pytest.mark.parametrize(
    ("case", "arch"), [pytest.param(*one, marks=pytest.mark.full(catalogue.part(*one))) for one in catalogue.sets()]
)
def test_nothing_is_raised_on_tip_and_base(labs: Labs, case: str, arch: str) -> None:
    lab = labs(arch, case)
    base, tip, findings = lab.tip(lab.series, repeat=REPEATS)
    assert findings == ()
    for state in (base, tip):
        assert state.outcome is Outcome.OK
        assert state.flaky == ()
        assert {check.status for check in state.checks} == {Status.PASS, Status.SKIP}
