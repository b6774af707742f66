# SPDX-License-Identifier: GPL-2.0-only
"""What the commands that report a run have in common: --report, and what is said where a report cannot be made."""

import argparse
import os
import re
import traceback
import urllib.parse
from collections.abc import Iterable
from pathlib import Path

from kseries.app import reports
from kseries.app.reports import Report
from kseries.cli import complaint
from kseries.model.errors import TRACEBACK
from kseries.model.sanitize import line, shortened
from kseries.publish import registry
from kseries.report.reporter import FinishedRun

NAMES = f"{', '.join(registry.OURS)}, or one that an installed package brings"
_PREFIX = re.compile(
    r"(?:https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?|file://)(?:/(?:[a-z0-9._~!$&'()*+,;=:@-]|%[0-9a-f]{2})*)*",
    re.IGNORECASE | re.ASCII,
)
"""What is a URL to RFC 3986, and leads to a folder: with no query behind it, and no password in it."""
_SHOWN = 100
"""Characters of a word of the command line that an error repeats."""
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


def add_publish_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--publish",
        metavar="NAME[=WHERE]",
        action="append",
        default=[],
        help="bring the result to where others look, as kseries publish --to does",
    )
    add_url_argument(parser)


def add_url_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--url",
        metavar="PREFIX",
        type=prefix,
        help="where others find the run's directory: https://ci.example.org/runs/42",
    )


def prefix(text: str) -> str:
    """A URL that leads to a folder. Raises argparse.ArgumentTypeError."""
    if not _PREFIX.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{shortened(line(text), _SHOWN)} is no URL, as https://ci.example.org/42 is")
    return text.rstrip("/")


def links(prefix: str | None, directory: Path, several: bool) -> str:
    """Where others find the directory of a run; of several runs each has its own folder below the prefix."""
    if prefix is None:
        return ""
    return f"{prefix}/{urllib.parse.quote(directory.resolve().name)}" if several else prefix


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
