# SPDX-License-Identifier: GPL-2.0-only
"""A run as KCIDB takes it (schema v5.3): checkouts, builds, tests, and what was found as issues and incidents."""

from typing import Any

from kseries.report.reporter import FinishedRun


def document(run: FinishedRun, origin: str) -> dict[str, Any]:
    """The whole report. ``origin`` is by whose name the results go in the database: ``[a-z0-9_]+``."""
    raise NotImplementedError
