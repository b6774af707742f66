# SPDX-License-Identifier: GPL-2.0-only
"""Does a guest still get anywhere? Told line by line what it prints, on a clock that a test can hold.

How many seconds it has: model/machine.py.
"""

import asyncio
import math
import re
import time
from collections.abc import Callable

from kseries.guest import klog
from kseries.model import DEFAULT_MACHINE, Machine
from kseries.probes import ktap

# Headers, plans and results. A diagnostic is no progress: it can be printed for ever.
_PROGRESS = re.compile(r"[ \t]*(?:KTAP version |1\.\.\d|(?:not )?ok(?!\S)|# (?:Subtest|plan): )")
_RESULT = re.compile(r"[ \t]*(?:not )?ok(?!\S)")


class Unwatched:
    """Of a guest that need get nowhere: who drives it says when it is over."""

    stall = ""

    def __init__(self) -> None:
        self.ended = asyncio.Event()

    @property
    def left(self) -> float:
        return math.inf


class Watch:
    """Follows one boot through the lines of both its channels."""

    def __init__(
        self, machine: Machine = DEFAULT_MACHINE, clock: Callable[[], float] = time.monotonic, *, kunit: bool = False
    ) -> None:
        """``kunit``: the kernel tests itself while it boots, and each result in its log is progress."""
        self._machine = machine
        self._kunit = kunit
        self.ended = asyncio.Event()
        """Set when init has said that every probe was run."""
        self.first_result_at: float | None = None
        self._clock = clock
        self._booted = False
        self._since = self._booting_since = clock()
        self._lines = 0

    def console_line(self, line: str) -> None:
        """The kernel says something: progress as long as it boots, and no more than noise after that."""
        self._lines += 1
        if self._kunit and _RESULT.match(klog.message(line)):
            self._since = self._booting_since = self._clock()
            self._lines = 0
        elif not (self._booted or self._kunit):
            self._since = self._clock()

    def results_line(self, line: str) -> None:
        """Init or a probe says something."""
        self._lines += 1
        if line.rstrip() == ktap.END:
            self.ended.set()
        if not _PROGRESS.match(line):
            return
        self._booted = True
        self._since = self._clock()
        self._lines = 0
        if self.first_result_at is None and _RESULT.match(line):
            self.first_result_at = self._since

    @property
    def left(self) -> float:
        """Seconds until the guest is taken for hung, never below zero."""
        if self._kunit and not self._booted:  # a case may take as long as a probe
            longest = max(self._machine.boot_seconds, self._machine.probe_seconds)
            return max(0.0, self._booting_since + longest - self._clock())
        until = self._since + self._machine.stall_seconds
        if not self._booted:
            until = min(until, self._booting_since + self._machine.boot_seconds)
        return max(0.0, until - self._clock())

    @property
    def stall(self) -> str:
        """In words, how it is that the guest gets nowhere."""
        seconds = self._clock() - (self._since if self._booted else self._booting_since)
        meanwhile = f"while it printed {self._lines} lines" if self._lines else "and not a word"
        return f"no progress in {seconds:.0f} s, {meanwhile}"
