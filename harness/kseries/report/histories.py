# SPDX-License-Identifier: GPL-2.0-only
"""A bisection over history as text: a line for each commit, the first bad one or those that it may be, its revert."""

from collections.abc import Iterator
from pathlib import Path

from msgspec import UNSET

from kseries.bisect.commits import Commit
from kseries.bisect.history import Asks, BisectedHistory, CommitStep, Suspects
from kseries.model.sanitize import line, printable
from kseries.report import bisections, proofs
from kseries.report.bisections import count

_SHOWN = 8
"""Suspects that are named, half of them from either end."""


def line_of(event: Asks | CommitStep) -> str | None:
    """What there is to say before a commit is asked, as git says it, and once it has answered; None of nothing."""
    if isinstance(event, CommitStep):
        state = event.asks.commit.short if event.state == "base" else event.state
        return bisections.of_state(state, event.tried, known=event.known)
    if event.merge_base:
        return f"Bisecting: a merge base must be tested\n{_named(event.commit)}"
    if event.left is None or event.steps is None:
        return None
    return f"Bisecting: {event.left} left (roughly {count(event.steps, 'step')})\n{_named(event.commit)}"


def render(found: BisectedHistory, log: Path) -> str:
    """What the bisection came to."""
    return printable("\n".join(_lines(found, log)))


def _lines(found: BisectedHistory, log: Path) -> Iterator[str]:
    if found.suspects is None:
        yield f"BAD ({found.range.bad[:12]}) is good: there is nothing to find."
        return
    yield ""
    if found.culprit is not None:
        yield f"{_named(found.culprit)} is the first bad commit."
    else:
        yield from _suspects(found.suspects)
    if found.above_skipped:
        yield "A commit at which GOOD and BAD part could not be tested: the first bad one may lie below it, too."
    known = sum(step.known for step in found.steps)
    replayed = f", after {count(found.replayed, 'answer')} of --replay" if found.replayed else ""
    yield f"git bisect took {count(len(found.steps), 'step')}, {known} of them known from before{replayed}."
    if found.revert is not None:
        yield bisections.of_revert(found.revert.state, found.revert.tried)
    elif found.culprit is not None:
        yield "It is made on no commit that is here, and so it cannot be reverted."
    if found.proof is not UNSET:
        yield from proofs.lines(found.proof)
    yield from bisections.of_log(found.log, log)


def _suspects(found: Suspects) -> Iterator[str]:
    good = ", ".join(one[:12] for one in found.good)
    commits = found.commits
    untested = "all but the last" if commits[-1].id == found.bad else "all of them"
    which = f"{len(commits)} between {good} (good) and {found.bad[:12]} (bad)"
    yield f"The first bad commit is one of {which}; {untested} could not be tested:"
    half = _SHOWN // 2
    if len(commits) <= _SHOWN:
        yield from (f"  {_named(one)}" for one in commits)
        return
    yield from (f"  {_named(one)}" for one in commits[:half])
    between = commits[half:-half]
    merges = sum(one.merge for one in between)
    of_them = f", {count(merges, 'merge')} among them" if merges else ""
    yield f"  ... {len(between)} more{of_them}"
    yield from (f"  {_named(one)}" for one in commits[-half:])


def _named(commit: Commit) -> str:
    merge = "merge " if commit.merge else ""
    return f"{merge}{commit.short} '{line(commit.subject)}'"
