# SPDX-License-Identifier: GPL-2.0-only
"""What the kernel complained of in one boot, as records: pure functions from a log and its decoded places.

Which lines are complaints: complaintwords.py.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from kseries.guest import complaintwords, klog, trace
from kseries.guest.trace import Spot
from kseries.model import Complaint, Frame, Gravity

_REPORT = 100
"""Lines behind the first one of a complaint in which its place is looked for: KASAN's longest have no more."""
_MAX = 50
"""Complaints of one boot that are kept, and as many oopses more: of those that are the same, the first."""
_TRACED = 8
"""Complaints of one boot whose call traces are decoded, and as many oopses more."""
_EACH = 20
"""Complaints of one first line that are looked at: one that comes for ever comes from one place. Oopses may not."""
_LOOKED = 250
"""Complaints of one boot that are looked at, and as many oopses more."""
_SAID = 300


@dataclass(frozen=True)
class Found:
    """A complaint, and the place in the kernel's text that it was found at, if the log has one."""

    complaint: Complaint
    spot: Spot | None
    calls: tuple[Spot, ...] = ()
    """Its call trace."""


def found(log: str) -> tuple[Found, ...]:
    """The complaints of a log, each once, in their order; oopses have a limit of their own, and no report hides one.

    What the kernel says of one death stands for it once: of the lines "BUG: unable to handle", "Oops" and "Kernel panic
    - not syncing: Fatal exception" the first.
    """
    lines = [*klog.messages(log)]
    seen = _Seen()
    check: str | None = None
    for number, line in enumerate(lines):
        if mark := klog.mark(line):
            check = mark["check"] if mark["what"] == "enter" else None
        told = klog.head(line)
        if told is not None and seen.has_time_for(told):
            seen.look(told, lines, number, check)
    return seen.kept()


class _Seen:
    """The complaints of one log up to a line."""

    def __init__(self) -> None:
        self._found: dict[bool, list[tuple[int, Found]]] = {False: [], True: []}
        """By whether a task died of it; with the number of its line."""
        self._heads: Counter[tuple[str, str, str]] = Counter()
        self._looked: Counter[bool] = Counter()
        self._dying: Spot | None = None
        """Where the last task died, the report of which ends before that line."""
        self._until = 0

    def has_time_for(self, told: klog.Head) -> bool:
        """True where there may be something new in what this is the first line of; counts those that there is."""
        fatal = told.gravity is Gravity.OOPS
        head = (told.kind, told.function, told.file)
        alike = told.function or told.gravity is Gravity.STALL  # two with one such head are one
        if self._looked[fatal] == _LOOKED or (not fatal and self._heads[head] == (1 if alike else _EACH)):
            return False
        self._looked[fatal] += 1
        self._heads[head] += 1
        return True

    def look(self, told: klog.Head, lines: Sequence[str], number: int, check: str | None) -> None:
        line, report = lines[number], _report(lines, number)
        spot = _place(told, line, report)
        fatal = told.gravity is Gravity.OOPS
        if fatal and self._is_of_one_before(line, number, spot):
            return
        if fatal:
            self._dying, self._until = spot, number + len(report)
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
        known = self._found[fatal]
        if not any(one.complaint.is_like(complaint) for _, one in known):
            calls = trace.spots(report) if len(known) < _TRACED else ()
            known.append((number, Found(complaint, spot, calls)))

    def _is_of_one_before(self, line: str, number: int, spot: Spot | None) -> bool:
        """True of what the kernel says in the report of a death, or at the end of it, and of a report's end."""
        if number < self._until and (spot == self._dying or line.startswith(complaintwords.PANIC)):
            return True
        said = line.removeprefix(complaintwords.PANIC)
        ends = said != line and complaintwords.ENDS.match(said) and self._found[True]
        return bool(ends or (said != line and complaintwords.ENDS_REPORT.match(said) and any(self._found.values())))

    def kept(self) -> tuple[Found, ...]:
        """All, or as many as there is room for: the same of the same ones, in whatever order they came."""
        few = (one for found in self._found.values() for one in sorted(found, key=_order)[:_MAX])
        return tuple(one for _, one in sorted(few, key=lambda numbered: numbered[0]))


def _order(numbered: tuple[int, Found]) -> tuple[str, str, str]:
    complaint = numbered[1].complaint
    return complaint.kind, complaint.function, complaint.file


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
        return trace.named(head, called=told.kind not in ("WARNING", "CFI failure"))
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
        elif called is None and not complaintwords.REPORTERS.fullmatch(spot.function.partition(".")[0]):
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
