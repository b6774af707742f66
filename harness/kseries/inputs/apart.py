# SPDX-License-Identifier: GPL-2.0-only
"""The mails of a thread that are no part of its series, but what that names as prerequisites."""

import collections
import graphlib
import itertools
from collections.abc import Iterable, Mapping, Sequence

from kseries.inputs.mail import Mail
from kseries.inputs.prerequisite import Prerequisite
from kseries.model import Patch
from kseries.sources import patchids

_LEVELS = 200
"""Answers to answers that are followed upwards: of a series whose patches each answer the one before."""


def prerequisites(mails: Sequence[Mail]) -> tuple[list[Mail], list[Mail]]:
    """The mails of what a mail names as prerequisites, in the order in which they apply, and the others.

    None is set apart where nothing would be left, as of a thread that names its own cover letter.
    """
    named = list(dict.fromkeys(one for mail in mails for one in _named_by(mail)))
    if not named:
        return [], list(mails)
    part_of = _part_of(mails, named)
    before = [one for one in mails if id(one) in part_of]
    rest = [one for one in mails if id(one) not in part_of]
    if not _sent(before) or not _sent(rest):
        return [], list(mails)
    places = {one: place for place, one in enumerate(_in_order(mails, named, part_of))}
    return sorted(before, key=lambda one: (places[part_of[id(one)]], one.subject.number or 0)), rest


def patches(mails: Iterable[Mail]) -> tuple[Patch, ...]:
    """The patches of some mails, in the order in which they stand there, and each once."""
    sent = {one.diff: one for one in _sent(mails)}
    return tuple(one.patch(number) for number, one in enumerate(sent.values(), 1))


def ids(mails: Iterable[Mail]) -> tuple[str, ...]:
    """By what others name the series of some cover letters, or patches."""
    return tuple(name for one in mails for name in (one.id.strip("<>"), one.change_id) if name)


def _named_by(mail: Mail) -> tuple[Prerequisite, ...]:
    return () if mail.subject.reply else mail.prerequisites


def _sent(mails: Iterable[Mail]) -> list[Mail]:
    """The patches among some mails."""
    return [one for one in mails if one.is_patch]


def _part_of(mails: Sequence[Mail], named: Sequence[Prerequisite]) -> dict[int, Prerequisite]:
    """Of each mail (by ``id``) that is of a prerequisite the first name of that."""
    by_id = {f"<{one.message_id}>": one for one in reversed(named) if one.message_id}
    changes = {one.change_id: one for one in reversed(named) if one.change_id}
    heads = by_id | {one.id: changes[one.change_id] for one in mails if one.change_id in changes}
    mail_of = {one.id: one for one in mails if one.id}
    places = {one: place for place, one in enumerate(named)}
    patch_of = _named_patches(mails, {one.patch_id: one for one in named if one.patch_id})
    found: dict[int, Prerequisite] = {}
    for mail in mails:
        ways = (patch_of.get(id(mail)), heads.get(_head(mail, mail_of, heads)))
        if some := [one for one in ways if one is not None]:
            found[id(mail)] = min(some, key=places.__getitem__)
    return found


def _head(mail: Mail, mail_of: Mapping[str, Mail], heads: Mapping[str, Prerequisite]) -> str:
    """The id by which the series of a mail is named, of which it may be the third patch, which answers the second.

    A series may itself be an answer to what it stands on: what names prerequisites, or counts otherwise than what it
    answers, is of another series. Empty where there is none.
    """
    for _ in range(_LEVELS):
        if mail.id in heads:
            return mail.id
        above = mail_of.get(mail.answers)
        if _named_by(mail) or (above is not None and above.subject.total != mail.subject.total):
            return ""
        if above is None or mail.subject.number is None:
            return mail.answers
        mail = above
    return ""


def _in_order(
    mails: Iterable[Mail], named: Iterable[Prerequisite], part_of: Mapping[int, Prerequisite]
) -> list[Prerequisite]:
    """Prerequisites in the order in which they apply: as a mail names them, and those of their own before them."""
    first: graphlib.TopologicalSorter[Prerequisite] = graphlib.TopologicalSorter()
    of = collections.defaultdict[Prerequisite | None, list[Prerequisite]](list)
    for mail in mails:
        of[part_of.get(id(mail))] += _named_by(mail)
    for one in named:
        first.add(one)
    for after, some in of.items():
        some = list(dict.fromkeys(some))
        for one, then in itertools.pairwise(some):
            first.add(then, one)
        if after is not None:
            first.add(after, *some)
    try:
        return list(first.static_order())
    except graphlib.CycleError:
        return list(named)


def _named_patches(mails: Sequence[Mail], wanted: Mapping[str, Prerequisite]) -> dict[int, Prerequisite]:
    """Which mails (by ``id``) have the patches with these patch-ids."""
    sent = _sent(mails) if wanted else []
    ids_of = patchids.stable([one.diff for one in sent])
    return {id(one): wanted[patch_id] for one, patch_id in zip(sent, ids_of, strict=True) if patch_id in wanted}
