# SPDX-License-Identifier: GPL-2.0-only
"""What the kernel complained of in one boot, as records: pure functions from a log and its decoded places."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from harness.boot import klog, trace, words
from harness.boot.trace import Spot
from harness.model import Complaint, Frame, Gravity

_REPORT = 100
"""Lines behind the first one of a complaint in which its place is looked for: KASAN's longest have no more."""
_MAX = 50
"""Complaints of one boot that are kept: of those that are the same, the first."""
_TRACED = 8
"""Complaints of one boot whose call traces are decoded."""
_EACH = 20
"""Complaints of one first line that are looked at: one that comes for ever comes from one place."""
_SAID = 300


@dataclass(frozen=True)
class Found:
    """A complaint, and the place in the kernel's text that it was found at, if the log has one."""

    complaint: Complaint
    spot: Spot | None
    calls: tuple[Spot, ...] = ()
    """Its call trace."""


def found(log: str) -> tuple[Found, ...]:
    """The complaints of a log, each once, in their order.

    What the kernel says of one death stands for it once: of the lines "BUG: unable to handle", "Oops" and "Kernel panic
    - not syncing: Fatal exception" the first.
    """
    lines = [*klog.messages(log)]
    kept: list[Found] = []
    heads: Counter[klog.Head] = Counter()
    check: str | None = None
    died = False
    dying: Spot | None = None
    for number, line in enumerate(lines):
        if mark := klog.mark(line):
            check = mark["check"] if mark["what"] == "enter" else None
        told = klog.head(line)
        if told is None or heads[told] == _EACH:
            continue
        if len(kept) == _MAX:
            break
        heads[told] += 1
        report = _report(lines, number)
        spot = _place(told, line, report)
        fatal = told.gravity is Gravity.OOPS
        if fatal and died and (line.startswith(words.PANIC) or spot == dying):
            continue
        died, dying = died or fatal, spot if fatal else dying
        function = told.function or (spot.function if spot is not None else "")
        complaint = Complaint(
            gravity=told.gravity,
            kind=told.kind,
            said=line.strip()[:_SAID],
            function=function.partition(".")[0],  # gcc's own: .isra.0, .cold
            file=told.file,
            line=told.line,
            check=check,
        )
        if not any(known.complaint.is_like(complaint) for known in kept):
            kept.append(Found(complaint, spot, trace.spots(report) if len(kept) < _TRACED else ()))
    return tuple(kept)


def placed(
    these: Iterable[Found], frames: Mapping[Spot, tuple[Frame, ...]], *, busy: bool = False
) -> tuple[Complaint, ...]:
    """The complaints with file and line, where the kernel did not tell them itself; ``busy`` is of the host."""
    return tuple(msgspec.structs.replace(_placed(one, frames), busy=busy) for one in these)


def spots(these: Iterable[Found]) -> tuple[Spot, ...]:
    """The places in the kernel's text that these complaints name."""
    return tuple(spot for one in these for spot in (one.spot, *one.calls) if spot is not None)


def _placed(one: Found, frames: Mapping[Spot, tuple[Frame, ...]]) -> Complaint:
    found = frames.get(one.spot, ()) if one.spot is not None else ()
    calls = dict.fromkeys(frame for spot in one.calls for frame in frames.get(spot, ()))
    complaint = one.complaint
    if not complaint.file and found:
        complaint = msgspec.structs.replace(complaint, file=found[0].file, line=found[0].line)
    if complaint.file and complaint.line is not None and one.calls:  # a trap's own line is in no trace
        own = Frame(function=complaint.function, file=complaint.file, line=complaint.line)
        calls = {own: None, **calls}
    return msgspec.structs.replace(complaint, trace=tuple(calls))


def _report(lines: Sequence[str], head: int) -> list[str]:
    """The lines of a complaint, up to where it ends, or a check does. Heads that follow at once are of the same one."""
    report: list[str] = []
    for line in lines[head : head + _REPORT]:
        if klog.mark(line) or line.startswith("---[ end trace"):
            break
        report.append(line)
    return report


def _place(told: klog.Head, head: str, report: Sequence[str]) -> Spot | None:
    """Where a complaint was found: where it says itself; of a report in the innermost function that has not only told
    of it, of what is met with by a trap or by the clock at the program counter.
    """
    if told.function:
        return trace.named(head, called=told.kind != "WARNING")
    counter: Spot | None = None
    called: Spot | None = None
    held: Spot | None = None
    for line in report:
        spot = trace.spot_of(line)
        if spot is None or not spot.sure:
            continue
        if trace.is_counter(line):
            counter = counter or spot
        elif trace.is_of_lock(line):
            held = held or spot
        elif called is None and not words.REPORTERS.fullmatch(spot.function.partition(".")[0]):
            called = spot
    return (called or counter or held) if told.gravity is Gravity.REPORT else (counter or called)


def joined(first: Sequence[Complaint], more: Sequence[Complaint]) -> tuple[Complaint, ...]:
    """What two boots of one image said that together count for one."""
    return _merged([*first, *more], _first)


def over(boots: Sequence[Sequence[Complaint]]) -> tuple[Complaint, ...]:
    """What several boots of one kernel said, each with the number of boots that it came in."""
    fresh = [msgspec.structs.replace(one, boots=1, of=len(boots)) for boot in boots for one in _merged(boot, _first)]
    return _merged(fresh, lambda known, again: msgspec.structs.replace(known, boots=known.boots + again.boots))


def _first(known: Complaint, _: Complaint) -> Complaint:
    return known


def _merged(these: Iterable[Complaint], both: Callable[[Complaint, Complaint], Complaint]) -> tuple[Complaint, ...]:
    """Complaints of which no two are alike: of those that are, one that says more, as ``both`` makes it."""
    kept: list[Complaint] = []
    for one in these:
        at = next((number for number, known in enumerate(kept) if known.is_like(one)), None)
        if at is None:
            kept.append(one)
            continue
        known = both(kept[at], one)
        place = (
            {} if known.function or not one.function else {"function": one.function, "file": one.file, "line": one.line}
        )
        kept[at] = msgspec.structs.replace(known, busy=known.busy or one.busy, **place)
    return tuple(kept)
