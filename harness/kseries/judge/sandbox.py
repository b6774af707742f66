# SPDX-License-Identifier: GPL-2.0-only
"""What the sandbox denied to builds, and the patch that each denial is of: pure functions from the states' results."""

import re
from collections.abc import Iterator, Mapping

from kseries.judge.evidence import of_denial
from kseries.model import Finding, FindingKind, Outcome, Plan, StateResult

_MOVES = re.compile(r"\d+")
"""What differs from build to build in the same words: ids of processes, lines of a script."""


def findings(plan: Plan, results: Mapping[str, StateResult]) -> Iterator[Finding]:
    """What was denied to builds of the series and not to that of base, each told once, of the patch that brings it.

    ``patch`` is None where the states in which it was seen leave more than one, or none.
    """
    of_base = {_MOVES.sub("", line) for line in results["base"].refused}
    built = (results[state.id] for state in plan.states if state.same_as is None)
    states = [state for state in built if state.objects is not None and state.built_as is None]
    seen: dict[str, list[tuple[StateResult, str]]] = {}
    for state in states:
        for line in state.refused:
            if (key := _MOVES.sub("", line)) not in of_base:
                seen.setdefault(key, []).append((state, line))
    told: dict[tuple[str, int | None], list[str]] = {}
    for key, lines in seen.items():
        culprit = _culprit([state for state, _ in lines], [state for state in states if not _says(state, key)])
        told.setdefault((lines[0][0].id, culprit), []).append(lines[0][1])
    for (where, culprit), denials in told.items():
        yield Finding(
            kind=FindingKind.SANDBOX_DENIAL,
            state=where,
            patch=culprit,
            partner=None,
            contract=None,
            evidence=tuple(map(of_denial, denials)),
        )


def _says(state: StateResult, key: str) -> bool:
    return any(_MOVES.sub("", line) == key for line in state.refused)


def _culprit(seen: list[StateResult], others: list[StateResult]) -> int | None:
    """The patch that all have in which something was seen, and none has in which it was not.

    A build that was not made whole need not have come to it.
    """
    suspects = frozenset[int].intersection(*(frozenset(state.applied) for state in seen))
    for state in others:
        if state.outcome is not Outcome.BUILD_FAILED:
            suspects -= frozenset(state.applied)
    return next(iter(suspects)) if len(suspects) == 1 else None
