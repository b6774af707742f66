# SPDX-License-Identifier: GPL-2.0-only
"""Test cases and their mutants apply on the point release that there is today, of 6.12 or of what a case names, as 7.3.

Nothing is built; the parts of --full that build them may be months away.
"""

from pathlib import Path

import msgspec
import pytest

from kseries import inputs
from kseries.host import paths
from kseries.inputs import patchdir
from kseries.plan import scenarios
from kseries.sources import TreeStore, kernels
from tests.support import bases
from tests.support.commands import TOP
from tests.support.lab import MUTANTS

CASES = sorted(case.parent for case in (TOP / "testcases").glob("*/testcase.toml"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_test_case_and_its_mutants_apply_on_the_point_release_that_there_is(case: Path) -> None:
    target, trees = inputs.load(str(case)), TreeStore(paths.cache("trees.git"))
    base = bases.debian((target.tree or kernels.DEFAULT).rpartition("-")[2])
    tip = scenarios.apply_all(target.series, base, trees)[-1].tree_after
    for mutant in sorted((MUTANTS / case.name).glob("*/*.patch")):
        alone = msgspec.structs.replace(target.series, patches=(patchdir.read_patch(1, mutant),))
        scenarios.apply_all(alone, msgspec.structs.replace(base, tree=tip), trees)


def test_there_are_such_cases() -> None:
    named = [inputs.load(str(case)).tree or kernels.DEFAULT for case in CASES]
    assert len([tree for tree in named if tree == kernels.DEFAULT]) >= 4
    assert len([tree for tree in named if tree != kernels.DEFAULT]) >= 4
