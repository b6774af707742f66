# SPDX-License-Identifier: GPL-2.0-only
"""The mails of an mbox, as ``git format-patch --stdout``, b4 and list archives write it.

Python's mailbox takes every line that begins with "From " for the start of a mail, so that a changelog with "From the
guest's side..." ends there. b4 and git do not quote such lines: what starts a mail for them is a line with a date and
headers below it, and so it is here. ``>From `` is unquoted: no diff has such a line.
"""

import re

import msgspec

from kseries.inputs import mail
from kseries.model.errors import InputError

# A bounded number of characters at each place, so that no line takes time in the square of its length.
_START = re.compile(rb"^From [^\n]{1,160}\d:\d\d[^\n]{0,16} \d{4}[^\n]{0,16}\n(?=>?[!-9;-~]+:)", re.MULTILINE)
_MAILS = 100_000
"""Far more than any thread has; of the shortest ones, an input has room for millions."""
_QUOTED = re.compile(rb"^>(?=>*From )", re.MULTILINE)
_MULTIPART = re.compile(rb"\s*+(?:[!-9;-~]+:[^\n]*\n|[ \t][^\n]*\n)*?content-type:\s*multipart", re.IGNORECASE)


def read(data: bytes, name: str) -> list[mail.Mail]:
    """The mails of an mbox, or the one that the data is, or the bare diff. Raises InputError."""
    starts = [found.start() for found in _START.finditer(data)]
    before = data[: starts[0]] if starts else data
    if not starts or _MULTIPART.match(before[: 64 << 10]):
        return [mail.read(data, name)]  # one mail as it is: such a line may begin an attachment
    if len(starts) > _MAILS:
        raise InputError(f"{name} has more than {_MAILS} mails\n  take the thread out of it: b4 mbox fetches one")
    if before.strip():
        starts = [0, *starts]  # the end of a mail that is cut off
    ends = [*starts[1:], len(data)]
    return [
        _named(mail.read(_QUOTED.sub(b"", data[start:end]), f"mail {number} of {name}"))
        for number, (start, end) in enumerate(zip(starts, ends, strict=True), 1)
    ]


def _named(one: mail.Mail) -> mail.Mail:
    """A mail that its subject names to the user: nobody counts the mails of an archive."""
    return msgspec.structs.replace(one, origin=one.subject.line or one.origin)
