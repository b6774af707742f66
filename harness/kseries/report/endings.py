# SPDX-License-Identifier: GPL-2.0-only
"""How a booted kernel ended that did not come through in peace: what every report says of it, in words."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from kseries.judge import evidence
from kseries.model import AppliedPatch, Ending, Finding, Frame, Gravity, Outcome, RunResult, StateResult
from kseries.model.sanitize import line

_MEANS = {
    Ending.WARNING: "the kernel complained",
    Ending.OOPS: "a task died in the kernel",
    Ending.PANIC: "the kernel panicked",
    Ending.RESET: "the machine reset itself",
    Ending.POWEROFF: "the machine powered itself off",
    Ending.HANG: "it got no further",
    Ending.FLOOD: "it printed without end",
    Ending.DEADLINE: "it was not done in time",
}
"""What is said where the result has no detail."""
_ENDINGS = {Gravity.OOPS: Ending.OOPS, Gravity.REPORT: Ending.WARNING, Gravity.STALL: Ending.WARNING}
"""How a boot ended that complained so, where the one that the state tells of ended in peace."""
_REPORTING = frozenset(
    (
        *("__dump_stack", "dump_stack", "dump_stack_lvl", "panic", "vpanic"),  # kernel/panic.c, lib/dump_stack.c
        *("print_address_description", "print_report", "kasan_report", "kasan_report_invalid_free"),  # mm/kasan/
        *(f"__asan_report_{what}_noabort" for what in ("load1", "load2", "load4", "load8", "load16", "load_n")),
        *(f"__asan_report_{what}_noabort" for what in ("store1", "store2", "store4", "store8", "store16", "store_n")),
        *("__might_resched", "__might_sleep"),  # kernel/sched/core.c
    )
)
"""Functions with which a kernel tells of what it found: every such trace begins with them."""


@dataclass(frozen=True)
class Ended:
    """How a kernel ended, and what tells why. ``log`` is the decoded part of its log, ``reason`` one line.

    ``frames`` are those of the trace from the first that is not the telling itself.
    """

    ending: Ending
    reason: str
    frames: tuple[Frame, ...]
    suspects: tuple[AppliedPatch, ...]
    log: str


def ended(state: StateResult, patches: Sequence[AppliedPatch]) -> Ended | None:
    """What there is to say of a state's ending; None where it was ``done``, or nothing was booted."""
    if state.ending is None or state.ending is Ending.DONE:
        return None
    known = {patch.number: patch for patch in patches}
    return Ended(
        ending=state.ending,
        reason=_reason(state.ending, state),
        frames=_told(state.trace),
        suspects=tuple(known[number] for number in state.suspects if number in known),
        log=state.log_tail,
    )


def of_finding(run: RunResult, finding: Finding) -> Ended | None:
    """How the kernel of a finding ended; of one that tells of a complaint, that complaint with its own trace."""
    state = next(state for state in run.states if state.id == finding.state)
    end = ended(state, run.series.patches)
    one = evidence.complaint_of(finding, state)
    if one is None:
        return end
    known = {patch.number: patch for patch in run.series.patches}
    return Ended(
        ending=end.ending if end is not None else _ENDINGS[one.gravity],
        log=end.log if end is not None else state.log_tail,
        reason=line(one.said),
        frames=_told(one.trace),
        suspects=tuple(known[number] for number in one.suspects if number in known),
    )


def _told(trace: tuple[Frame, ...]) -> tuple[Frame, ...]:
    """A trace from the first function that is not the telling itself."""
    return tuple(itertools.dropwhile(lambda frame: frame.function in _REPORTING, trace))


def _reason(ending: Ending, state: StateResult) -> str:
    went_on = ", and went on to the end" if state.outcome is Outcome.OK else ""
    return f"{line(state.detail) or _MEANS[ending]}{went_on}"


def place(frame: Frame) -> str:
    """A frame in one line; "?" stands before a guess of the unwinder, as in the kernel's own traces."""
    where = f"{frame.file}:{frame.line}"
    told = f"{frame.function} ({where})" if frame.function else where
    return line(told if frame.sure else f"? {told}")
