# SPDX-License-Identifier: GPL-2.0-only
"""A timer of a machine that is stopped: the machine has not seen that time pass, and its timer expires all the same.

It needs nothing of KVM: an example of a host-side test for any subsystem.
"""

import time

SECONDS = 3
STOPPED = 6


def test_timerfd_expires_by_the_machines_own_time(guest, qmp):
    timer = guest.start(["/programs/timer", str(SECONDS)])
    assert timer.line(30) == "armed"
    qmp("stop")
    time.sleep(STOPPED)
    qmp("cont")
    expirations, milliseconds = map(int, timer.line(60).split())
    assert expirations == 1
    assert milliseconds >= SECONDS * 1000
    assert timer.wait(30).status == 0
