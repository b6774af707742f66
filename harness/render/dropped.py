# SPDX-License-Identifier: GPL-2.0-only
"""The options that were asked for and are not set, and in which states: of those one cannot tell by their checks."""

import collections
from collections.abc import Iterator

from harness.model import RunResult


def lines(run: RunResult) -> Iterator[str]:
    """A line for each option and reason, and a blank one behind them; nothing where all are set."""
    states_of = collections.defaultdict[str, list[str]](list)
    for state in run.states:
        for note in state.notes:
            if any(option in note for option in state.config_dropped):
                states_of[note].append(state.id)
    yield from (f"{note}: {', '.join(states)}" for note, states in states_of.items())
    if states_of:
        yield ""
