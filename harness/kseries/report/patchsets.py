# SPDX-License-Identifier: GPL-2.0-only
"""A revert set or a pick set in words: what it is, by what that is known, and what to type."""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import UNSET

from kseries.judge import evidence
from kseries.judge.sets import rank
from kseries.model import Base, PatchSet, Record, SetAnswer, SetEnd, SetKind, TriedSet
from kseries.model.sanitize import few, line, printable

_WHY = 140
"""Characters of a reason that a line has room for."""
_LINES = 40
"""Sets that a proof lists."""
_VERBS = {SetKind.REVERT: "go", SetKind.PICK: "come"}
_SAID = {
    SetAnswer.SAFE: "safe",
    SetAnswer.BROKEN: "breaks silently",
    SetAnswer.LOUD: "is loud",
    SetAnswer.CONFLICT: "conflicts",
    SetAnswer.UNKNOWN: "not known",
}


class NotThere(Record, frozen=True):
    """A patch that is no part of the base that patches are picked onto, even after those before it, and where not."""

    number: int
    files: tuple[str, ...]


class SetDocument(Record, frozen=True):
    """What ``kseries revert --json`` and ``kseries pick --json`` print."""

    series: str
    version: int
    base: Base
    """What the set is reverted on, or picked onto."""
    variants: tuple[str, ...]
    set: PatchSet
    commands: tuple[str, ...]
    """What makes it so, in a git repository."""
    patches: tuple[str, ...]
    """The subjects of the series, in its order."""
    not_there: tuple[NotThere, ...] = ()
    """Of a pick: the patches that git cannot put onto the base after all those before them."""
    already_there: tuple[int, ...] = ()
    """Of a pick: the patches that change nothing there."""


def advice(found: PatchSet, count: int) -> str:
    """The set as an instruction: "To take 3/8 out: revert 4/8, then 3/8." """
    asked = _and([f"{number}/{count}" for number in found.asked])
    if found.kind is SetKind.REVERT:
        order = [f"{number}/{count}" for number in reversed(found.patches)]
        return f"To take {asked} out: revert {_then(order)}."
    return f"To bring {asked} along: pick {_then([f'{number}/{count}' for number in found.patches])}."


def line_of(tried: TriedSet) -> str:
    """A set that was tried, in a line."""
    why = f": {evidence.line(tried.why[0])}" if tried.why else ""
    more = f" (and {len(tried.why) - 1} more)" if len(tried.why) > 1 else ""
    where = f" [{tried.variant}]" if tried.variant else ""
    said = f"{_plus(tried.patches)} {_SAID[tried.answer]}{where}{line(why)[:_WHY]}{more}"
    return printable(said)


def render(told: SetDocument) -> str:
    """All that there is to tell of a search."""
    return printable("\n".join(_lines(told)))


def _lines(told: SetDocument) -> Iterator[str]:
    if told.set.patches:
        yield from _of_found(told.set, told.patches, told.variants)
        yield from ("", *(f"  {command}" for command in told.commands), "")
    else:
        yield from _of_nothing(told.set)
    yield from _of_base(told)
    yield _cost(told.set)


def _of_base(told: SetDocument) -> Iterator[str]:
    """What there is to tell of a base that the series was not made for."""
    count, name = len(told.patches), line(told.base.name)
    if told.already_there:
        yield f"{name} has what these change: {_numbers(told.already_there, count)}."
    for one in told.not_there:
        yield f"{one.number}/{count} does not apply to {name}, nor with all before it: conflict in {few(one.files)}."


def _of_found(found: PatchSet, subjects: Sequence[str], variants: Sequence[str]) -> Iterator[str]:
    count = len(subjects)
    yield advice(found, count)
    yield from (f"  {number}/{count} '{line(subjects[number - 1])}'" for number in found.patches)
    yield from _how_known(found, variants, count)
    if found.others:
        yield f"These do, too: {few([_plus(one) for one in found.others])}."
    if found.unjudged:
        yield f"NOT JUDGED: {_numbers(found.unjudged, count)}: no variant has compiled what it changes."
    elif found.uncompiled:
        what = "no variant has compiled what they change, and what becomes of that nobody knows"
        yield f"Not asked: {_numbers(found.uncompiled, count)}: {what}. --arch, --config auto."


