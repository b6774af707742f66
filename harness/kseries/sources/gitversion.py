# SPDX-License-Identifier: GPL-2.0-only
"""How new a git has to be."""

import re

OLDEST = (2, 39)
"""The first whose merge-tree takes --stdin (its release notes): all merges of a plan are made by a few processes."""


def too_old(said: str) -> str | None:
    """What is wrong with a git that calls itself so (``git version``), or None; one that says no number may do."""
    found = re.search(r"(\d+)\.(\d+)", said)
    if found is None or (int(found[1]), int(found[2])) >= OLDEST:
        return None
    return f"{said} is too old: {OLDEST[0]}.{OLDEST[1]} can make many merges without checking out"
