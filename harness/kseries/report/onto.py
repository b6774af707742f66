# SPDX-License-Identifier: GPL-2.0-only
"""What the base of a run is, where its name does not say all of it: what a verdict may hang on, in words."""

from collections.abc import Iterator

from kseries.model import Base
from kseries.model.sanitize import few, line

_FEW = 9


def lines(base: Base) -> Iterator[str]:
    """The patches that were applied first, those that nobody had, and by what it was found."""
    if base.prerequisites:
        yield f"applied first: {few(base.prerequisites, _FEW)}"
    if base.lacking:
        yield f"the series names prerequisites that were not there: {few(base.lacking)}; what fails may lack them"
    if base.guessed:
        yield f"nobody named the base: {line(base.guessed[:12])} has all files as the series was made from them"
