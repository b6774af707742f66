# SPDX-License-Identifier: GPL-2.0-only
"""Contracts as a series' own states would have them, for somebody to edit and keep: made of inferred promises. Pure."""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence, Set

from kseries.judge import promises
from kseries.judge.promises import Promise
from kseries.model import CAPABILITY, Contract, Outcome, Part, Record, StateResult, Status

_UNFIT = re.compile(r"[^a-z0-9]+")


class Draft(Record, frozen=True):
    """A contract that nobody has agreed to yet, and what there is to say of it."""

    contract: Contract
    notes: tuple[str, ...]


class Drafts(Record, frozen=True):
    """What can be written down of some promises; ``left`` says of the others why they cannot."""

    contracts: tuple[Draft, ...]
    left: tuple[str, ...] = ()


def of(inferred: Sequence[Promise], states: Sequence[StateResult], taken: Set[str] = frozenset()) -> Drafts:
    """A contract for each part that a kernel can be asked by; ``taken`` are the names of other contracts. Whoever asks
    them of the same states finds in them what was suspected, and nothing else.
    """
    by_part: dict[Part, list[Promise]] = {}
    left: list[str] = []
    for promise in inferred:
        when = _when(promise, states)
        if when is not None:
            by_part.setdefault(when, []).append(promise)
        else:
            left.append(f"{_count(promise)} {_why_not(promise.parts)}")
    drafts: list[Draft] = []
    for when, some in by_part.items():
        name = _id(when, {*taken, *(one.contract.id for one in drafts)})
        draft = _draft(name, when, some, states)
        if draft.contract.checks or draft.contract.otherwise:
            drafts.append(draft)
        else:  # any kernel would keep it
            left.append(f"nothing that can be asked goes with {when.name}. {' '.join(draft.notes)}")
    return Drafts(contracts=tuple(drafts), left=tuple(left))


def _when(promise: Promise, states: Iterable[StateResult]) -> Part | None:
    """A capability with which, wherever it is shown, all that may explain the checks is shown, too."""
    known = [{part: promises.shows(part, state) for part in promise.parts} for state in states]
    able = (part for part in promise.parts if part.kind == CAPABILITY)
    return next((one for one in able if all(False not in shown.values() for shown in known if shown[one])), None)


def _why_not(parts: Sequence[Part]) -> str:
    """Why no contract goes by any of these."""
    names = ", ".join(part.name for part in parts)
    belongs = f"may belong to any of {names}" if len(parts) > 1 else f"goes with {names}"
    if any(part.kind == CAPABILITY for part in parts):
        return f"{belongs}, which do not come together"
    return f"{belongs}: a contract can go by a capability or a check only"


def _draft(name: str, when: Part, some: Sequence[Promise], states: Sequence[StateResult]) -> Draft:
    shown, gone = ([one for one in states if promises.shows(when, one) is there] for there in (True, False))
    checks, untold = _split((name for one in some for name in one.checks), shown, skips=False)
    optional, _ = _split((name for one in some for name in one.optional), shown, skips=True)
    otherwise, _ = _split((name for one in some for name in one.otherwise), gone, skips=True)
    otherwise, failed = _split_by(otherwise, _failed(shown))
    return Draft(
        contract=Contract(
            id=name,
            title=f"A kernel that shows {when.name} passes what came with it.",
            when=when.name,
            checks=checks,
            otherwise=otherwise,
            optional=optional,
        ),
        notes=(*_others(when, some), *_breaks(some, states), *_left_out(untold), *_lost(when, failed)),
    )


def _failed(states: Iterable[StateResult]) -> Set[str]:
    return {check.id for state in states for check in state.checks if check.status is Status.FAIL}


def _split_by(names: Iterable[str], apart: Set[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names that are not set apart, and those that are."""
    every = tuple(names)
    return tuple(one for one in every if one not in apart), tuple(one for one in every if one in apart)


def _split(
    names: Iterable[str], states: Sequence[StateResult], *, skips: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The checks of which each of some states has an answer, and the others; whether a skip is one is said by
    ``skips``. A kernel that died gives none, and is to blame for it.
    """
    silent = (Status.MISSING,) if skips else (Status.MISSING, Status.SKIP)
    alive = [state for state in states if state.outcome is Outcome.OK]
    answered = [{check.id for check in state.checks if check.status not in silent} for state in alive]
    every = tuple(names)
    told = tuple(name for name in every if all(name in some for some in answered))
    return told, tuple(name for name in every if name not in told)


def _others(when: Part, some: Iterable[Promise]) -> Iterator[str]:
    others = dict.fromkeys(part.name for one in some for part in one.parts if part != when)
    if others:
        yield f"{', '.join(others)} would explain these checks as well."


def _breaks(some: Iterable[Promise], states: Iterable[StateResult]) -> Iterator[str]:
    """The states that break the promise."""
    for state in states:
        failed = [name for _, names in promises.broken(some, state) for name in names]
        if failed:
            yield f"{state.id} fails {len(failed)} of these: {failed[0]}{', ...' if len(failed) > 1 else ''}"


def _left_out(untold: Sequence[str]) -> Iterator[str]:
    if untold:
        yield f"Left out, as not every state that shows it has an answer: {', '.join(untold)}"


def _lost(when: Part, failed: Sequence[str]) -> Iterator[str]:
    """A contract that has a check of kernels without the part asks it of no kernel with it, where it may be lost."""
    if failed:
        yield f"Left out, as a state that shows {when.name} fails it, which may be a regression: {', '.join(failed)}"


def _count(promise: Promise) -> str:
    names = (*promise.checks, *promise.otherwise)
    return f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}"


def _id(when: Part, taken: Set[str]) -> str:
    """A name that none of the others has: that of the part, in letters that any file system takes."""
    name = _UNFIT.sub("-", when.name.lower()).strip("-") or "promise"
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return next(one for one in names if one not in taken)
