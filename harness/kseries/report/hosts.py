# SPDX-License-Identifier: GPL-2.0-only
"""On which hosts of a cluster the states of a run were made, in words."""

from collections import Counter
from collections.abc import Iterator, Sequence

from kseries.model import Outcome, RunResult, StateResult
from kseries.model.sanitize import few, line

HOME = "this host"
"""What the host is called that has no name: the one that kseries runs on."""
_FEW = 8
"""Hosts that a line names, those first that have made most."""
_NEVER = (Outcome.CONFLICT, Outcome.NOT_TRIED)
"""What comes of a state that nobody has begun to make."""


def name(host: str) -> str:
    """What a host is called."""
    return line(host) or HOME


def lines(run: RunResult) -> Iterator[str]:
    """How many states each host has made; no line where all were made on this one."""
    made = Counter(state.made_on or "" for state in run.states if _made(state))
    if not any(made):
        return
    counts = [f"{name(host)} {count} state{'s' * (count != 1)}" for host, count in sorted(made.items(), key=_most)]
    yield f"made on {len(made)} host{'s' * (len(made) != 1)}: {few(counts, _FEW)}"


def _most(made: tuple[str, int]) -> tuple[int, str]:
    host, count = made
    return -count, host


def _made(state: StateResult) -> bool:
    """Whether it was built for its own sake: what is known of another was made where that was. One that was lost with
    its hosts was not made at all.
    """
    lost = state.outcome is Outcome.INFRA_ERROR and not state.made_on
    return state.same_as is None and state.built_as is None and state.outcome not in _NEVER and not lost


def of_states(run: RunResult, states: Sequence[str]) -> str:
    """Where some states were made, to follow what came of them; empty where all states of the run were made on one
    host.
    """
    made = {state.id: state.made_on or "" for state in run.states}
    if len({made[state.id] for state in run.states if _made(state)}) < 2:
        return ""
    where = dict.fromkeys(name(made[state]) for state in states if made[state] or not any(made.values()))
    return f" on {few(list(where))}" if where else ""
