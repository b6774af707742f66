# SPDX-License-Identifier: GPL-2.0-only
"""What the commands that report a run have in common: --report, and what is said where a report cannot be made."""

import argparse
import os
import traceback
from collections.abc import Iterable

from kseries.app import reports
from kseries.app.reports import Report
from kseries.cli import complaint
from kseries.model.errors import TRACEBACK
from kseries.report import registry
from kseries.report.reporter import FinishedRun

NAMES = f"{', '.join(registry.OURS)}, or one that an installed package brings"
_WORST = (2, 3, 1, 0)
"""Exit statuses, the one first that counts where there are several."""


def add_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--report",
        metavar="NAME[=FILE]",
        action="append",
        default=[],
        help=f"another report, into --out or FILE (- prints it): {NAMES}",
    )


def make(run: FinishedRun, wanted: Iterable[Report]) -> int:
    """Make these reports, and say of each that cannot be made why; 0, or the exit status of that."""
    failures = reports.make(run, wanted)
    for error in failures:
        if os.environ.get(TRACEBACK) and error.__cause__ is not None:
            complaint.said("".join(traceback.format_exception(error.__cause__)).rstrip(), 0)
    return worst(map(complaint.of, failures))


def worst(statuses: Iterable[int]) -> int:
    """What a command exits with that came to several of these."""
    found = {0, *statuses}
    return next(status for status in _WORST if status in found)
