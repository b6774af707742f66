# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's own tests in words: how they were called, what fails on base, too, and what no state but base was asked.

At the head of a report, and in JUnit.
"""

import shlex
from collections.abc import Iterator, Sequence

from msgspec import UNSET

from kseries.model import RunResult, SelftestNote, StateResult
from kseries.model.notewords import overdue
from kseries.model.sanitize import line

_NAMED = 10
"""Tests that a line names."""


def notes(run: RunResult) -> tuple[SelftestNote, ...]:
    """Those of a run; none of one that has none to tell."""
    return () if run.selftests is UNSET else run.selftests


def lines(run: RunResult) -> Iterator[str]:
    """What a report tells at its head."""
    yield from (f"{line(one.name)} is --selftest {line(shlex.quote(one.call))}" for one in notes(run) if one.call)
    yield from on_base(notes(run))


def on_base(told: Sequence[SelftestNote]) -> Iterator[str]:
    """A line of those that time out on base, and one of those that fail there."""
    if left_out := [one for one in told if one.left_out]:
        yield overdue(_named(left_out))
    if failing := [one for one in told if one.on_base and not one.left_out]:
        yield f"not passed on base, and asked of all states, since a patch may mend it: {', '.join(_named(failing))}"


def left_out(run: RunResult, state: StateResult) -> Iterator[str]:
    """The names of those that a state was not asked though base was."""
    if state.id != "base" and state.same_as != "base":
        yield from sorted(run.left_out)


def _named(told: Sequence[SelftestNote]) -> list[str]:
    names = [f"{line(one.name)} ({line(one.on_base)})" for one in told[:_NAMED]]
    return names + ([f"and {len(told) - _NAMED} more"] if len(told) > _NAMED else [])
