# SPDX-License-Identifier: GPL-2.0-only
"""Threads as lists have them, drawn by hypothesis, and what their authors meant by them."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.header import Header
from typing import Any

from hypothesis import strategies as st

from tests.support import mails
from tests.support.gitrepo import lines

WORDS = "Zürich"
FILE = lines(40, line3=WORDS, line13=WORDS, line23=WORDS)
"""Each patch of a series changes a line of it, with a word that no ASCII has beside it."""
MOST = 3
COVER = "Hello.\n\n file | 4 ++--\n 1 file changed, 2 insertions(+), 2 deletions(-)\n\n-- \n2.39.5\n\n"
MESSAGES = (
    "Why.\n\nSigned-off-by: A U Thor <author@example.com>\n",
    "Undo this hunk:\n\n@@ -1,3 +1,9 @@ int main(\n\n  indented\n--- no, not yet\n",
    "From: Some Body Else <else@example.com>\n\nNot mine; of Zürich.\n",
    'Subject: lib: what it is\n\nFixes: 0123456789ab ("x")\n',
)

# What hypothesis chooses of.
STUFFED = (mails.flowed, mails.flowed_in_quoted_printable, mails.flowed_in_base64)
TRANSPORTS: tuple[Callable[[bytes], bytes], ...] = (
    mails.as_is, mails.quoted_printable, mails.in_base64, mails.inline_with_a_log, mails.as_an_attachment,
    mails.as_text_and_base64, mails.with_crlf, *STUFFED,
)  # fmt: skip
TAGS = ("", "[foo-devel] ", "[EXT] [foo-devel] ", "[SRU][N]", "[PATCH] ")
"""What a list, or the sender, puts before git's tag."""
PREFIXES = ("PATCH", "RFC PATCH", "PATCH net-next", "patch", "PATCH 6.1.y", "RFC")
PLACES = ("", " v2", " 1/2", " v3 01/10", " V2 2/2")
LONG = "a subject that is longer than a line of a mail may be, and so goes on in the next, "
SUBJECTS = ("lib: {}", "[media] lib: {}", "lib: Zürich's {}", "lib: {} [really]", LONG + "{}", LONG + "in Zürich, {}")
SOME, SELDOM = st.booleans(), st.sampled_from((*[False] * 7, True))

# What b4 takes otherwise, in the words of docs/reference.md.
FLOWED = "`format=flowed`"
ALONE = "a version that the cover letter alone names, beside others"
AGAIN = "a RESEND in the thread of what it repeats"
BEHIND = "`[list] Re: [PATCH`"
UNUSUAL = "`[PATCH1/2]`, `[PATCH 1 of 2]`, `EXTERNAL: [PATCH 1/2]`"
NUMBERLESS = "several patches without numbers"
NEWEST_LOST = "a version of which only the cover letter came"
DATED = "a version sent after the one that follows it"
CHARSET = "a diff in a mail of another charset than UTF-8"


@dataclass(frozen=True)
class Thread:
    """The mails of an mbox, and the patches that their author meant: none where one of them is lost."""

    sent: tuple[bytes, ...]
    meant: tuple[bytes, ...] | None = None
    marks: frozenset[str] = frozenset()
    """What it has that b4 is known to take otherwise."""


def diff(number: int, line: str) -> str:
    """The change of a line of FILE, as git writes it."""
    at = 10 * number - 5
    rows = FILE.splitlines()
    before, after = rows[at - 4 : at - 1], rows[at : at + 3]
    hunk = [*(f" {row}" for row in before), f"-{rows[at - 1]}", f"+{line}", *(f" {row}" for row in after)]
    head = f"diff --git a/file b/file\n--- a/file\n+++ b/file\n@@ -{at - 3},7 +{at - 3},7 @@\n"
    return head + "".join(f"{row}\n" for row in hunk)


