# SPDX-License-Identifier: GPL-2.0-only
"""The subject of a mail: ``[dm-devel] Re: [RFC PATCH v2 3/6] mm: ...`` and what its tags say.

Lists, gateways and senders put brackets of their own before git's. ``git mailinfo`` (cleanup_subject() in mailinfo.c)
and b4 (LoreSubject) take all that a subject begins with for tags; here it is all up to the last that looks like one of
git's, so that ``[media] x`` keeps the name of its subsystem and still no list hides a number.
"""

import re

from kseries.model import Record

_REPLY = re.compile(r"\s*(?:re|aw|sv|antw|fwd?)\s*(?:\[\d+\])?\s*:|\s*\w{2,3}:(?=\s*\[\s?PATCH)", re.IGNORECASE)
"""In whatever language: to b4, too, two or three letters before git's bracket are a reply."""
_GATEWAY = re.compile(r"\s*[*({]*\s*(?:ext|external|spam)\b[\s*)}:]*(?=\[|re:)", re.IGNORECASE)
"""What a company's mail server writes before a stranger's subject, where it does so without brackets."""
_GROUP = re.compile(r"\s*\[((?:[^\[\]]++|\[[^\[\]]*+\])*+)\]\s*")
"""A bracket, which may have brackets in it: ``[PATCH [RFC] 1/2]``."""
_TAG = re.compile(r"\b(?:RFC)?PATCH|\b(?:RFC|RESEND|V\d+)\b|\d/\d|\d of \d", re.IGNORECASE)
_VERSION = re.compile(r"(?:\b|PATCH)v(\d{1,4})(?![\w.])", re.IGNORECASE)
_COUNT = re.compile(r"(?:\bPATCH|(?<![\w./]))(\d{1,4})(?: ?/ ?| of )(\d{1,4})\b", re.IGNORECASE)


class Subject(Record, frozen=True):
    """A subject line. ``text`` is what is left of it without the tags; ``number`` 0 is a cover letter."""

    line: str
    text: str
    reply: bool = False
    version: int = 1
    number: int | None = None
    total: int | None = None
    versioned: bool = False
    """Whether ``version`` is what it says: a cover letter may tell it for all (``[PATCH v3 0/2]``, ``[PATCH 1/2]``)."""

    @property
    def place(self) -> str:
        """ "3/6 of v2", for messages."""
        return f"{self.number}/{self.total}" + (f" of v{self.version}" if self.version > 1 else "")


def printable(line: str) -> str:
    """A subject as it may be told to the user, on a terminal: an escape sequence in somebody's mail may not."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in " ".join(line.split()))


def parse(line: str) -> Subject:
    """Read a decoded subject line. Tags end where git's do: ``[media]`` behind them is text, before them a list's."""
    line = printable(line)
    tags, end, reply = _tags(line)
    versions, counts = _VERSION.findall(tags), _COUNT.findall(tags)
    number, total = counts[-1] if counts else (None, None)
    return Subject(
        line=line,
        text=line[end:].strip(),
        reply=reply,
        version=int(versions[-1]) if versions else 1,
        number=int(number) if number else None,
        total=int(total) if total else None,
        versioned=bool(versions),
    )


def _tags(line: str) -> tuple[str, int, bool]:
    """Of a subject git's tags, where its text begins, and whether it is a reply."""
    at = end = 0
    tags, reply = [], False
    while found := _GROUP.match(line, at) or _GATEWAY.match(line, at) or _REPLY.match(line, at):
        at = found.end()
        if found.re is _REPLY:
            end, reply = at, True
        elif found.re is _GROUP and _TAG.search(found[1]):
            end = at
            tags.append(found[1])
    return " ".join(tags), end, reply
