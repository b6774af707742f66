# SPDX-License-Identifier: GPL-2.0-only
"""What a series says it is made on top of, beside a base: the trailers of git format-patch --base, of b4, and others'.

git-format-patch(1), BASE TREE INFORMATION, has ``prerequisite-patch-id``, of ``git patch-id --stable``; b4's cover
letters have ``prerequisite-message-id`` and ``prerequisite-change-id ID:vN``. QEMU's tools read ``Based-on:``, those of
others ``Depends-on:``, each with a Message-ID or a URL that ends in one; one with something else, such as a commit, is
passed over.
"""

import re

from kseries.model import Record

_TRAILER = re.compile(
    rb"^(?:(?P<patch>prerequisite-patch-id): *(?P<digits>[0-9a-f]{40,64})"
    rb"|(?P<change>prerequisite-change-id): *(?P<id>[^\s:]{1,200})(?::v\d{1,4})?"
    rb"|(?:prerequisite-message-id|based-on|depends-on): *(?:<|https?://[^\s<>@]{1,200}/)?(?P<mid>[^\s<>/@]{1,200}@[^\s<>/@]{1,200})[>/]?)"
    rb"[ \t\r]*$",
    re.MULTILINE | re.IGNORECASE,
)
_CHANGE = re.compile(rb"^change-id: *([^\s:]{1,200})[ \t\r]*$", re.MULTILINE | re.IGNORECASE)
_MOST = 1000
"""Trailers of one mail that are read."""


class Prerequisite(Record, frozen=True):
    """One patch, or one series, that has to be there first. One of the three is not empty."""

    patch_id: str = ""
    change_id: str = ""
    message_id: str = ""
    """Without its angle brackets."""

    @property
    def name(self) -> str:
        """As a message tells of it."""
        return self.patch_id[:12] or self.change_id or f"<{self.message_id}>"


def read(body: bytes) -> tuple[Prerequisite, ...]:
    """The prerequisites that a mail names, in its order, which is that in which they apply."""
    found = [one for one, _ in zip(_TRAILER.finditer(body), range(_MOST), strict=False)]
    return tuple(
        Prerequisite(
            patch_id=(one["digits"] or b"").decode(),
            change_id=(one["id"] or b"").decode(errors="replace"),
            message_id=(one["mid"] or b"").decode(errors="replace"),
        )
        for one in found
    )


def change_id(body: bytes) -> str:
    """What b4 calls a series in all its versions (``change-id:`` of its cover letter); empty where it has none."""
    found = _CHANGE.search(body)
    return found[1].decode(errors="replace") if found else ""
