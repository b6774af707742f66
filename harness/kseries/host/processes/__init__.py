# SPDX-License-Identifier: GPL-2.0-only
"""The only place that starts a process: what it may write, how long it may take, and how it dies.

Short tools (git, apt) go through ``run`` (tools.py). What comes from the series under test goes through ``start``, in a
box (boxed.py). Programs of ours, which may be at work for as long as we are, have ours.py.
"""

from kseries.host.box import Box
from kseries.host.processes.boxed import MAX_LINE, Running, on_terminal, start
from kseries.host.processes.boxing import unboxed
from kseries.host.processes.deadline import Deadline, DeadlineError
from kseries.host.processes.ours import Piped, beside, ended, ends, piped
from kseries.host.processes.passed_on import NOT_PASSED_ON
from kseries.host.processes.together import Company, aside, company
from kseries.host.processes.tools import Done, feeding, reading, require, run

__all__ = [
    "MAX_LINE",
    "NOT_PASSED_ON",
    "Box",
    "Company",
    "Deadline",
    "DeadlineError",
    "Done",
    "Piped",
    "Running",
    "aside",
    "beside",
    "company",
    "ended",
    "ends",
    "feeding",
    "on_terminal",
    "piped",
    "reading",
    "require",
    "run",
    "start",
    "unboxed",
]
