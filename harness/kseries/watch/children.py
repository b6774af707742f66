# SPDX-License-Identifier: GPL-2.0-only
"""The runs of kseries that a watch starts, one at a time: what they say goes to a file, and they end with us.

Of a watch that is killed (-9) the run is told to end by the kernel (PR_SET_PDEATHSIG in prctl(2)), and holds a lock
until it is gone: the next watch waits for that before it begins.
"""

import contextlib
import re
from collections.abc import Callable
from pathlib import Path

from kseries.host import cachelock, processes
from kseries.model.sanitize import joined, shortened

_LOOK_SECONDS = 0.5
_END_SECONDS = 15.0
"""For a run that was told to end; docs/faults.md says that it takes ten."""
_TAIL = 64 << 10
_SAID = 1000
_ERROR = re.compile(r"^kseries: (.*(?:\n  .*)*)", re.MULTILINE)


Run = Callable[[list[str], Path, Callable[[], bool]], int]
"""run(), or what stands in for it."""


class StoppedError(Exception):
    """The run was ended, since nobody wants it any more."""


def run(argv: list[str], log: Path, wanted: Callable[[], bool]) -> int:
    """Run a command of kseries to its end; its exit status. What it says goes to ``log``, which is made anew.

    Raises StoppedError once ``wanted`` says no, which is asked now and then. However this is left, it has ended.
    """
    processes.require("setpriv", "util-linux")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as said:
        words = ["setpriv", "--pdeathsig", "TERM", *argv]
        child = processes.beside(words, Path.cwd(), cachelock.held(), said, publishes=True)
        with processes.ended(child, _END_SECONDS):
            while not processes.ends(child, _LOOK_SECONDS):
                if not wanted():
                    raise StoppedError
        return _status(child.returncode)


def _status(returncode: int) -> int:
    """As a shell tells it."""
    return returncode if returncode >= 0 else 128 - returncode


def words(log: Path) -> str:
    """What a run said last of why it failed, in a line; empty where it said nothing."""
    with contextlib.suppress(OSError):
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL))
            text = file.read().decode(errors="replace")
        found = _ERROR.findall(text) or text.strip().splitlines()
        return shortened(joined(found[-1]), _SAID) if found else ""
    return ""
