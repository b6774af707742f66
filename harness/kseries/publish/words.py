# SPDX-License-Identifier: GPL-2.0-only
"""What is told of a server, on standard error: in a line, and fit for a terminal."""

import sys

from kseries.model.sanitize import line, shortened

_SAID = 200
"""Characters of what a server says that are repeated."""


def say(text: str) -> None:
    """Tell the user, in one line."""
    print(f"kseries: {line(text)}", file=sys.stderr, flush=True)


def quoted(text: str) -> str:
    """What a server said, fit to be repeated in a line of ours."""
    return shortened(line(text), _SAID)
