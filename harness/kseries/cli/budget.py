# SPDX-License-Identifier: GPL-2.0-only
"""The option that gives a command its time, after which no state is begun."""

import argparse
import re

from kseries.evaluate.deadline import Deadline
from kseries.model.sanitize import line, shortened

_TIME = re.compile(r"(?:(?P<h>[0-9]{1,9})h)?(?:(?P<m>[0-9]{1,9})m)?(?:(?P<s>[0-9]{1,9})s)?|(?P<bare>[0-9]{1,9})")
_SECONDS = {"h": 3600, "m": 60, "s": 1, "bare": 1}
_MOST = 365 * 24 * 3600
_SHOWN = 40
"""Characters of what was asked for that an error repeats."""


def add_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--budget",
        metavar="TIME",
        type=seconds,
        help="begin no state once it is over, as in 20m, 90s, 2h; what is left out is named, and the next run goes on",
    )


def of(args: argparse.Namespace) -> Deadline:
    """The deadline that a command line asks for, from now on."""
    return Deadline.after(args.budget)


def seconds(text: str) -> int:
    """A time as people type it. Raises argparse.ArgumentTypeError for what is none, is over at once, or never is."""
    found = _TIME.fullmatch(text) if text else None
    shown = shortened(line(text), _SHOWN)
    if found is None:
        raise argparse.ArgumentTypeError(
            f"{shown or 'nothing'} is no time, as 20m, 90s, 2h, 1h30m or 600 (seconds) are"
        )
    total = sum(int(number) * _SECONDS[unit] for unit, number in found.groupdict().items() if number is not None)
    if not total:
        raise argparse.ArgumentTypeError(f"{shown} is no time for anything: give it some, as in 20m")
    if total > _MOST:
        raise argparse.ArgumentTypeError(f"{shown} is more than a year: leave it out, and the run has all the time")
    return total
