# SPDX-License-Identifier: GPL-2.0-only
"""Whether this host had other work to do while a guest ran: then a guest that stalls proves nothing."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

_STOLEN = 0.05
"""The share of its CPUs' time that a host has to be without for its hypervisor's sake to count as busy."""
_TICKS = os.sysconf("SC_CLK_TCK")
_STAT = Path("/proc/stat")
_LOADAVG = Path("/proc/loadavg")


@dataclass(frozen=True)
class Load:
    """What a host had to do at a moment: ``average`` is the number of tasks that ran or wanted to, over the last minute
    (proc_loadavg(5)); ``stolen`` are the seconds, over all CPUs, in which something else ran on them (proc_stat(5)).
    """

    average: float
    stolen: float
    at: float


def now() -> Load | None:
    """The load of this host; None where it does not tell."""
    try:
        average = float(_LOADAVG.read_text().split()[0])
        words = _STAT.read_text().split("\n", 1)[0].split()
        return Load(average, int(words[8]) / _TICKS, time.monotonic())
    except (OSError, ValueError, IndexError):
        return None


def busy(before: Load | None, after: Load | None, cpus: int) -> bool:
    """True unless it is known that the host had a CPU for each task that wanted one.

    kseries' own builds beside a boot are work like any other.
    """
    if before is None or after is None:
        return True
    seconds = max(after.at - before.at, 0.001) * cpus
    crowded = max(before.average, after.average) > cpus
    return crowded or (after.stolen - before.stolen) / seconds > _STOLEN


def cpus() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0))