def body(number: int, line: str, message: str) -> str:
    stat = " file | 2 +-\n 1 file changed, 1 insertion(+), 1 deletion(-)\n"
    return f"{message}---\n{stat}\n{diff(number, line)}-- \n2.39.5\n\n"


def mail(subject: str, text: str, name: str, minutes: int = 0, above: str = "") -> bytes:
    """A mail of the author's, as git send-email makes it: long subjects folded, and encoded where they are no ASCII."""
    line = Header(subject, "us-ascii" if subject.isascii() else "utf-8", 76, "Subject").encode()
    answers = f"In-Reply-To: <{above}>\nReferences: <{above}>\n" if above else ""
    kind = "MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 8bit\n"
    date = f"Date: Mon, 6 Jan 2025 {minutes // 60:02}:{minutes % 60:02}:00 +0000\n"
    author = "From: =?utf-8?q?J=C3=B6rg?= Thor <author@example.com>\n"
    return f"{author}{date}Subject: {line}\nMessage-ID: <{name}>\n{answers}{kind}\n{text}".encode()


def in_latin1(one: bytes) -> bytes:
    return one.replace(b"charset=UTF-8", b"charset=ISO-8859-1").decode().encode("latin-1")


SINGLE = st.builds(
    lambda tag, prefix, place, subject, message, transport: transport(
        mail(f"{tag}[{prefix}{place}] {subject.format(1)}", body(1, "new", message), "1@x")
    ),
    *map(st.sampled_from, (TAGS, PREFIXES, PLACES, SUBJECTS, MESSAGES, (*TRANSPORTS, in_latin1))),
)
"""One mail with a patch."""


@dataclass(frozen=True)
class Version:
    """What a sender does alike in all mails of one version."""

    version: int
    total: int
    tag: str
    prefix: str
    subject: str
    transport: Callable[[bytes], bytes]
    cover: bool
    alone: bool
    """Whether the cover letter alone says which version it is."""
    deep: bool
    """Whether each mail answers the one before, and not the first."""

    def mail(self, number: int, above: str | None = None) -> bytes:
        version = f" v{self.version}" if self.version > 1 and not (self.alone and number) else ""
        place = f" {number}/{self.total}" if self.total > 1 or self.cover else ""
        subject = f"{self.tag}[{self.prefix}{version}{place}] {self.subject.format(number)}"
        text = body(number, f"v{self.version} {number} Zürich", MESSAGES[number]) if number else COVER
        above = self._above(number) if above is None else above
        return self.transport(mail(subject, text, name(self.version, number), 60 * self.version + number, above))

    def _above(self, number: int) -> str:
        first = 0 if self.cover else 1
        return "" if number <= first else name(self.version, number - 1 if self.deep else first)


def name(version: int, number: int) -> str:
    return f"v{version}.{number}@x"


def again(one: Version, number: int) -> bytes:
    """A RESEND, which is another mail."""
    resent = replace(one, prefix=f"RESEND {one.prefix}").mail(number)
    return resent.replace(b"Message-ID: <", b"Message-ID: <again.", 1)


def reply(one: bytes, behind: str = "") -> bytes:
    """A reviewer's answer, with a diff of his own; ``behind`` is a tag that the list puts before "Re:"."""
    head, _, text = one.replace(b"\r\n", b"\n").partition(b"\n\n")
    headers = dict(row.split(b": ", 1) for row in re.sub(rb"\n[ \t]+", b" ", head).split(b"\n"))
    above = headers[b"Message-ID"].decode()[1:-1]
    quoted = "".join(f"> {line}\n" for line in text.decode().splitlines())
    better = f"{quoted}\nI would rather:\n---\n{diff(1, 'better')}"
    return mail(f"{behind}Re: {headers[b'Subject'].decode()}", better, f"re.{above}", 600, above)


