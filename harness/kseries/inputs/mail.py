# SPDX-License-Identifier: GPL-2.0-only
"""One mail -> its subject, its changelog and its diff, byte for byte as ``git am`` would apply it.

Python's email package reads it, and not ``git mailinfo``: that is a process for each mail (8 s where this takes
0.2 s, for a thousand), and the little that is left to do here has ``git am`` itself as its measure in the tests.
In two things this takes more than git does: text/html beside the text is passed over, and a CR at the end of a line
goes where every line has one (a mailer's), and stays where some have (the patch's: ``git am --keep-cr``).
"""

import codecs
import email
import email.errors
import email.header
import email.message
import email.policy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from kseries.inputs import binary, flowed, prerequisite
from kseries.inputs.subject import Subject, parse
from kseries.model import Patch, Record
from kseries.model.errors import InputError

_FROM_LINE = re.compile(rb"\s*>?From [^\n]*\n")
_HEAD_BYTES = 64 << 10
# No mailer comes near these; beyond them, the email package takes minutes, or gigabytes, for a mail of some megabytes.
_LINE_CHARS = 8 << 10
_LINES = 5_000_000
_LEVELS = 20
_SLOW_CHARSETS = ("idna", "punycode")
"""Python's codecs for names of hosts take time in the square of what they decode; they are no charsets of mails."""
_DIFF = re.compile(rb"^(?:diff --git |--- [^\n]*\n\+\+\+ )", re.MULTILINE)
# git-am(1): the message ends at a line of three dashes, or where a diff begins. patchbreak() in git's mailinfo.c takes
# for one whatever begins with "--- x".
_MESSAGE_END = re.compile(rb"^(?:---[ \t\r]*$|--- \S|diff -|Index: )", re.MULTILINE)
_IN_BODY = re.compile(r"\s*(?:(?:From|Date|Subject): [^\n]*\n(?:[ \t]+\S[^\n]*\n)*)+(?:\n|\Z)")
_IN_BODY_AUTHOR = re.compile(r"^From: ([^\n]*(?:\n[ \t]+\S[^\n]*)*)", re.MULTILINE)
_IN_BODY_SUBJECT = re.compile(r"^Subject: ([^\n]*(?:\n[ \t]+\S[^\n]*)*)", re.MULTILINE)
_IDS = re.compile(r"<[^<>\s]{1,998}>")
_BASE = re.compile(rb"^base-commit: ([0-9a-f]{7,64})\s*$", re.MULTILINE)
_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
_PLAIN = ("", "7bit", "8bit", "binary")
_ODD = (LookupError, ValueError, TypeError, AttributeError, RecursionError, email.errors.MessageError)
"""What the email package raises on mails that no mailer writes."""


class _Part(email.message.Message):
    """A mail, or a part of one, that lies only so deep in others: each line is held against all their boundaries."""

    depth = 0

    def attach(self, payload: Any) -> None:
        """Take a part; the parser does that before it reads the part's lines."""
        payload.depth = self.depth + 1
        if payload.depth > _LEVELS:
            raise email.errors.MessageError(f"its parts lie in more than {_LEVELS} others")
        super().attach(payload)


class Mail(Record, frozen=True):
    """A mail that was read. ``diff`` is what follows the message: no diff at all in most mails of a list."""

    origin: str
    subject: Subject
    message: str
    diff: bytes
    base_commit: str | None = None
    id: str = ""
    author: str = ""
    answers: str = ""
    """The id of the mail that this one is an answer to."""
    prerequisites: tuple[prerequisite.Prerequisite, ...] = ()
    change_id: str = ""
    patchwork: int | None = None
    """The number that Patchwork gives with a mail which comes from there (its X-Patchwork-Id)."""

    @property
    def has_diff(self) -> bool:
        return _DIFF.search(self.diff) is not None

    @property
    def is_patch(self) -> bool:
        """True of a mail that has a diff and is no reply: a reply may quote a diff, or attach another one."""
        return self.has_diff and not self.subject.reply

    def patch(self, number: int) -> Patch:
        """This mail as a patch of a series. Raises InputError when it holds no diff, or one that git should not see."""
        if not self.has_diff:
            raise InputError(f"{self.origin} holds no diff\n  is it a cover letter, or cut short?")
        binary.check(self.diff, self.origin)
        return Patch(
            number=number,
            subject=self.subject.text,
            origin=self.origin,
            message=self.message,
            author=self.author,
            message_id=self.id,
            patchwork=self.patchwork,
            diff=self.diff,
        )


