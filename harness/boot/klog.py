# SPDX-License-Identifier: GPL-2.0-only
"""The kernel log of a boot: what the kernel complained of, and during which check."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.model import Status

# Where each is printed: WARNING kernel/panic.c __warn() and kernel/locking/lockdep.c; BUG and Oops arch/*/mm/fault.c,
# lib/bug.c and arch/*/kernel/dumpstack.c, BUG also mm/kasan/report.c; panic kernel/panic.c; INFO
# kernel/rcu/tree_stall.h, kernel/hung_task.c and lockdep.c; UBSAN lib/ubsan.c; "BUG kmalloc-64 (Not tainted)"
# mm/slub.c slab_bug(); hard LOCKUP kernel/watchdog.c.
_SPLAT = re.compile(
    r"(?P<kind>WARNING: |BUG: |kernel BUG at |Oops: |general protection fault|Internal error: "
    r"|Kernel panic - not syncing: |INFO: rcu\w* (?:self-)?detected |INFO: task .{1,80} blocked for more|UBSAN: "
    r"|INFO: trying to register non-static key"
    r"|BUG \S{1,80} \((?:Not tainted|Tainted)|Watchdog detected hard LOCKUP)"
)
TIMESTAMP = re.compile(r"^(?:<\d+>)?\[\s*\d+\.\d+\](?:\[[^\]]*\])? ?")
_MARK = re.compile(r"kseries: (?P<what>enter|leave) (?P<check>[\w.-]+)(?: (?P<how>pass|fail|skip))?\s*$")
_PANIC = "Kernel panic - not syncing: "
# What ends the task that did it (arch/*/mm/fault.c, die() in arch/*/kernel); other BUGs only report.
_OOPS = (
    "kernel BUG at ",
    "Oops: ",
    "general protection fault",
    "Internal error: ",
    "BUG: kernel NULL pointer dereference",
    "BUG: unable to handle ",
)
_LINE = re.compile(r"[^\n]+")
MAX_LINE = 1024
"""Characters of a line that are looked at; a record of printk's has fewer (PRINTK_MESSAGE_MAX in
kernel/printk/internal.h is 2048, prefix and all, and what tells a splat stands at its start)."""


@dataclass(frozen=True)
class Splat:
    """A complaint of the kernel: its first line, and the check during which it came, if any."""

    text: str
    check: str | None

    @property
    def panic(self) -> bool:
        return self.text.startswith(_PANIC)

    @property
    def oops(self) -> bool:
        """True where a task of the guest died of it, and the kernel may go on."""
        return self.text.startswith(_OOPS)


@dataclass(frozen=True)
class KernelLog:
    """What a kernel log tells. ``under_way`` is the check that it ends in: the one the machine died of."""

    splats: tuple[Splat, ...]
    under_way: str | None
    left: Mapping[str, Status] = field(default_factory=dict)
    """How each check ended that the log saw the end of."""


def read(log: str) -> KernelLog:
    """Read a kernel log, with the marks that the probes write into it through /dev/kmsg."""
    found: list[Splat] = []
    left: dict[str, Status] = {}
    check: str | None = None
    for raw in _LINE.finditer(log):
        line = TIMESTAMP.sub("", raw[0][:MAX_LINE])
        if splat := _SPLAT.search(line):
            found.append(Splat(line[splat.start() :].strip(), check))
        if mark := _MARK.search(line):  # one that ends a complaint takes nothing of it away
            check = mark["check"] if mark["what"] == "enter" else None
            if mark["how"]:
                left[mark["check"]] = Status(mark["how"])
    return KernelLog(tuple(found), check, left)


def first_complaint(lines: Sequence[str]) -> int | None:
    """The index of the first line in which the kernel complains."""
    return next((number for number, line in enumerate(lines) if _SPLAT.search(line[:MAX_LINE])), None)
