# SPDX-License-Identifier: GPL-2.0-only
"""What a run found for GitLab's Code Quality (docs.gitlab.com, "Code Quality report format"), which a job uploads."""

from typing import Any

from kseries.model import RunResult
from kseries.report import json
from kseries.report.annotations import Annotation, Level, annotations
from kseries.report.spots import Spot

_SEVERITY = {Level.ERROR: "critical", Level.WARNING: "minor", Level.NOTE: "info"}
_SOMEWHERE = Spot("Makefile", 1)
"""GitLab leaves out what has no file: the top of the tree stands for a series whose files a result does not name."""


def render(run: RunResult) -> str:
    """The whole document."""
    return json.document([_entry(one) for one in annotations(run)])


def _entry(one: Annotation) -> dict[str, Any]:
    spot = one.spot or _SOMEWHERE
    return {
        "description": one.title,
        "check_name": str(one.finding.kind),
        "fingerprint": one.fingerprint,
        "severity": _SEVERITY[one.level],
        "location": {"path": spot.file, "lines": {"begin": spot.line}},
    }
