# SPDX-License-Identifier: GPL-2.0-only
"""Mails as git, mailers and list archives write them, made of what `git format-patch --stdout` wrote."""

import base64
import quopri
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from kseries.inputs.target import Target
from kseries.model import Base
from kseries.plan import scenarios
from kseries.sources import TreeStore
from tests.support.gitrepo import Repository

FROM = b"From git@z Thu Jan  1 00:00:00 1970\n"


def formatted(repository: Repository, *options: str) -> list[bytes]:
    """The commits since the tag ``base`` as mails, without the From line of an mbox."""
    text = repository.run("format-patch", "--stdout", *options, "base..main").stdout
    return re.split(rb"^From [0-9a-f]{40} Mon Sep 17 00:00:00 2001\n", text, flags=re.MULTILINE)[1:]


def mbox(mails: Sequence[bytes]) -> bytes:
    return b"".join(FROM + one + b"\n" for one in mails)


def mail(subject: str, body: bytes, headers: str = "", reply_to: str = "") -> bytes:
    more = f"{headers}In-Reply-To: <{reply_to}>\n" if reply_to else headers
    return f"From: A U Thor <author@example.com>\nSubject: {subject}\n{more}\n".encode() + body


def reply(one: bytes) -> bytes:
    """Somebody's answer: the mail quoted, with a word of praise, and a patch of his own below it."""
    head, _, body = one.partition(b"\n\n")
    subject = re.search(rb"^Subject: (.*)$", head, re.MULTILINE)
    assert subject is not None
    quoted = b"".join(b"> " + line for line in body.splitlines(keepends=True))
    own = b"diff --git a/file b/file\n--- a/file\n+++ b/file\n@@ -1,2 +1,2 @@\n-line 1\n+better\n line 2\n"
    return (
        b"From: R E Viewer <r@example.com>\nSubject: Re: " + subject[1] + b"\n\nOn Monday, A U Thor wrote:\n"
        + quoted + b"\nReviewed-by: R E Viewer <r@example.com>\n\nI would rather:\n---\n" + own
    )  # fmt: skip


def _split(one: bytes) -> tuple[bytes, bytes]:
    """Headers without those of MIME, and body."""
    head, _, body = one.partition(b"\n\n")
    return re.sub(rb"^(?:MIME|Content)-[^\n]*\n?", b"", head + b"\n", flags=re.MULTILINE), body


def as_is(one: bytes) -> bytes:
    return one


def with_crlf(one: bytes) -> bytes:
    return one.replace(b"\n", b"\r\n")


def _encoded(one: bytes, encoding: str, body: bytes) -> bytes:
    head, _ = _split(one)
    kind = f"MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: {encoding}\n\n"
    return head + kind.encode() + body


def quoted_printable(one: bytes) -> bytes:
    return _encoded(one, "quoted-printable", quopri.encodestring(_split(one)[1]))


def in_base64(one: bytes) -> bytes:
    return _encoded(one, "base64", base64.encodebytes(_split(one)[1]))


def base64_of_crlf(one: bytes) -> bytes:
    """As Outlook sends it: CRLF within what is encoded."""
    return _encoded(one, "base64", base64.encodebytes(_split(one)[1].replace(b"\n", b"\r\n")))


def _stuffed(one: bytes, encoding: str, encode: Callable[[bytes], bytes]) -> bytes:
    """As format=flowed has it (RFC 3676), in an encoding; of a line that ends in a space nobody knows how it ended."""
    head, body = _split(one)
    lines = re.sub(rb"^(?=[ >]|From )", b" ", body, flags=re.MULTILINE)
    kind = "MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8; format=flowed\nContent-Transfer-Encoding: "
    return head + f"{kind}{encoding}\n\n".encode() + encode(lines)


def flowed(one: bytes) -> bytes:
    return _stuffed(one, "8bit", as_is)


def flowed_in_quoted_printable(one: bytes) -> bytes:
    return _stuffed(one, "quoted-printable", quopri.encodestring)


def flowed_in_base64(one: bytes) -> bytes:
    return _stuffed(one, "base64", base64.encodebytes)


def quoted_mboxrd(one: bytes) -> bytes:
    return re.sub(rb"^(>*From )", rb">\1", one, flags=re.MULTILINE).replace(b">From:", b"From:")


def _multipart(head: bytes, *parts: tuple[str, bytes]) -> bytes:
    written = b"".join(b"--=-x\n" + kind.encode() + b"\n\n" + body + b"\n" for kind, body in parts)
    return (
        head + b'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="=-x"\n\n'
        b"This is a multi-part message in MIME format.\n" + written + b"--=-x--\n"
    )


def inline_with_a_log(one: bytes) -> bytes:
    """The patch in the text, and a log beside it."""
    head, body = _split(one)
    return _multipart(
        head,
        ("Content-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit", body),
        ('Content-Type: text/plain; name="dmesg.txt"\nContent-Disposition: attachment', b"BUG: a log\n+ no diff\n"),
    )


def as_an_attachment(one: bytes) -> bytes:
    """Only words in the text; message and patch are a file that format-patch wrote."""
    head, body = _split(one)
    return _multipart(
        head,
        ("Content-Type: text/plain; charset=UTF-8", b"Hi,\n\nplease find attached.\n"),
        ('Content-Type: text/x-patch; charset=UTF-8; name="1.patch"\nContent-Transfer-Encoding: 8bit', body),
    )


def as_text_and_base64(one: bytes) -> bytes:
    """As above, by a mailer that encodes what is attached."""
    head, body = _split(one)
    kind = 'Content-Type: text/x-patch; charset=UTF-8; name="1.patch"\nContent-Transfer-Encoding: base64'
    return _multipart(head, ("Content-Type: text/plain", b"Attached.\n"), (kind, base64.encodebytes(body)))


def as_bytes_attached(one: bytes) -> bytes:
    """As above, by a mailer that does not know what a patch is, and one with HTML beside the text."""
    head, body = _split(one)
    return _multipart(
        head,
        ("Content-Type: text/plain; charset=UTF-8", b"Attached.\n"),
        ("Content-Type: text/html; charset=UTF-8", b"<pre>\n--- a/file\n+++ b/file\n@@ -1 +1 @@\n</pre>\n"),
        (
            'Content-Type: application/octet-stream; name="1.patch"\nContent-Transfer-Encoding: base64',
            base64.encodebytes(body),
        ),
    )


TRANSPORTS: tuple[Callable[[bytes], bytes], ...] = (
    as_is, quoted_printable, in_base64, quoted_mboxrd, inline_with_a_log, as_an_attachment,
    flowed, flowed_in_quoted_printable, flowed_in_base64,
)  # fmt: skip
"""What git am takes as it is."""
MORE_TRANSPORTS = (with_crlf, base64_of_crlf, as_bytes_attached)
"""What git am has an option for, or what it does not take."""


def trees(found: Target, repository: Repository, scratch: Path) -> list[str]:
    """The tree after each patch of a series on the tag ``base``."""
    store = TreeStore(scratch / "trees.git")
    store.add_repository(repository.path)
    base = Base(name="base", version="6", tree=repository.tree("base"))
    return [patch.tree_after for patch in scenarios.apply_all(found.series, base, store)]


def am(repository: Repository, data: bytes, *options: str) -> list[str]:
    """The same trees as git am makes them."""
    repository.git("checkout", "--quiet", "--force", "-B", "am", "base")
    repository.git("am", "--quiet", *options, stdin=data)
    commits = repository.git("rev-list", "--reverse", "base..am").split()
    return [repository.tree(commit) for commit in commits]