def read(raw: bytes, origin: str) -> Mail:
    """Read a mail, or a bare diff. ``origin`` stands in for a subject that it does not have. Raises InputError."""
    raw = raw[opening.end() :] if (opening := _FROM_LINE.match(raw)) else raw
    if raw[: raw.find(b"\n")].endswith(b"\r"):
        raw = raw.replace(b"\r\n", b"\n")  # the CR of each line came with the mail, not with the patch
    if raw.count(b"\n") + raw.count(b"\r") - raw.count(b"\r\n") > _LINES:  # the email package ends lines at either
        raise InputError(f"{origin} has more than {_LINES} lines\n  if that is one patch, make it a range of commits")
    head = raw[:_HEAD_BYTES].partition(b"\n\n")[0]
    try:
        headers = email.message_from_string(_text(head), policy=email.policy.compat32)
        if "Subject" in headers:
            body, charset = _body(raw, len(head), headers, origin)
        else:  # a bare diff: the parser may take its first lines for headers
            body, charset = _unix(raw), None
        line = _decoded(headers.get("Subject") or headers.get("Description") or "")
    except _ODD as error:
        raise InputError(f"{origin} is not a mail that can be read: {error}") from error
    end = found.start() if (found := _MESSAGE_END.search(body)) else len(body)
    again, author, message = _message(_text(body[:end], charset))
    base = _BASE.search(body)
    return Mail(
        origin=origin,
        subject=_subject(line, again, origin),
        message=message,
        diff=body[end:],
        base_commit=base[1].decode() if base else None,
        id=str(headers.get("Message-ID", "")).strip(),
        author=author or " ".join(_decoded(headers.get("From") or "").split()),
        answers=_answers(headers),
        prerequisites=prerequisite.read(body),
        change_id=prerequisite.change_id(body),
        patchwork=_patchwork(headers),
    )


def _patchwork(headers: email.message.Message) -> int | None:
    """The number of a patch in the Patchwork that a mail comes from (patchwork/views/utils.py writes it)."""
    told = str(headers.get("X-Patchwork-Id", "")).strip()
    return int(told) if _NUMBER.fullmatch(told) else None


def _subject(line: str, again: str, origin: str) -> Subject:
    """The subject; one in the body takes the place of its text, but the tags are those of the header."""
    subject = parse(line)
    return msgspec.structs.replace(subject, text=parse(again).text or subject.text or Path(origin).stem)


def _answers(headers: email.message.Message) -> str:
    """In-Reply-To, or else the last of References (RFC 5322, 3.6.4)."""
    direct, all_above = (_IDS.findall(str(headers.get(name, ""))) for name in ("In-Reply-To", "References"))
    return direct[0] if direct else all_above[-1] if all_above else ""


def _text(data: bytes, charset: str | None = None) -> str:
    """Decode as git does: what is said, or else UTF-8, or else Latin-1, which takes anything."""
    for name in (charset or "utf-8", "utf-8"):
        try:
            if codecs.lookup(name).name not in _SLOW_CHARSETS:
                return data.decode(name)
        except (LookupError, ValueError):
            continue
    return data.decode("latin-1")


def _decoded(raw: str) -> str:
    """A header with its encoded words decoded."""
    raw = raw[:_LINE_CHARS]
    try:
        return str(email.header.make_header(email.header.decode_header(raw)))
    except _ODD:
        return raw


def _body(raw: bytes, head: int, headers: email.message.Message, origin: str) -> tuple[bytes, str | None]:
    """The text of a mail, every attachment with text or a diff included, and the charset of the first."""
    encoding = str(headers.get("Content-Transfer-Encoding", "")).strip().lower()
    if headers.get_content_maintype() == "text" and encoding in _PLAIN and not headers.defects:
        text = flowed.decoded(_unix(raw[head:]), headers)
        return text, headers.get_content_charset()  # nothing to parse in what may be 50 MB
    message = email.message_from_bytes(raw, _Part, policy=email.policy.compat32)
    if any(isinstance(defect, email.errors.CloseBoundaryNotFoundDefect) for defect in message.defects):
        raise InputError(f"{origin} is cut short: its last attachment does not end")
    charset = next((found for part in message.walk() if (found := part.get_content_charset())), None)
    return b"".join(_parts(message)), charset


def _parts(message: email.message.Message) -> Iterator[bytes]:
    for part in message.walk():
        data = part.get_payload(decode=True)
        if part.is_multipart() or not isinstance(data, bytes) or part.get_content_subtype() == "html":
            continue
        data = flowed.decoded(_unix(data), part)
        if part is message:
            yield data
        elif part.get_content_maintype() == "text" or _DIFF.search(data):
            # The newline before a boundary is the boundary's (RFC 2046), and to git the text's, where it is no base64.
            inside = str(part.get("Content-Transfer-Encoding", "")).strip().lower() != "base64"
            yield data + b"\n" if inside or not data.endswith(b"\n") else data


def _unix(data: bytes) -> bytes:
    """Without the CRs of what was encoded with CRLF; CRs on some lines only are the patch's."""
    lines = data.count(b"\n")
    return data.replace(b"\r\n", b"\n") if lines and data.count(b"\r\n") == lines else data


def _message(text: str) -> tuple[str, str, str]:
    """The subject and the author that a body may begin with (each or ""), and the changelog."""
    head = _IN_BODY.match(text)
    subject, author = (
        _decoded(" ".join(found[1].split())) if head and (found := line.search(head[0])) else ""
        for line in (_IN_BODY_SUBJECT, _IN_BODY_AUTHOR)
    )
    return subject, author, text[head.end() if head else 0 :].strip()
