# SPDX-License-Identifier: GPL-2.0-only
"""A process is taken away from a run, at each stage: no false verdict, nothing left running, and the next run goes on.

What is killed is real: kseries, bwrap, make, a shell, ccache, the compiler, QEMU. docs/faults.md has the table.
"""

import os
import signal

import pytest

from tests.support import tiny
from tests.support.faults import PROCESSES
from tests.support.processes import below
from tests.support.sample import sampled
from tests.support.site import SECONDS, Site, held, told, until

ALWAYS = {
    ("kill -9", "kseries", "compile"),
    ("kill -9", "bwrap", "link"),
    ("kill -9", "cc1", "compile"),
    ("kill -9", "qemu-system-x86", "boot"),
}
"""What every run of the tests tries: each outcome, each way to come to it."""
SIGNALS = {"kill -9": signal.SIGKILL, "kill -TERM": signal.SIGTERM}


@pytest.mark.parametrize(
    ("what", "victim", "stage", "outcome", "detail"), sampled("faults", PROCESSES, lambda row: row[:3] in ALWAYS)
)
def test_what_is_killed_is_no_verdict_and_the_next_run_goes_on(
    site: Site, what: str, victim: str, stage: str, outcome: str, detail: str
) -> None:
    tip = site.series(delay=tiny.LONG // 4 if stage == "boot" else 1)
    run = held(site, tip, stage)
    pid = run.pid if victim == "kseries" else until(lambda: below(run.pid, victim), victim, run)
    os.kill(pid, SIGNALS[what])
    if victim == "kseries":
        run.communicate(timeout=SECONDS)
        assert run.returncode == -signal.SIGKILL
    else:
        states = told(run)["states"]
        assert states["base"] == ["ok", ""]
        assert states["prefix-1"][0] == outcome, states
        assert detail in states["prefix-1"][1]
    until(lambda: not site.left(), "what was left running to end")
    again = site.run(tip)
    assert again["states"]["prefix-1"][0] == "ok", again
    assert again["fresh"] == ["prefix-1"], "base is known, and is not done twice"
