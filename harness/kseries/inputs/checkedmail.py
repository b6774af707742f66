# SPDX-License-Identifier: GPL-2.0-only
"""The mail that b4 gives to a check, and the file in which ``b4 review`` tells of its series.

b4 decodes the text and leaves the headers that say how it was encoded (LoreMessage.get_msg_as_bytes()); whoever saved a
mail has both. So such a mail is read in both ways: what is not meant has no diff, or one that nobody knows.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from kseries.host import untrusted
from kseries.inputs import mail
from kseries.inputs.mail import Mail
from kseries.model import Record
from kseries.model.errors import InputError
from kseries.sources import patchids

TRACKING = "B4_TRACKING_FILE"
"""The variable with which b4 review names that file, where the series has a branch."""
_ENCODING = re.compile(rb"^Content-(?:Transfer-Encoding|Type: *multipart)[^\n]*\n(?:[ \t][^\n]*\n)*", re.I | re.M)
_TRACKING_LIMIT = 16 << 20
_ID = re.compile("[0-9a-f]{40}")
_CHANGE = re.compile(r"(?!.*\.\.)[A-Za-z0-9][\w.@+-]{0,200}")


class CheckedMail(Record, frozen=True):
    """A mail, and the stable patch-ids that its diff may have; none of a mail without one."""

    mail: Mail
    patch_ids: tuple[str, ...] = ()


def read(data: bytes) -> CheckedMail:
    """Raises InputError for what is no mail that can be read, nor a diff."""
    ways = list(_readings(data))
    ids = patchids.stable([one.diff for one in ways if one.has_diff])
    best = next((one for one in ways if one.has_diff), ways[0])
    return CheckedMail(mail=best, patch_ids=tuple(dict.fromkeys(filter(None, ids))))


def _readings(data: bytes) -> Iterator[Mail]:
    """The mail as b4 gives it, and as it was sent where that is another; raises InputError where it is neither."""
    head, blank, body = data.partition(b"\n\n")
    plain = _ENCODING.sub(b"", head + b"\n")[:-1]
    given = mail.read(plain + blank + body, "standard input")
    yield given
    if plain != head:
        try:
            yield mail.read(data, "standard input")
        except InputError:
            if not given.has_diff:
                raise


class Tracking(Record, frozen=True):
    """What b4 review keeps of a series: its branch and the first commit there, where that is known, or ""."""

    branch: str = ""
    first: str = ""


class _Series(Record, frozen=True):
    change_id: str | None = msgspec.field(name="change-id", default=None)
    first: str | None = msgspec.field(name="first-patch-commit", default=None)


class _File(Record, frozen=True):
    series: _Series


def tracking(name: str | None) -> Tracking:
    """What the file of that name tells; nothing where there is none, or it is of another form: b4 may change it."""
    try:
        found = msgspec.json.decode(untrusted.read(Path(name or ""), _TRACKING_LIMIT), type=_File).series
    except (OSError, InputError, ValueError, msgspec.MsgspecError):
        return Tracking()
    branch = f"b4/review/{found.change_id}" if _CHANGE.fullmatch(found.change_id or "") else ""
    return Tracking(branch=branch, first=found.first if found.first and _ID.fullmatch(found.first) else "")
