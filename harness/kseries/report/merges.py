# SPDX-License-Identifier: GPL-2.0-only
"""Two topics and their merge as text: a line for each state, what the merge loses, and which patches it takes."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from kseries.bisect.merging import Alone, Lost, Merged, Needs, Part
from kseries.judge import evidence
from kseries.judge.merges import Kind
from kseries.model import Evidence, StateResult
from kseries.model.sanitize import few, line, printable, shortened
from kseries.plan.topics import UNDER

_FEW = 8
_WHY = 100
"""Characters of a reason that a line has room for."""
_TOGETHER = {True: "yes", False: "NO", None: "not judged"}
_HEADS = {
    Kind.BUILD: "LOUD: Each topic builds, and their merge does not:",
    Kind.BOOT: "LOUD: Each topic boots, and their merge does not:",
    Kind.DEATH: "REGRESSION: The kernel of each topic lives, and that of their merge dies:",
    Kind.CHECK: "REGRESSION: Their merge does not pass what the topics by themselves let pass:",
    Kind.COMPLAINT: "KERNEL-COMPLAINT: The kernel of neither topic complains so, and that of their merge does:",
    Kind.WARNING: "NEW-WARNING: The build of neither topic warns so, and that of their merge does:",
}
_PROMISE = "SILENT-BREAK: Neither topic breaks {}, and their merge advertises it and does not keep it:"


def line_of(state: StateResult) -> str:
    """One of the four: how far it came."""
    why = line(state.detail)[:_WHY]
    return printable(f"{state.id:<8} {state.outcome:<13} {why}".rstrip())


def render(told: Merged) -> str:
    """What came of it."""
    return printable("\n".join(_lines(told)))


def _lines(told: Merged) -> Iterator[str]:
    yield ""
    for name, part in (("first", told.first), ("second", told.second)):
        yield f"{name:<8} {part.target}, {_count(len(part.patches), 'patch')}"
    yield f"{'base':<8} {told.base.name}"
    yield ""
    if told.conflicts:
        yield from _of_conflict(told)
    yield from (_of_alone(one) for one in told.alone)
    for _, group in groupby(told.losses, lambda one: (one.kind, one.contract, one.needs)):
        yield from _of_losses(list(group), told)
    yield from _end(told)


def _of_conflict(told: Merged) -> Iterator[str]:
    yield f"LOUD: git does not merge them: conflict in {few(told.conflicts, _FEW)}"
    if told.between is not None:
        yield f"  {_takes(told.between, told)}"
    yield told.shown


def _of_alone(one: Alone) -> str:
    """What is wrong with one topic, and so is no loss of the two."""
    how = "is broken by itself" if one.broken else "cannot be judged by itself"
    more = f" and {len(one.why) - 1} more" if len(one.why) > 1 else ""
    return f"The {one.state} {how}, whatever it is merged with: {_short(one.why[0]) if one.why else ''}{more}"


def _of_losses(lost: Sequence[Lost], told: Merged) -> Iterator[str]:
    first = lost[0]
    yield _HEADS[first.kind] if first.kind is not Kind.PROMISE else _PROMISE.format(_promise(first.contract, told))
    yield from (f"  {evidence.line(one.evidence)}" for one in lost[:_FEW])
    if len(lost) > _FEW:
        yield f"  and {len(lost) - _FEW} more"
    if first.needs is not None:
        yield f"  {_takes(first.needs, told)}"


def _promise(contract: str, told: Merged) -> str:
    """A contract, and what it is of."""
    verdicts = (one for state in told.states for one in state.contracts)
    return next((f"{one.capability} ({contract})" for one in verdicts if one.id == contract), contract)


def _takes(needs: Needs, told: Merged) -> str:
    """Which patch of each it takes, by which states."""
    first, second = _patch(needs.first, told.first, "first"), _patch(needs.second, told.second, "second")
    if needs.spent:
        more = "no more kernels may be built; --most N, or the same line once more, goes on"
        return f"It takes {first}, and {second}, as far as was tried: {more}."
    sound = " and ".join(needs.sound)
    return f"It takes {first}, and {second}: {needs.broken} shows it, {sound} do not."


def _patch(numbers: Sequence[int], part: Part, name: str) -> str:
    """The one of a topic, or those of which it is one."""
    if len(numbers) > 1:
        return f"one of {numbers[0]}..{numbers[-1]} of the {name}"
    (number,) = numbers
    if number == UNDER:
        return f"what lies under the {name}"
    return f"{number}/{max(part.patches)} '{shortened(line(part.patches[number]), _WHY)}' of the {name}"


def _end(told: Merged) -> Iterator[str]:
    yield ""
    reasons = told.unknown if told.together is None else ()
    yield f"together: {_TOGETHER[told.together]}{f' ({few(reasons, _FEW)})' if reasons else ''}"
    if told.states:
        searched = f", {len(told.searched)} of them to find the patches" if told.searched else ""
        states = f"{len(told.states) + len(told.searched)} states{searched}"
        yield f"{_count(told.kept, 'check')} kept; {states}; {told.built} of their kernels not known before."
    if told.reproduce:
        yield f"to see it again: {told.reproduce}"


def _short(one: Evidence) -> str:
    return shortened(line(evidence.line(one)), _WHY)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{('es' if what == 'patch' else 's') * (number != 1)}"
