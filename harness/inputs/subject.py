# SPDX-License-Identifier: GPL-2.0-only
"""The subject of a mail: ``Re: [RFC PATCH v2 3/6] mm: ...`` and what its tags say."""

import re

from harness.model import Record

_REPLY = re.compile(r"\s*(?:re|aw|sv|antw|fwd?)\s*(?:\[\d+\])?\s*:", re.IGNORECASE)
_GROUP = re.compile(r"\s*\[([^\]]*)\]\s*")
_TAG = re.compile(r"PATCH|\b(?:RFC|RESEND|V\d+)\b|\d/\d", re.IGNORECASE)
_VERSION = re.compile(r"(?:\b|PATCH)v(\d{1,4})(?![\w.])", re.IGNORECASE)
_COUNT = re.compile(r"\b(\d{1,4})/(\d{1,4})\b")


class Subject(Record, frozen=True):
    """A subject line. ``text`` is what is left of it without the tags; ``number`` 0 is a cover letter."""

    line: str
    text: str
    reply: bool = False
    version: int = 1
    number: int | None = None
    total: int | None = None

    @property
    def place(self) -> str:
        """ "3/6 of v2", for messages."""
        return f"{self.number}/{self.total}" + (f" of v{self.version}" if self.version > 1 else "")


def printable(line: str) -> str:
    """A subject as it may be told to the user, on a terminal: an escape sequence in somebody's mail may not."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in " ".join(line.split()))


def parse(line: str) -> Subject:
    """Read a decoded subject line. Only the brackets that git or a list put there are tags: not ``[media]``."""
    line = printable(line)
    reply = _REPLY.match(line)
    at, groups = reply.end() if reply else 0, []
    while (group := _GROUP.match(line, at)) and _TAG.search(group[1]):
        at = group.end()
        groups.append(group[1])
    tags = " ".join(groups)
    version, count = _VERSION.search(tags), _COUNT.search(tags)
    return Subject(
        line=line,
        text=line[at:].strip(),
        reply=reply is not None,
        version=int(version[1]) if version else 1,
        number=int(count[1]) if count else None,
        total=int(count[2]) if count else None,
    )