def _how_known(found: PatchSet, variants: Sequence[str], count: int) -> Iterator[str]:
    where = _and(variants)
    smaller = [one for one in found.tried if {*one.patches} < {*found.patches}]
    if found.proved:
        how = (
            "each smaller set was tried, and does not do:" if smaller else f"nothing else has to {_VERBS[found.kind]}."
        )
        yield f"Proved on {where}: {how}"
    else:
        yield f"It is safe on {where}, and NOT PROVED to be the smallest: {_unproved(found)}"
        if smaller:
            yield "Ruled out so far, or not known:"
    yield from _listed(smaller)


def _unproved(found: PatchSet) -> str:
    if found.limited:
        return f"--most ended the search. {_GO_ON}"
    if found.ended is SetEnd.TOO_MANY:
        return f"{TOO_MANY}."
    smaller = (one for one in found.tried if {*one.patches} < {*found.patches})
    unknown = next((one for one in smaller if one.answer is SetAnswer.UNKNOWN), None)
    return f"of {_plus(unknown.patches)} nobody knows." if unknown is not None else "not all smaller sets were tried."


TOO_MANY = "there are too many sets to try"
_GO_ON = "The same command with a larger --most goes on from what is cached."


def _of_nothing(found: PatchSet) -> Iterator[str]:
    """Where no set is known that does: the smallest that builds, and all that was ruled out."""
    what = "revert" if found.kind is SetKind.REVERT else "pick"
    if found.limited:
        yield f"No {what} set yet: --most ended the search. {_GO_ON}"
    elif found.ended is not UNSET:
        yield f"No {what} set is known: {_why_ended(found)}."
    elif any(one.answer is SetAnswer.UNKNOWN for one in found.tried):
        yield f"No {what} set is known to be safe."
    else:
        yield f"Nothing makes it safe: no {what} set with {_and([str(one) for one in found.asked])} does."
    builds = [one for one in found.tried if one.answer in (SetAnswer.BROKEN, SetAnswer.UNKNOWN)]
    if builds:
        yield f"The smallest that builds: {line_of(min(builds, key=lambda one: rank(one.patches)))}"
    if found.tried:
        yield "Tried:"
    yield from _listed(found.tried)


def _why_ended(found: PatchSet) -> str:
    """What else than --most has ended a search that has found nothing."""
    if found.ended is SetEnd.TOO_MANY:
        return TOO_MANY
    asked = _and([str(one) for one in found.asked])
    if found.ended is SetEnd.NOT_THERE:
        return f"git does not put {asked} onto that base with those before it, and further sets are not tried"
    states = _and(found.unclear) if found.unclear is not UNSET else ""
    return f"what {asked} brings nobody can tell by {states}, which does not come through or has a flaky check"


def _listed(tried: Sequence[TriedSet]) -> Iterator[str]:
    yield from (f"  {line_of(one)}" for one in tried[:_LINES])
    if len(tried) > _LINES:
        yield f"  and {len(tried) - _LINES} more"


def _cost(found: PatchSet) -> str:
    return f"{found.kernels} kernel{'s' * (found.kernels != 1)} built, {len(found.tried)} sets tried."


def _plus(numbers: Iterable[int]) -> str:
    return "+".join(map(str, numbers))


def _numbers(numbers: Iterable[int], count: int) -> str:
    return few([f"{number}/{count}" for number in numbers])


def _then(words: Sequence[str]) -> str:
    return ", ".join(words[:-1]) + f", then {words[-1]}" if len(words) > 1 else "".join(words)


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
