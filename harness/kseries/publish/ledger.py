# SPDX-License-Identifier: GPL-2.0-only
"""What was posted where, in a database in the cache, so that nobody has to be asked for it; and one kseries at a time.

It spares questions and is needed by none: without it, a server is asked what it has. It is noted after the server has
answered, so that what is in here was posted, and what was posted may be missing.
"""

import contextlib
import time
from collections.abc import Callable, Iterator

from kseries.host import cachelock, checksums, paths
from kseries.host.database import Connection, Database, DatabaseError, T
from kseries.publish.words import say

NAME = "published.sqlite"
_LOCKS = "publishing"
"""A folder of locks, one for each place. It stays, as the list does: kseries gc removes what can be had again."""
_VERSION = 1
_TABLE = """CREATE TABLE IF NOT EXISTS posted (
    place TEXT NOT NULL,
    subject TEXT NOT NULL,
    said TEXT NOT NULL,
    who INTEGER,
    at REAL NOT NULL,
    PRIMARY KEY (place, subject)
)"""
_FAULTS = (DatabaseError, OSError, UnicodeError, OverflowError)


class Ledger:
    """What one place was told: by each subject, what was said of it last."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._database = Database(paths.cache(NAME), _TABLE, _VERSION, say)
        self._well = True

    def said(self, subject: str) -> str | None:
        """What was said last of something; None where that is not known."""

        def find(database: Connection) -> str | None:
            query = "SELECT said FROM posted WHERE place = ? AND subject = ?"
            row = database.execute(query, (self._place, subject)).fetchone()
            return None if row is None else str(row["said"])

        return self._do(find, None)

    def who(self) -> int | None:
        """As which of its users the place knew us when it was told something last; None where that is not known."""

        def find(database: Connection) -> int | None:
            query = "SELECT who FROM posted WHERE place = ? AND who IS NOT NULL ORDER BY at DESC LIMIT 1"
            row = database.execute(query, (self._place,)).fetchone()
            return None if row is None else int(row["who"])

        return self._do(find, None)

    def note(self, subject: str, said: str, who: int | None = None) -> None:
        """That this was said, and has arrived."""
        row = (self._place, subject, said, who, time.time())
        self._do(lambda database: database.execute("INSERT OR REPLACE INTO posted VALUES (?, ?, ?, ?, ?)", row), None)

    def _do(self, work: Callable[[Connection], T], otherwise: T) -> T:
        try:
            return self._database.do(work)
        except _FAULTS as error:
            if self._well:
                say(f"what is posted cannot be noted: {self._database.path}: {error}")
            self._well = False
            return otherwise


@contextlib.contextmanager
def opened(place: str) -> Iterator[Ledger]:
    """The ledger of a place, to which no other kseries of this cache posts meanwhile. Raises InfraError."""
    lock = paths.cache(_LOCKS, f"{checksums.of_words([place])[:16]}.lock")
    with cachelock.one_at_a_time(lock, lambda: say(f"another kseries posts to {place}: waiting for it")):
        yield Ledger(place)
