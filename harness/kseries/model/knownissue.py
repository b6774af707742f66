# SPDX-License-Identifier: GPL-2.0-only
"""What a user knows to fail for a reason that is not the series'."""

import re
from datetime import date

from kseries.model.record import Record

LINK = re.compile(r"https?://[\x21-\x7e]{1,2000}")
"""Where a known issue is told of: what a browser may be led to."""


class KnownIssue(Record, frozen=True):
    """Checks that are known to fail, and where that is told of."""

    check: str
    """The id of a check, or a glob of some."""
    link: str
    said: str = ""
    """A regular expression that must be found in what was said; empty where a check's name is enough."""
    until: date | None = None
    """The last day on which it is applied, in UTC; None where there is none."""
    missing: bool = False
    """True where it covers a check, too, that has no answer: it is missing, or skipped."""
