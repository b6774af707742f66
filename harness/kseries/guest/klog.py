# SPDX-License-Identifier: GPL-2.0-only
"""The kernel log of a boot: what the kernel complained of, and during which check.

The words by which a complaint is known are in complaintwords.py, those of one architecture alone in its file in arch/.
"""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kseries.guest import complaintwords
from kseries.model import Gravity, Status

TIMESTAMP = re.compile(r"^(?:<\d+>)?(?:\[\s*\d+\.\d+\](?:\[[^\]]*\])? ?)?")
"""What printk and the console put before a message: its level, the time, who called (CONFIG_PRINTK_CALLER)."""
_MARK = re.compile(r"kseries: (?P<what>enter|leave) (?P<check>[\w.-]+)(?: (?P<how>pass|fail|skip))?\s*$")
_STARTS = tuple({head.start for head in complaintwords.HEADS})
_LINE = re.compile(r"[^\n]+")
MAX_LINE = 1024
"""Characters of a line that are looked at; a record of printk's has fewer (PRINTK_MESSAGE_MAX in
kernel/printk/internal.h is 2048, prefix and all, and what tells a splat stands at its start)."""


@dataclass(frozen=True)
class Head:
    """What the first line of a complaint tells: its kind, and where, as far as the kernel says."""

    gravity: Gravity
    kind: str
    function: str = ""
    file: str = ""
    line: int | None = None


@dataclass(frozen=True)
class Splat:
    """A complaint of the kernel: its first line, and the check during which it came, if any."""

    text: str
    check: str | None

    @property
    def panic(self) -> bool:
        return self.text.startswith(complaintwords.PANIC)

    @property
    def oops(self) -> bool:
        """True where a task of the guest died of it, and the kernel may go on."""
        return not self.panic and self._gravity is Gravity.OOPS

    @property
    def stall(self) -> bool:
        """True where it says that something took too long: who has to wait for a CPU of the host takes long, too."""
        return self._gravity is Gravity.STALL

    @property
    def _gravity(self) -> Gravity | None:
        told = head(self.text)
        return told.gravity if told is not None else None


@dataclass(frozen=True)
class KernelLog:
    """What a kernel log tells. ``under_way`` is the check that it ends in: the one the machine died of."""

    splats: tuple[Splat, ...]
    under_way: str | None
    left: Mapping[str, Status] = field(default_factory=dict)
    """How each check ended that the log saw the end of."""


def message(line: str) -> str:
    """A line of the log without what is before the message, and no longer than what is looked at."""
    return TIMESTAMP.sub("", line[:MAX_LINE])


@functools.lru_cache(maxsize=1024)
def head(message: str) -> Head | None:
    """What a message says if it is the first of a complaint. One that comes for ever is looked at once."""
    if "[#" in message and (died := complaintwords.DIED.match(message)):
        return Head(Gravity.OOPS, _without_moves(died["what"].partition(",")[0]))
    if not message.startswith(_STARTS):
        return None
    for one in complaintwords.HEADS:
        if message.startswith(one.start) and (found := one.pattern.match(message)):
            told = {"function": "", "file": "", "line": None, **found.groupdict(default="")}
            return Head(
                one.gravity,
                one.kind + _without_moves(found["what"]),
                str(told["function"]),
                str(told["file"]),
                int(told["line"]) if told["line"] else None,
            )
    return None


def _without_moves(kind: str) -> str:
    return complaintwords.MOVES.sub("#", kind.strip())[: complaintwords.MAX_KIND]


def mark(message: str) -> re.Match[str] | None:
    """What a probe has written into the log as it began with a check, or left it: groups what, check, how."""
    return _MARK.search(message) if "kseries: " in message else None


def messages(log: str) -> Iterator[str]:
    """The messages of a log, without those that say nothing."""
    return (message(raw[0]) for raw in _LINE.finditer(log))


def read(log: str) -> KernelLog:
    """Read a kernel log, with the marks that the probes write into it through /dev/kmsg."""
    found: list[Splat] = []
    left: dict[str, Status] = {}
    check: str | None = None
    for said in messages(log):
        if head(said) is not None:
            found.append(Splat(said.strip(), check))
        if told := mark(said):  # one that ends a complaint takes nothing of it away
            check = told["check"] if told["what"] == "enter" else None
            if told["how"]:
                left[told["check"]] = Status(told["how"])
    return KernelLog(tuple(found), check, left)


def first_complaint(lines: Sequence[str]) -> int | None:
    """The index of the line in which the kernel first complains: of what a task died of, if of that at all.

    That is what the ending of a boot is named after (ending.judge).
    """
    heads = [(number, found) for number, line in enumerate(lines) if (found := head(message(line))) is not None]
    deadly = (number for number, found in heads if found.gravity is Gravity.OOPS or _is_panic(lines[number]))
    return next(deadly, heads[0][0] if heads else None)


def _is_panic(line: str) -> bool:
    return message(line).startswith(complaintwords.PANIC)
