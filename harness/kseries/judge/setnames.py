# SPDX-License-Identifier: GPL-2.0-only
"""Which further patches the failure of a set tells of: what a search for sets tries next, and no proof. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence

from kseries.judge import evidence
from kseries.judge.sets import Draws
from kseries.model import AppliedPatch, Coupling, SetKind, StateResult
from kseries.plan.renamed import Renamed

_WORD = re.compile(r"\w+")
_MOST = 64
"""Patches that one failure names: of more, it says nothing."""


def draws(kind: SetKind, known: Iterable[Coupling]) -> Draws:
    """Whom each patch draws into its set: who goes takes along those who need them, who comes brings those needed."""
    found: dict[int, set[int]] = {}
    for one in known:
        if one.needs is not None:
            who, whom = (one.needs, one.patch) if kind is SetKind.REVERT else (one.patch, one.needs)
            found.setdefault(who, set()).add(whom)
    return {who: frozenset(whom) for who, whom in found.items()}


def in_the_way(
    kind: SetKind, numbers: Sequence[int], files: Iterable[str], patches: Sequence[AppliedPatch]
) -> tuple[int, ...]:
    """Of a conflict in some files, who may be why: later patches to them that stay, earlier ones that do not come."""
    renamed = Renamed(patches)
    there = renamed.files(files)
    beside = _on_the_side(kind, numbers, patches)
    return _few(one.number for one in beside if not renamed.files(one.files).isdisjoint(there))


def of_error(
    kind: SetKind, numbers: Sequence[int], result: StateResult, suspects: Sequence[int], patches: Sequence[AppliedPatch]
) -> tuple[int, ...]:
    """Of a kernel that does not build or boot: whose lines fail, or who brings a name that is not there."""
    said = " ".join((result.detail, *result.notes))
    beside = _on_the_side(kind, numbers, patches)
    words = {*_WORD.findall(said)}
    bring = [one.number for one in beside if not words.isdisjoint(one.symbols)] if kind is SetKind.PICK else []
    touch = [one.number for one in beside if any(evidence.names_file(said, path) for path in one.files)]
    return _few(suspects or bring or touch)


def of_capabilities(
    numbers: Sequence[int], capabilities: Iterable[str], makers: Mapping[str, int], patches: Sequence[AppliedPatch]
) -> tuple[int, ...]:
    """Of promises that are not kept: who makes them, or else who brings the name of the capability."""
    found: list[int] = []
    for name in capabilities:
        found += [makers[name]] if name in makers else [one.number for one in patches if name in one.symbols]
    return _few(number for number in dict.fromkeys(found) if number not in numbers)


def makers(caps: Sequence[Mapping[str, int] | None]) -> dict[str, int]:
    """By a capability, the first patch that advertises it, where the one before it is known not to.

    ``caps`` are those of base and of each prefix; None where they are not known.
    """
    found: dict[str, int] = {}
    for name in {name for one in caps if one is not None for name in one}:
        values = [one.get(name) if one is not None else None for one in caps]
        first = next((at for at, value in enumerate(values) if value), 0)
        if first and values[first - 1] == 0:
            found[name] = first
    return found


def _on_the_side(kind: SetKind, numbers: Sequence[int], patches: Sequence[AppliedPatch]) -> list[AppliedPatch]:
    """Those that are not in a set and could be needed there by what is."""
    if kind is SetKind.REVERT:
        return [one for one in patches if one.number > min(numbers) and one.number not in numbers]
    return [one for one in patches if one.number < max(numbers) and one.number not in numbers]


def _few(numbers: Iterable[int]) -> tuple[int, ...]:
    found = tuple(numbers)
    return found if len(found) <= _MOST else ()
