# SPDX-License-Identifier: GPL-2.0-only
"""The mails of a thread that are no part of its series, but what that names as prerequisites."""

from collections.abc import Iterable, Sequence

from harness.inputs.mail import Mail
from harness.model import Patch
from harness.trees import patchids


def prerequisites(mails: Sequence[Mail]) -> tuple[list[Mail], list[Mail]]:
    """The mails of what a mail names as prerequisites, and the others.

    None is set apart where nothing would be left, as of a thread that names its own cover letter.
    """
    named = [one for mail in mails if not mail.subject.reply for one in mail.prerequisites]
    if not named:
        return [], list(mails)
    of_mails = {f"<{one.message_id}>" for one in named if one.message_id}
    changes = {one.change_id for one in named if one.change_id}
    of_series = {one.id for one in mails if one.change_id in changes}
    sent = _named_patches(mails, {one.patch_id for one in named if one.patch_id})
    heads = of_mails | of_series
    chosen = [not heads.isdisjoint((one.id, one.answers)) or id(one) in sent for one in mails]
    before, rest = (
        [one for one, is_one in zip(mails, chosen, strict=True) if is_one is side] for side in (True, False)
    )
    if not _sent(before) or not _sent(rest):
        return [], list(mails)
    return before, rest


def patches(mails: Iterable[Mail]) -> tuple[Patch, ...]:
    """The patches of some mails, in the order in which they stand there, and each once."""
    sent = {one.diff: one for one in _sent(mails)}
    return tuple(one.patch(number) for number, one in enumerate(sent.values(), 1))


def ids(mails: Iterable[Mail]) -> tuple[str, ...]:
    """By what others name the series of some cover letters, or patches."""
    return tuple(name for one in mails for name in (one.id.strip("<>"), one.change_id) if name)


def _sent(mails: Iterable[Mail]) -> list[Mail]:
    """The patches among some mails."""
    return [one for one in mails if one.has_diff and not one.subject.reply]


def _named_patches(mails: Sequence[Mail], wanted: set[str]) -> set[int]:
    """Which mails (by ``id``) have the patches with these patch-ids."""
    sent = _sent(mails) if wanted else []
    ids_of = patchids.stable([one.diff for one in sent])
    return {id(one) for one, patch_id in zip(sent, ids_of, strict=True) if patch_id in wanted}
