# SPDX-License-Identifier: GPL-2.0-only
"""What was posted where, in a database in the cache, so that nobody has to be asked for it; and one kseries at a time.

It spares questions and is needed by none: without it, a server is asked what it has. It is noted after the server has
answered, so that what is in here was posted, and what was posted may be missing.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from kseries.host import cachelock, checksums, paths
from kseries.host.database import Connection, Database, DatabaseError, T
from kseries.model import RunResult
from kseries.publish.words import say

NAME = "published.sqlite"
LABELS = "runs that are to stand side by side need labels of their own (--variant NAME=...)"
"""What to do where a label stands for two configurations."""
_LOCKS = "publishing"
"""A folder of locks, one for each place. It stays, as the list does: kseries gc removes what can be had again."""
_VERSION = 2
_TABLES = (
    """CREATE TABLE IF NOT EXISTS posted (
    place TEXT NOT NULL,
    subject TEXT NOT NULL,
    said TEXT NOT NULL,
    began TEXT NOT NULL,
    config TEXT NOT NULL,
    PRIMARY KEY (place, subject)
)""",
    """CREATE TABLE IF NOT EXISTS users (
    place TEXT NOT NULL,
    token TEXT NOT NULL,
    who INTEGER NOT NULL,
    PRIMARY KEY (place, token)
)""",
)
_FAULTS = (DatabaseError, OSError, UnicodeError, OverflowError)


@dataclass(frozen=True)
class Source:
    """Of which run something was said; a text is empty where that is not known."""

    began: str = ""
    """When the run began, as RunResult has it."""
    config: str = ""
    """The hash of its configuration."""

    def is_of_another_configuration(self, other: "Source") -> bool:
        return bool(self.config and other.config) and self.config != other.config

    def is_later(self, other: "Source") -> bool:
        """Whether its run began after the other's; no, where one of both is not known."""
        try:
            return datetime.fromisoformat(self.began) > datetime.fromisoformat(other.began)
        except (ValueError, TypeError):
            return False


def source(result: RunResult) -> Source:
    """What the ledger keeps of a run."""
    return Source(result.began, result.variant.config_hash)


@dataclass(frozen=True)
class Noted:
    """What was said last of something, and of which run."""

    said: str
    source: Source


class Ledger:
    """What one place was told: by each subject, what was said of it last."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._database = Database(paths.cache(NAME), _TABLES, _VERSION, say)
        self._well = True

    def last(self, subject: str) -> Noted | None:
        """What was said last of something; None where that is not known."""

        def find(database: Connection) -> Noted | None:
            query = "SELECT said, began, config FROM posted WHERE place = ? AND subject = ?"
            row = database.execute(query, (self._place, subject)).fetchone()
            return None if row is None else Noted(str(row["said"]), Source(str(row["began"]), str(row["config"])))

        return self._do(find, None)

    def note(self, subject: str, said: str, source: Source) -> None:
        """That this was said, and has arrived."""
        row = (self._place, subject, said, source.began, source.config)
        self._do(lambda database: database.execute("INSERT OR REPLACE INTO posted VALUES (?, ?, ?, ?, ?)", row), None)

    def who(self, token: str) -> int | None:
        """As which of its users the place knows us by a token, of which this is the digest; None where unknown."""

        def find(database: Connection) -> int | None:
            query = "SELECT who FROM users WHERE place = ? AND token = ?"
            row = database.execute(query, (self._place, token)).fetchone()
            return None if row is None else int(row["who"])

        return self._do(find, None)

    def note_who(self, token: str, who: int) -> None:
        """That the place knows us as this user by that token."""
        row = (self._place, token, who)
        self._do(lambda database: database.execute("INSERT OR REPLACE INTO users VALUES (?, ?, ?)", row), None)

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
