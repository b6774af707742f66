# SPDX-License-Identifier: GPL-2.0-only
"""What a reader of a run has to know of the kernel's own tests, beside their checks."""

from kseries.model.record import Record


class SelftestNote(Record, frozen=True, omit_defaults=True):
    """A test of which its name and its checks do not tell all."""

    name: str
    """What it is called as a probe."""
    call: str = ""
    """As --selftest has it, words and all; empty where it has none, and its own name."""
    on_base: str = ""
    """In words, how it ends on base, where it is there and neither passes nor is skipped."""
    left_out: bool = False
    """It gives no answer on base in time, so that no other state was asked."""
