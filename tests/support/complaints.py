# SPDX-License-Identifier: GPL-2.0-only
"""What a kernel complains of, as records."""

import msgspec

from kseries.model import Complaint, Gravity

OOPS = Complaint(
    gravity=Gravity.OOPS,
    kind="BUG: kernel NULL pointer dereference",
    said="BUG: kernel NULL pointer dereference, address: 0000000000000010",
    function="f",
    file="kernel/f.c",
    line=7,
    check="p.a",
)

WARNS = Complaint(
    gravity=Gravity.REPORT,
    kind="WARNING",
    said="WARNING: CPU: 0 PID: 1 at f+0x1/0x2",
    function="f",
    file="kernel/f.c",
    line=7,
    check="p.a",
)

STALL = Complaint(
    gravity=Gravity.STALL, kind="BUG: soft lockup", said="watchdog: BUG: soft lockup - CPU#0", function="f"
)


def unsure(complaint: Complaint) -> Complaint:
    """One that came in one boot of two."""
    return msgspec.structs.replace(complaint, boots=1, of=2)


def busy(complaint: Complaint) -> Complaint:
    """One that came while the host had other work to do."""
    return msgspec.structs.replace(complaint, busy=True)