@st.composite
def threads(draw: st.DrawFn) -> Thread:
    """Versions of a series, and what people say to them, in the order of a list or in none."""
    tag, total, first = draw(st.sampled_from(TAGS)), draw(st.integers(1, MOST)), draw(st.integers(1, 2))
    sent: list[bytes] = []
    meant: dict[int, tuple[bytes, Version]] = {}
    marks: set[str] = set()
    for number in range(first, first + draw(st.integers(1, 3))):
        one = draw(_versions(number, total, tag))
        gone = draw(st.sets(st.integers(1, total), max_size=total - 1)) if draw(SOME) else set()
        here = [at for at in range(1, total + 1) if at not in gone]
        if gone and set(here) <= meant.keys() and draw(SOME):  # a partial reroll
            one = replace(one, cover=False, alone=False)
            posted = [one.mail(at, name(meant[at][1].version, at)) for at in here]
        else:
            meant = {}
            posted = [one.mail(at) for at in here]
        meant |= {at: (mail, one) for at, mail in zip(here, posted, strict=True)}
        posted += [one.mail(0)] * one.cover
        if one.alone and number > 1:
            marks.add(ALONE)
        if draw(SELDOM):
            posted += [again(one, at) for at in here]
            marks.add(AGAIN)
        if draw(SOME):
            behind = "[foo-devel] " if draw(SELDOM) else ""
            posted += [reply(answered, behind) for answered in posted]
            marks |= {BEHIND} if behind else set()
        sent += posted
    if any(one.transport in STUFFED for _, one in meant.values()):
        marks.add(FLOWED)
    random.Random(draw(st.integers(0, 99))).shuffle(sent)
    whole = len(meant) == total
    return Thread(tuple(sent), tuple(meant[at][0] for at in sorted(meant)) if whole else None, frozenset(marks))


def _versions(number: int, total: int, tag: str) -> st.SearchStrategy[Version]:
    chosen = map(st.sampled_from, (PREFIXES, SUBJECTS, TRANSPORTS))
    return st.builds(
        lambda prefix, subject, transport, cover, alone, deep: Version(
            number, total, tag, prefix, subject, transport, cover, cover and alone, deep
        ),
        *chosen, SOME, SELDOM, SOME,
    )  # fmt: skip


def _version(number: int, total: int = 2, **other: Any) -> Version:
    plain = Version(number, total, "", "PATCH", "lib: {}", mails.as_is, cover=False, alone=False, deep=False)
    return replace(plain, **other)


def _sent(one: Version) -> tuple[bytes, ...]:
    return tuple(one.mail(at) for at in range(0 if one.cover else 1, one.total + 1))


def differences() -> dict[str, Thread]:
    """Of what b4 takes otherwise, the least of threads, each in an order that helps b4."""
    first, second = _sent(_version(1)), _sent(_version(2))
    flowed = _sent(_version(1, transport=mails.flowed))
    alone = _sent(_version(2, cover=True, alone=True))
    resent = tuple(again(_version(1), at) for at in (1, 2))
    odd = (first[0].replace(b"[PATCH 1/2]", b"EXTERNAL: [PATCH1/2]"), first[1].replace(b"2/2", b"2 of 2"))
    bare = tuple(re.sub(rb"\[PATCH ./2\]", b"[PATCH]", one) for one in first)
    swapped = tuple(one.replace(b" 02:", b" 00:") for one in second)
    one = _sent(_version(1, 1))
    return {
        FLOWED: Thread(flowed, flowed),
        ALONE: Thread((*first, *alone), alone[1:]),
        AGAIN: Thread((*first, *resent), resent),
        BEHIND: Thread((*first, reply(first[0], "[foo-devel] ")), first),
        UNUSUAL: Thread(odd[1:]),
        NUMBERLESS: Thread(bare, bare),
        NEWEST_LOST: Thread((*first, alone[0])),
        DATED: Thread((*swapped, *first), swapped),
        CHARSET: Thread((in_latin1(one[0]),)),
    }
