# SPDX-License-Identifier: GPL-2.0-only
"""Check runs as GitHub has them; what else it tells is passed over."""

from enum import StrEnum

from kseries.model import Record


class Status(StrEnum):
    """Whether a check run has come to its end."""

    AT_WORK = "in_progress"
    COMPLETED = "completed"


class Conclusion(StrEnum):
    """What a completed one came to. NEUTRAL keeps nobody from a merge, FAILURE does where the check is required."""

    SUCCESS = "success"
    NEUTRAL = "neutral"
    FAILURE = "failure"


class Annotation(Record, frozen=True):
    """What is said of a line of a file."""

    path: str
    start_line: int
    end_line: int
    annotation_level: str
    """notice, warning or failure."""
    title: str | None
    message: str | None


class Output(Record, frozen=True):
    """What a check run shows."""

    title: str | None = None
    summary: str | None = None
    """In Markdown."""


class CheckRun(Record, frozen=True):
    """One that is there."""

    id: int
    name: str
    status: str
    output: Output
    external_id: str | None = None
    conclusion: str | None = None


class CheckRuns(Record, frozen=True):
    """A page of them."""

    check_runs: tuple[CheckRun, ...]
