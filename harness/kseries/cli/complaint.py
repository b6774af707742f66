# SPDX-License-Identifier: GPL-2.0-only
"""An error that is meant for the user, on standard error."""

import contextlib
import re
import sys

from kseries.model import events
from kseries.model.errors import KseriesError
from kseries.model.sanitize import printable

_FOREIGN_LINE = re.compile(r"\n(?!  )")
"""The end of a line that is none of a message's own, which begin with two blanks: a file's name may have one in it."""


def of(error: KseriesError) -> int:
    """Say it; its exit status."""
    return said(_FOREIGN_LINE.sub(" ", str(error)), error.exit_status)


def said(text: str, status: int) -> int:
    with contextlib.suppress(OSError):  # where standard error is a file on a full disk, the status has to say it
        print(f"kseries: {printable(text)}", file=sys.stderr)  # it may name what a stranger has named
    return status


def note(event: events.Event) -> None:
    """Say what a command has to tell beside what it prints, on standard error."""
    if isinstance(event, events.Preparing):
        print(f"kseries: {printable(event.what)}", file=sys.stderr)
