# SPDX-License-Identifier: GPL-2.0-only
"""What who solves is asked, and what it answers: JSON in both directions."""

from kseries.model.conditions import Condition
from kseries.model.record import Record


class Question(Record, frozen=True):
    """Which options have to be set beside a fragment so that each of some conditions holds, the first ones first."""

    fragment: str
    """As ``make allnoconfig``, or alldefconfig, gets it (KCONFIG_ALLCONFIG)."""
    wanted: tuple[Condition, ...]
    defaults: bool = False
    """Whether other options have their defaults, and are not unset."""
    fixed: tuple[str, ...] = ()
    """Options that are to stay as the fragment has them, whatever becomes of the conditions."""


class Answer(Record, frozen=True):
    """As few options as were found to do."""

    options: dict[str, str]
    """y or n, by the name without CONFIG_, in the order in which they were set."""
