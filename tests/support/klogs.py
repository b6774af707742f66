# SPDX-License-Identifier: GPL-2.0-only
"""Logs of kernels: those that machines printed, and lines that are no complaint."""

from pathlib import Path

DATA = Path(__file__).parents[1] / "unit" / "data"
QUIET = [
    "------------[ cut here ]------------",
    "Command line: console=ttyS0 panic=-1",
    "ignoring loglevel setting.",
    "Bug reports to: list@example.com",
    "kseries: init: PROBE_SECONDS=x is no number of seconds, taking 60",
    "warning: process `a' used the deprecated sysctl system call",
    "rcu: Hierarchical RCU implementation.",
    "INFO: all is well",
    "INFO: lockdep is turned off.",
    "INFO: NMI handler (nmi_cpu_backtrace_handler) took too long to run: 3.923 msecs",
    "foo: DEBUG: entering foo_init()",
    "DEBUG: entering foo_init()",
    "ODEBUG: selftest passed",
    "ODEBUG: free active (active state 0) object: 00000000a1b2c3d4 object type: timer_list hint: f+0x0/0x1",
    "foo: NO_UBSAN: 0 objects",
    "foo: WARNING: clock is slow, using fallback",
    "foo 0000:00:01.0: WARNING: CPU: 0 PID: 1 at f+0x1/0x2",
    "WARNING: the foo is old",
    "WARNING: Spectre v2 mitigation leaves CPU vulnerable to RETBleed attacks, data leaks possible!",
    "foo: BUG: kernel NULL pointer dereference, address: 0000000000000010",
    "foo: Oops: 0000 [#1] SMP",
    "foo: Kernel panic - not syncing: x",
    "Command line: kmemleak=on",
    "kmemleak: Kernel memory leak detector initialized (mem pool available: 15846)",
    "clocksource: Switched to clocksource tsc-early",
    "rcu: \trcu_preempt kthread timer wakeup didn't happen for 1 jiffies!",
]


def golden(name: str) -> str:
    return (DATA / f"{name}.console").read_bytes().decode()
