# SPDX-License-Identifier: GPL-2.0-only
"""A mail as it was posted: what kseries reads of any mail, and beside it who sent it, when, and to which lists."""

import email.parser
import email.policy
import email.utils
import re
from collections.abc import Iterable
from email.message import Message

import msgspec

from kseries.host import checksums
from kseries.inputs import mail
from kseries.inputs.mail import Mail
from kseries.model import Record

LARGEST = 16 << 20
"""Bytes of a mail that are read: no list takes a larger one, and the email package takes a multiple in memory."""
_HEAD_BYTES = 64 << 10
_FROM_LINE = re.compile(rb">?From [^\n]*\n")
_MOST_LISTS = 100
_START = b"From mboxrd@z Thu Jan  1 00:00:00 1970\n"
_LIKE_A_START = re.compile(rb"^(?=>*From )", re.MULTILINE)


class Posted(Record, frozen=True):
    """One mail. ``key`` names it: its Message-ID, or else its digest; ``dated`` is in seconds since 1970."""

    key: str
    mail: Mail
    raw: bytes
    sender: str = ""
    """The address in From, in lower case: of a patch that somebody forwards the forwarder's."""
    dated: float | None = None
    lists: tuple[str, ...] = ()
    """The addresses and the list-ids that it went to, in lower case."""

    @property
    def author(self) -> str:
        """The address of who made it, in lower case: of a patch that somebody forwards who is named in its body."""
        return email.utils.parseaddr(self.mail.author)[1].lower()

    @property
    def is_of_series(self) -> bool:
        """True of a patch and of a cover letter; not of a reply."""
        return not self.mail.subject.reply and (self.mail.has_diff or self.mail.subject.number is not None)


def read(raw: bytes, origin: str) -> Posted:
    """Read a mail; of what is of no series neither who sent it, nor when, nor where to. Raises InputError."""
    raw = raw[opening.end() :] if (opening := _FROM_LINE.match(raw)) else raw
    found = mail.read(raw, origin)
    key = found.id or f"<{checksums.of_bytes(raw)}@no.message-id>"
    told = Posted(key=key, mail=found, raw=raw)
    if not told.is_of_series:
        return told
    head = re.split(rb"\r?\n\r?\n", raw[:_HEAD_BYTES], maxsplit=1)[0]
    headers = email.parser.BytesHeaderParser(policy=email.policy.compat32).parsebytes(head + b"\n\n")
    return msgspec.structs.replace(
        told,
        sender=next(iter(_addresses(headers, "From")), ""),
        dated=_date(str(headers.get("Date", ""))),
        lists=tuple(dict.fromkeys([*_addresses(headers, "To", "Cc"), *_list_ids(headers)]))[:_MOST_LISTS],
    )


def as_mbox(mails: Iterable[Posted]) -> bytes:
    """Mails as an mbox, of which inputs/mbox.py makes the same mails; one is what git format-patch writes."""
    return b"".join(_START + _LIKE_A_START.sub(b">", one.raw) + b"\n" for one in mails)


def _addresses(headers: Message, *names: str) -> list[str]:
    fields = [str(value) for name in names for value in headers.get_all(name, [])]
    return [address.lower() for _, address in email.utils.getaddresses(fields) if address]


def _list_ids(headers: Message) -> list[str]:
    """What List-Id has in its angle brackets (RFC 2919): ``kvm.vger.kernel.org``."""
    return [
        found.lower() for field in headers.get_all("List-Id", []) for found in re.findall(r"<([^<>\s]+)>", str(field))
    ]


def _date(field: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(field).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
