# SPDX-License-Identifier: GPL-2.0-only
"""How often, and after how long, a server is asked again that has not done what it was asked for."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from kseries.model.errors import InfraError
from kseries.publish.exchange import FailedError, LaterError, UnsureError
from kseries.publish.words import say

WAITS = (1.0, 4.0, 15.0, 30.0)
"""Seconds before each further trial."""
LONGEST = 120.0
"""Seconds that a server may ask for; whoever asks for more is asked again by the next kseries."""
_SILENT = 2.0
"""Seconds that may pass without a word."""


@dataclass(frozen=True)
class Patience:
    """``sleep`` waits for so many seconds."""

    sleep: Callable[[float], None] = time.sleep

    def begin(self, host: str) -> "Trials":
        """Be patient with one thing that a host is asked for."""
        return Trials(host, self.sleep)


class Trials:
    """The trials of one thing."""

    def __init__(self, host: str, sleep: Callable[[float], None]) -> None:
        self._host = host
        self._sleep = sleep
        self._waits = iter(WAITS)

    def wait(self, error: FailedError) -> None:
        """Wait for the next trial. Raises InfraError where there is to be none: nothing else would help by itself."""
        asked = error.seconds if isinstance(error, LaterError) else None
        seconds = next(self._waits, None)
        again = isinstance(error, LaterError | UnsureError)
        if not again or seconds is None or (asked or 0.0) > LONGEST:
            later = f", for {asked:.0f} s" if asked else ""
            told = "the same command goes on" if again else "is it the server that you mean?"
            raise InfraError(f"{self._host}: {error}{later}\n  {told}") from None
        seconds = seconds if asked is None else max(asked, 1.0)
        if seconds > _SILENT:
            say(f"{self._host}: {error}: trying again in {seconds:.0f} s")
        self._sleep(seconds)
