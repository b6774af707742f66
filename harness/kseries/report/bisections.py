# SPDX-License-Identifier: GPL-2.0-only
"""A bisection as text: a line for each state, the first bad patch, its revert, and git's own log."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import UNSET

from kseries.bisect.answer import Answer, Tried
from kseries.bisect.bisection import Bisected, Step
from kseries.judge import evidence
from kseries.model import Outcome, Patch, PatchSet, SetKind
from kseries.model.sanitize import line, printable
from kseries.plan.scenarios import Patches
from kseries.report import gitcommands, proofs

_WHY = 100
"""Characters of a reason that a line has room for."""


def line_of(step: Step) -> str:
    """One state: what it answered, why, and whether it had to be built."""
    return of_state(step.state, step.tried, known=step.known)


def of_state(state: str, tried: Tried, *, known: bool) -> str:
    """The same of any state."""
    why = line(evidence.line(tried.why[0]))[:_WHY] if tried.why else ""
    return printable(f"{state:<12} {tried.answer:<11} {'known' if known else 'built'}  {why}".rstrip())


def with_commands(found: Bisected, patches: Sequence[Patch]) -> Bisected:
    """A bisection of a series whose proof tells how to take its patch out, with those that go with it."""
    if found.proof is UNSET:
        return found
    numbers = tuple(sorted((*found.suspects, *map(int, found.proof.also))))
    commands = gitcommands.of(PatchSet(kind=SetKind.REVERT, asked=found.suspects, patches=numbers), patches)
    return msgspec.structs.replace(found, proof=msgspec.structs.replace(found.proof, commands=commands))


def render(found: Bisected, patches: Patches, log: Path) -> str:
    """What the bisection came to."""
    return printable("\n".join(_lines(found, patches, log)))


def _lines(found: Bisected, patches: Patches, log: Path) -> Iterator[str]:
    if not found.suspects:
        yield "The tip is good: there is nothing to find."
        return
    yield ""
    names = [f"{number}/{len(patches)} '{patches[number - 1].subject}'" for number in found.suspects]
    if len(names) == 1:
        yield f"{names[0]} is the first bad patch."
    else:
        yield "Only patches that could not be tested are left. The first bad one could be any of:"
        yield from (f"  {name}" for name in names)
    known = sum(step.known for step in found.steps)
    yield f"git bisect took {count(len(found.steps), 'step')}, {known} of them known from before."
    if found.revert is not None:
        yield of_revert(found.revert.state, found.revert.tried)
    if found.proof is not UNSET:
        yield from proofs.lines(found.proof)
    yield from of_log(found.log, log)


def of_log(text: str, log: Path) -> Iterator[str]:
    """git's own log, and what takes it."""
    repository = log.with_name("bisect.git")
    yield f"\nTo replay it: git -C {repository} bisect replay {log.resolve()}"
    yield text.rstrip()


def of_revert(state: str, tried: Tried) -> str:
    """What whoever reverts what was found ends up with."""
    why = f": {evidence.line(tried.why[0])}" if tried.why else "."
    if tried.result.outcome is Outcome.CONFLICT:
        return f"To revert it ({state}) is loud: it {tried.result.detail}"
    return {
        Answer.GOOD: f"To revert it ({state}) mends the tip.",
        Answer.BAD: f"To revert it ({state}) does NOT mend the tip{why}",
        Answer.UNTESTABLE: f"To revert it ({state}) is loud{why}",
    }[tried.answer]


def count(number: int, what: str) -> str:
    """So many of something."""
    return f"{number} {what}{'s' * (number != 1)}"
