# SPDX-License-Identifier: GPL-2.0-only
"""The kernel log of a boot: what the kernel complained of, and during which check."""

import re
from dataclasses import dataclass

# Where each is printed: WARNING kernel/panic.c __warn(); BUG and Oops arch/*/mm/fault.c, lib/bug.c and
# arch/*/kernel/dumpstack.c; panic kernel/panic.c; INFO kernel/rcu/tree_stall.h and kernel/hung_task.c;
# UBSAN lib/ubsan.c.
_SPLAT = re.compile(
    r"(?P<kind>WARNING: |BUG: |kernel BUG at |Oops: |general protection fault|Internal error: "
    r"|Kernel panic - not syncing: |INFO: rcu\S* .*(?:stall|detected)|INFO: task \S+ blocked|UBSAN: )"
)
_TIMESTAMP = re.compile(r"^(?:<\d+>)?\[\s*\d+\.\d+\](?:\[[^\]]*\])? ?")
_MARK = re.compile(r"kseries: (?P<what>enter|leave) (?P<check>[\w.-]+)\s*$")
_PANIC = "Kernel panic - not syncing: "


@dataclass(frozen=True)
class Splat:
    """A complaint of the kernel: its first line, and the check during which it came, if any."""

    text: str
    check: str | None

    @property
    def panic(self) -> bool:
        return self.text.startswith(_PANIC)


@dataclass(frozen=True)
class KernelLog:
    """What a kernel log tells. ``under_way`` is the check that it ends in: the one the machine died of."""

    splats: tuple[Splat, ...]
    under_way: str | None


def read(log: str) -> KernelLog:
    """Read a kernel log, with the marks that the probes write into it through /dev/kmsg."""
    found: list[Splat] = []
    check: str | None = None
    for raw in log.splitlines():
        line = _TIMESTAMP.sub("", raw)
        if mark := _MARK.search(line):
            check = mark["check"] if mark["what"] == "enter" else None
        elif splat := _SPLAT.search(line):
            found.append(Splat(line[splat.start() :].strip(), check))
    return KernelLog(tuple(found), check)
