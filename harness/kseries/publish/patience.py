# SPDX-License-Identifier: GPL-2.0-only
"""How often, and after how long, a server is asked again that has not done what it was asked for."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from kseries.model.errors import InfraError
from kseries.publish.exchange import LaterError, UnsureError
from kseries.publish.words import say

WAITS = (1.0, 4.0, 15.0, 30.0)
"""Seconds before each further trial."""
LONGEST = 120.0
"""Seconds that a server may ask for; whoever asks for more is asked again by the next kseries."""
_SILENT = 2.0
"""Seconds that may pass without a word."""
T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """``sleep`` waits for so many seconds."""

    sleep: Callable[[float], None] = time.sleep

    def until_done(self, host: str, work: Callable[[], T]) -> T:
        """What ``work`` returns, once a host has done it. It begins anew each time: what was unsure is asked for first.

        Raises RefusedError or AlienError, as ``work`` does, and InfraError where patience ends.
        """
        trials = _Trials(host, self.sleep)
        while True:
            try:
                return work()
            except (LaterError, UnsureError) as error:
                trials.wait(error)


class _Trials:
    """The trials of one thing."""

    def __init__(self, host: str, sleep: Callable[[float], None]) -> None:
        self._host = host
        self._sleep = sleep
        self._waits = iter(WAITS)

    def wait(self, error: LaterError | UnsureError) -> None:
        """Wait for the next trial. Raises InfraError where there is to be none."""
        asked = error.seconds if isinstance(error, LaterError) else None
        seconds = next(self._waits, None)
        if seconds is None or (asked or 0.0) > LONGEST:
            later = f", for {asked:.0f} s" if asked else ""
            raise InfraError(f"{self._host}: {error}{later}\n  the same command goes on") from None
        seconds = seconds if asked is None else max(asked, 1.0)
        if seconds > _SILENT:
            say(f"{self._host}: {error}: trying again in {seconds:.0f} s")
        self._sleep(seconds)
