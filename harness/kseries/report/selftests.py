# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's own tests in words: how they were called, what fails on base, too, and what no state but base was asked.

At the head of a report, and in JUnit.
"""

import shlex
from collections.abc import Iterator, Sequence

from msgspec import UNSET

from kseries.model import RunResult, SelftestNote, StateResult
from kseries.model.notewords import overdue
from kseries.model.sanitize import few, line

_CURE = "--selftest-from tip asks every state"
_NAMED = 10
"""Tests that a line names."""


def notes(run: RunResult) -> tuple[SelftestNote, ...]:
    """Those of a run; none of one that has none to tell."""
    return () if run.selftests is UNSET else run.selftests


def lines(run: RunResult) -> Iterator[str]:
    """What a report tells at its head."""
    yield from (f"{line(one.name)} is --selftest {line(shlex.quote(one.call))}" for one in notes(run) if one.call)
    yield from on_base(notes(run))
    yield from _absent(run)


def _absent(run: RunResult) -> Iterator[str]:
    """A line of each test that a contract asks of a state whose tree does not have it."""
    lacking: dict[str, list[str]] = {}
    for state in run.states:
        asked = {name.rpartition(".")[0] for one in state.contracts for name in one.untested}
        for probe in () if state.absent is UNSET else state.absent:
            if probe in asked:
                lacking.setdefault(probe, []).append(state.id)
    for probe, states in lacking.items():
        where = f"{line(probe)} is not in the tree of {few(states)}"
        yield f"{where}: what a contract asks of it is not known there; {_CURE}"


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
