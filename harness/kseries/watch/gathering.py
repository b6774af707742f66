# SPDX-License-Identifier: GPL-2.0-only
"""The mails of a thread -> the series that were posted in it, each version by itself: whole, or what it still lacks.

Which mails are a version's, and in which order, inputs/thread.py knows. Here its mails are kept apart from those of
others in the same thread: a series is one sender's, and counts to one number. A patch without a number is a series
where it begins a thread, or follows what is none; and else only where it tells a version: somebody's idea in the middle
of a discussion is none.
"""

import collections
from collections.abc import Collection, Iterator, Sequence

import msgspec

from kseries.inputs import rerolls, thread
from kseries.inputs.target import Target
from kseries.model import Record
from kseries.model.errors import InputError
from kseries.watch.archive import Thread
from kseries.watch.posted import Posted

_NAMED = 5


class Posting(Record, frozen=True):
    """One version of a series. ``target`` is None where it is not whole; ``fault`` says why it never will be."""

    sender: str
    subject: str
    version: int
    own: tuple[str, ...]
    """The keys of its own mails; a partial reroll has patches of the version before, too."""
    change_id: str = ""
    target: Target | None = None
    mails: tuple[Posted, ...] = ()
    """Its cover letter and its patches, in their order."""
    lacks: str = ""
    fault: str = ""


def postings(found: Thread) -> list[Posting]:
    """The series of a thread, the oldest version first."""
    mails = rerolls.versioned([one.mail for one in found.mails])
    every = [msgspec.structs.replace(one, mail=mail) for one, mail in zip(found.mails, mails, strict=True)]
    groups = collections.defaultdict[tuple[str, int | None], list[Posted]](list)
    for one in every:
        if one.is_of_series and not _is_aside(one, every):
            groups[one.sender, one.mail.subject.total].append(one)
    replies = [one for one in every if one.mail.subject.reply]
    return [_posting(version, group, replies, found.came) for group in groups.values() for version in _versions(group)]


def _is_aside(one: Posted, every: Sequence[Posted]) -> bool:
    """True of a patch in a thread of others that tells neither number nor version."""
    subject = one.mail.subject
    if subject.number is not None or subject.versioned or not one.mail.answers:
        return False
    return any(other.is_of_series and _leads(other) for other in every if other.key != one.key)


def _leads(one: Posted) -> bool:
    """Whether a mail can begin a series, however it is answered."""
    return one.mail.subject.number is not None or one.mail.subject.versioned or not one.mail.answers


def _versions(group: Sequence[Posted]) -> list[int]:
    """Those that were posted; a cover letter that tells none, over patches that do, is none of its own."""
    patches = {one.mail.subject.version for one in group if one.mail.has_diff}
    covers = {one.mail.subject.version for one in group if not one.mail.has_diff and one.mail.subject.versioned}
    return sorted(patches | covers or {one.mail.subject.version for one in group})


def _posting(version: int, group: Sequence[Posted], replies: Sequence[Posted], came: Collection[str]) -> Posting:
    own = [one for one in group if one.mail.subject.version == version]
    cover = next((one for one in own if one.mail.subject.number == 0), None)
    first = cover or min(own, key=lambda one: one.mail.subject.number or 0)
    told = Posting(
        sender=first.sender,
        subject=first.mail.subject.text,
        version=version,
        own=tuple(one.key for one in own),
        change_id=next((one.mail.change_id for one in own if one.mail.change_id), ""),
    )
    try:
        target = thread.series([one.mail for one in (*group, *replies)], first.mail.subject.text, version)
    except InputError as error:
        lacks = ", ".join(_gone(own))
        return msgspec.structs.replace(told, lacks=lacks, fault="" if lacks else str(error))
    lacks = _lacks_cover(own, came) if cover is None else ""
    return msgspec.structs.replace(told, target=target, mails=_mails(target, group), lacks=lacks)


def _gone(own: Sequence[Posted]) -> Iterator[str]:
    """Which patches of a version did not come."""
    total = max((one.mail.subject.total or 0 for one in own), default=0)
    there = {one.mail.subject.number for one in own if one.mail.has_diff}
    gone = [number for number in range(1, total + 1) if number not in there]
    yield from (f"{number}/{total}" for number in gone[:_NAMED])
    if len(gone) > _NAMED:
        yield f"and {len(gone) - _NAMED} more"


def _lacks_cover(own: Sequence[Posted], came: Collection[str]) -> str:
    """What its patches all answer and did not come: mostly a cover letter, which may name its base."""
    above = {one.mail.answers for one in own if one.mail.subject.number is not None}  # others need no cover letter
    (one,) = above if len(above) == 1 else ("",)
    return f"the mail that it answers, {one}" if one and one not in came else ""


def _mails(target: Target, group: Sequence[Posted]) -> tuple[Posted, ...]:
    by = {(one.mail.id, one.mail.diff): one for one in reversed(group)}
    covers = [one for one in group if one.mail.id and one.mail.id == target.series.cover_id]
    return (*covers[:1], *(by[patch.message_id, patch.diff or b""] for patch in target.series.patches))
