# SPDX-License-Identifier: GPL-2.0-only
"""One file of a directory or a queue -> its patches: mostly one, and as many as there are mails in it."""

import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from harness.inputs import apart, files, mbox, packed, thread
from harness.inputs.mail import Mail
from harness.inputs.target import Target
from harness.model import Series

_FIRST = re.compile(r"(?:v\d{1,4}-)?0000-")


def read(path: Path, top: Path | None = None) -> Target:
    """The patches of a file, which lies in ``top`` where that is said; of a cover letter none.

    Of several mails that say how many they are (``[PATCH 2/7]``) each has to be there. Raises InputError.
    """
    name = packed.bare(path.name)
    mails = mbox.read(files.read(path, top), name)
    return _of_one(mails[0], name) if len(mails) == 1 else _of_several(mails, name)


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
        base_commit=next((one.base_commit for one in each if one.base_commit), None),
        prerequisites=tuple(dict.fromkeys(named for one in each for named in one.prerequisites)),
        before=tuple(patch for one in each for patch in one.before),
        ids=tuple(name for one in each for name in one.ids),
        notes=tuple(note for one in each for note in one.notes),
    )


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


def _of_several(mails: list[Mail], name: str) -> Target:
    posted = [mail for mail in mails if not mail.subject.reply]
    if len({mail.subject.total for mail in posted if mail.subject.total}) <= 1:
        return thread.series(mails, name)
    # Somebody has put patches of several series together: what each had for a number says nothing here.
    patches = tuple(mail.patch(number) for number, mail in enumerate((one for one in posted if one.has_diff), 1))
    note = f"{name}: {len(patches)} patches of several series, in the order in which they stand there"
    return Target(series=Series(name=name, version=1, patches=patches), notes=(note,))
