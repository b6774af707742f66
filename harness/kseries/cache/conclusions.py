# SPDX-License-Identifier: GPL-2.0-only
"""What was concluded before, found again by all that it follows from. Only a cache: it may be lost.

It is for what follows from records, and from objects of git that these name, and from nothing else: no clock, no file
that may change, no other result. All our code is among what it follows from, since how we judge changes with that.
"""

import contextlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from kseries.cache import store
from kseries.host import checksums
from kseries.host.database import Connection, Database, DatabaseError

NAME = "conclusions.sqlite"
_VERSION = 1
_TABLE = (
    "CREATE TABLE IF NOT EXISTS conclusions"
    " (number INTEGER PRIMARY KEY, question TEXT NOT NULL UNIQUE, digest TEXT NOT NULL, answer BLOB NOT NULL)"
)
_MOST = 200
"""Conclusions that are kept, the last ones: each has some 100 KB, and a run of one series draws five."""

T = TypeVar("T")


class Conclusions:
    """Those in a cache, drawn by this very kseries and ``others``: the version of git, for one."""

    def __init__(self, cache: Path, *others: str) -> None:
        self._database = Database(cache / NAME, _TABLE, _VERSION)
        self._by = (store.whole(), sys.version, *others)

    def of(self, what: str, given: object, kind: type[T], conclude: Callable[[], T]) -> T:
        """What ``conclude`` returns, which is ``kind``, of what is ``given``; a fault of the file is never an error.

        What ``conclude`` raises is raised, and nothing kept.
        """
        asked = _encoded(given)
        if asked is None:
            return conclude()
        question = checksums.of_words([what, *self._by, checksums.of_bytes(asked)])
        if (known := self._find(question)) is not None:
            with contextlib.suppress(msgspec.DecodeError):
                return msgspec.json.decode(known, type=kind)
        concluded = conclude()
        answer = _encoded(concluded)
        if answer is not None and _tells(answer, kind, concluded):
            self._put(question, answer)
        return concluded

    def _find(self, question: str) -> bytes | None:
        def find(database: Connection) -> bytes | None:
            row = database.execute("SELECT digest, answer FROM conclusions WHERE question = ?", (question,)).fetchone()
            return row["answer"] if row is not None and checksums.of_bytes(row["answer"]) == row["digest"] else None

        with contextlib.suppress(DatabaseError):
            return self._database.do(find)
        return None

    def _put(self, question: str, answer: bytes) -> None:
        def put(database: Connection) -> None:
            row = (question, checksums.of_bytes(answer), answer)
            made = database.execute(
                "INSERT OR REPLACE INTO conclusions (question, digest, answer) VALUES (?, ?, ?)", row
            )
            database.execute("DELETE FROM conclusions WHERE number <= ?", ((made.lastrowid or 0) - _MOST,))

        with contextlib.suppress(DatabaseError):
            self._database.do(put)


def _encoded(value: object) -> bytes | None:
    """A value as JSON; None where somebody else's text in it is none."""
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, TypeError):
        return None


def _tells(answer: bytes, kind: type[object], value: object) -> bool:
    """Whether JSON tells all of a value."""
    try:
        return bool(msgspec.json.decode(answer, type=kind) == value)
    except msgspec.DecodeError:
        return False
