# SPDX-License-Identifier: GPL-2.0-only
"""One file of a directory or a queue -> its patches: mostly one, and as many as there are mails in it."""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence, Set
from operator import attrgetter
from pathlib import Path

import msgspec

from kseries.inputs import apart, files, mbox, packed, thread
from kseries.inputs.mail import Mail
from kseries.inputs.subject import Subject
from kseries.inputs.target import Target
from kseries.model import Series

_FIRST = re.compile(r"(?:v\d{1,4}-)?0000-")


Mails = Sequence[tuple[str, list[Mail]]]
"""The mails of each file, and what it is called."""


def mails(paths: Iterable[Path], top: Path | None = None) -> Mails:
    """What some files hold, which lie in ``top`` where that is said. Raises InputError."""
    named = ((packed.bare(path.name), path) for path in paths)
    return [(name, mbox.read(files.read(path, top), name)) for name, path in named]


def read(found: Mails) -> list[Target]:
    """The patches of each file; of a cover letter none.

    Of several mails in one file that say how many they are (``[PATCH 2/7]``) each has to be there, or in another of the
    files. Raises InputError.
    """
    everywhere = {place for _, mails in found for place in _places(mails)}
    return [
        _of_one(mails[0], name) if len(mails) == 1 else _of_several(mails, name, everywhere) for name, mails in found
    ]


def together(found: Iterable[Target], name: str) -> Target:
    """The patches of several files, as one series."""
    each = tuple(found)
    patches = (patch for one in each for patch in one.series.patches)
    return Target(
        series=Series(
            name=name,
            version=max((one.series.version for one in each), default=1),
            patches=tuple(msgspec.structs.replace(patch, number=number) for number, patch in enumerate(patches, 1)),
            cover_id=next((one.series.cover_id for one in each if one.series.cover_id), ""),
        ),
        base_commit=next((one.base_commit for one in _first(each) if one.base_commit), None),
        prerequisites=tuple(dict.fromkeys(named for one in each for named in one.prerequisites)),
        before=tuple(patch for one in each for patch in one.before),
        ids=tuple(name for one in each for name in one.ids),
        notes=tuple(note for one in each for note in one.notes),
    )


def _first(each: Iterable[Target]) -> Iterator[Target]:
    """What may speak for all: the cover letter, and the first patch, in which git format-patch says what all are based
    on. Another one of a queue may be somebody's who had another kernel.
    """
    for one in each:
        yield one
        if one.series.patches:
            return


def _of_one(mail: Mail, name: str) -> Target:
    mail = msgspec.structs.replace(mail, origin=name)
    cover = _is_cover(mail, name)
    series = Series(
        name=name,
        version=mail.subject.version,
        patches=() if cover else (mail.patch(1),),
        cover_id=mail.id if cover else "",
    )
    return Target(
        series=series,
        base_commit=mail.base_commit,
        prerequisites=mail.prerequisites,
        ids=apart.ids([mail] if cover else []),
    )


def _is_cover(mail: Mail, name: str) -> bool:
    """True for 0/7, and for what format-patch calls 0000; not for the first patch of those who count from 0 on.

    A diff proves no patch: between two versions of a series it stands in the cover letter (--interdiff in
    git-format-patch(1)).
    """
    first = _FIRST.match(name) is not None
    if mail.has_diff:
        return first and (mail.subject.number == 0 or "cover-letter" in name)
    return first or mail.subject.number == 0


def _places(mails: Iterable[Mail]) -> set[tuple[int, int]]:
    """The numbers that patches have, each with that of its series' last one."""
    posted = (one.subject for one in mails if one.is_patch)
    return {(subject.number, subject.total) for subject in posted if subject.number and subject.total}


def _missing(own: Set[tuple[int, int]]) -> set[tuple[int, int]]:
    """The patches of the longest series that are not there."""
    total = max((total for _, total in own), default=0)
    return {(number, total) for number in range(1, total + 1)} - own


def lacking(paths: Iterable[Path], top: Path) -> list[str]:
    """What is in none of some files, of the series that their subjects count: "2/7"."""
    own = {place for path in paths for place in _places(mbox.read(files.read(path, top), path.name))}
    return [f"{number}/{total}" for number, total in sorted(_missing(own))]


def out_of_order(found: Mails) -> tuple[Subject, Subject] | None:
    """The first patch of a series that one of a smaller number stands behind, and that one; None where there is none,
    and of files that are not each a patch of one series.
    """
    posted = [(one.subject, name, one) for name, some in found for one in some if len(some) == 1]
    subjects = [subject for subject, name, one in posted if not _is_cover(one, name)]
    if len(posted) != len(found) or len({(one.version, one.total) for one in subjects}) != 1:
        return None
    numbers = [one.number for one in subjects if one.number is not None]
    if len(numbers) != len(subjects) or len({*numbers}) != len(numbers):  # of two series, perhaps
        return None
    smallest = [*itertools.accumulate(reversed(numbers), min)][::-1]  # from there on: a series may have thousands
    places = list(zip(subjects, numbers, strict=True))
    for at, (one, number) in enumerate(places):
        if smallest[at] < number:
            return one, next(other for other, its in places[at:] if its < number)
    return None


def _are_strangers(posted: Sequence[Mail]) -> bool:
    """True of mails that are other versions of other things."""
    versions, texts = ({of(one.subject) for one in posted} for of in (attrgetter("version"), attrgetter("text")))
    return len(versions) > 1 and len(texts) > 1


def _of_several(mails: list[Mail], name: str, everywhere: Set[tuple[int, int]]) -> Target:
    """A series; or what somebody has put together of several, or of one whose rest is in other files."""
    own = _places(mails)
    totals = {total for _, total in own}
    posted = [one for one in mails if one.is_patch]
    some_are_not = own and any(one.subject.number is None for one in posted)
    mixed = len(totals) > 1 or some_are_not or (not own and _are_strangers(posted))
    missing = set() if mixed else _missing(own)  # of many series, each may say that it has 9999
    if not mixed and not (missing and missing <= everywhere):
        return thread.series(mails, name)
    patches = tuple(mail.patch(number) for number, mail in enumerate(posted, 1))
    what = "of several series" if mixed else "of a series whose others are in other files"
    note = f"{name}: {len(patches)} patches {what}, in the order in which they stand there"
    return Target(series=Series(name=name, version=1, patches=patches), notes=(note,))
