# SPDX-License-Identifier: GPL-2.0-only
"""Which version of a series a mail belongs to, where its subject alone does not tell.

A cover letter may say ``[PATCH v3 0/2]`` for patches that say ``[PATCH 1/2]``, and of a series one patch may be sent
again: ``[PATCH v3 2/2]`` in reply to ``[PATCH v2 2/2]``. Both hang on what a mail answers, and the rules are b4's:
LoreMailbox.add_message() and partial_reroll() in b4 0.16.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from kseries.inputs.mail import Mail
from kseries.inputs.subject import Subject

_LEVELS = 200
"""Answers to answers that are followed upwards: more than any discussion has."""


def versioned(mails: Sequence[Mail]) -> list[Mail]:
    """The same mails, where a patch that tells no version has that of the cover letter, or the patch, that it follows.

    b4 does so only until a patch of v1 comes; but none of v1 follows a later version.
    """
    subject_of: dict[str, Subject] = {}
    found: dict[int, Mail] = {}
    for one in sorted(filter(_numbered, mails), key=lambda one: one.subject.number or 0):  # what is followed, first
        above, subject = subject_of.get(one.answers), one.subject
        if above is not None and _follows(subject, above):
            subject = msgspec.structs.replace(subject, version=above.version)
            found[id(one)] = msgspec.structs.replace(one, subject=subject)
        if one.id:
            subject_of[one.id] = subject
    return [found.get(id(one), one) for one in mails]


def _numbered(one: Mail) -> bool:
    return one.subject.number is not None and not one.subject.reply


def _follows(subject: Subject, above: Subject) -> bool:
    """Whether a subject that tells no version is a later one of the same series."""
    return not subject.versioned and subject.total == above.total and (subject.number or 0) > (above.number or 0)


def left_as_they_were(
    version: int, gone: Collection[int], patches_of: Mapping[int, Sequence[Mail]], mails: Iterable[Mail]
) -> list[Mail]:
    """What a partial reroll takes from the versions before it: their patches of the numbers that it lacks.

    Each patch that did come has to answer one of its own number, itself or through replies (its RESEND need not); and
    so on, from version to version. ``mails`` are those of the thread, replies too.
    """
    mail_of = {one.id: one for one in mails if one.id}
    gone, found = set(gone), []
    while gone and version - 1 in patches_of:
        numbers = {one.subject.number for one in patches_of[version]}
        if numbers != {one.subject.number for one in patches_of[version] if _is_again(one, mail_of)}:
            break
        version -= 1
        older = [one for one in patches_of[version] if one.subject.number in gone]
        gone -= {one.subject.number for one in older}
        found += older
    return found


def _is_again(one: Mail, mail_of: Mapping[str, Mail]) -> bool:
    """Whether a patch answers another of its number."""
    above = mail_of.get(one.answers)
    for _ in range(_LEVELS):
        if above is None or above.id == one.id:
            return False
        if (above.subject.number, above.subject.total) == (one.subject.number, one.subject.total):
            return True
        above = mail_of.get(above.answers)
    return False
