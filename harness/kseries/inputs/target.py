# SPDX-License-Identifier: GPL-2.0-only
"""What every reader of a TARGET returns."""

from pathlib import Path

from kseries.inputs.prerequisite import Prerequisite
from kseries.inputs.testcase import TestCase
from kseries.inputs.variants import Asked
from kseries.model import Patch, Record, Series
from kseries.model.lineage import Range
from kseries.probes.commands import Run


class Target(Record, frozen=True):
    """A series, and what its source says about the tree it belongs on."""

    series: Series
    tree: str | None = None
    base: str | None = None
    """The commit under a range: there is no other."""
    history: Range | None = None
    """The range, where it is one of commits as they are: the series is then one patch, from GOOD's tree to BAD's."""
    base_commit: str | None = None
    """The commit in a ``base-commit:`` trailer (git format-patch --base), which the tree may or may not have."""
    prerequisites: tuple[Prerequisite, ...] = ()
    """What the series names as to be there first."""
    before: tuple[Patch, ...] = ()
    """Those of them that lay among its mails."""
    ids: tuple[str, ...] = ()
    """By what others name the series, beside its patches: its cover letter's Message-ID and b4's change-id."""
    notes: tuple[str, ...] = ()
    """What was passed over, and why: for the user, before the first state."""
    testcase: TestCase | None = None
    variants: tuple[tuple[str, Asked], ...] = ()
    """Those that it is to be judged for, by their names; none where the user alone decides."""
    contracts: tuple[Path, ...] = ()
    """What the series promises, in files that lie beside it."""
    programs: tuple[Path, ...] = ()
    """Probes of its own."""
    host_tests: tuple[Path, ...] = ()
    """Host-side tests of its own."""
    runs: tuple[Run, ...] = ()
    """Commands of its own."""
