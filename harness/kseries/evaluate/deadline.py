# SPDX-License-Identifier: GPL-2.0-only
"""When a run begins no state any more. What it is at by then is finished."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from kseries.model.budget import in_words


class UsedUpError(Exception):
    """States of a plan are left that would have to be begun, and the time for that is over.

    Nothing is wrong: who asked for the plan tells of what there is (Engine.so_far).
    """


@dataclass(frozen=True)
class Deadline:
    """A point of a clock that nobody sets: the monotonic one of this process. Without seconds it never comes."""

    seconds: float | None = None
    """What was asked for, of the whole command."""
    share: float | None = None
    """What this has of it, where there are several."""
    end: float = math.inf
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float | None, clock: Callable[[], float] = time.monotonic) -> "Deadline":
        """So many seconds from now."""
        return cls(seconds, None, math.inf if seconds is None else clock() + seconds, clock)

    def shared(self, among: int) -> "Deadline":
        """The time that the first of so many has from now, if what is left is for all of them alike."""
        if self.seconds is None:
            return self
        share = max(0.0, self.left) / among
        return Deadline(self.seconds, share, self.clock() + share, self.clock)

    @property
    def left(self) -> float:
        """Seconds until it comes, and 0 or less from then on."""
        return self.end - self.clock()

    @property
    def timeout(self) -> float | None:
        """The same as asyncio has it; None where it never comes."""
        return None if self.seconds is None else self.left

    @property
    def is_over(self) -> bool:
        return self.left <= 0

    @property
    def words(self) -> str:
        """Of which budget it is, as a person says it."""
        return "" if self.seconds is None else f"budget of {in_words(self.seconds)}"


NEVER = Deadline()
