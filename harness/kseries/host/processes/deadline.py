# SPDX-License-Identifier: GPL-2.0-only
"""How long somebody waits."""

import time
from collections.abc import Callable
from dataclasses import dataclass


class DeadlineError(Exception):
    """A wait took longer than it was given; what it waited for has been killed."""


@dataclass(frozen=True)
class Deadline:
    """A point on a monotonic clock. Pass it down, so that a chain of waits shares one limit."""

    at: float
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = time.monotonic) -> "Deadline":
        return cls(clock() + seconds, clock)

    @property
    def left(self) -> float:
        """Seconds left, never below zero."""
        return max(0.0, self.at - self.clock())

    @property
    def passed(self) -> bool:
        return self.left == 0.0
