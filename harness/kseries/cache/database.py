# SPDX-License-Identifier: GPL-2.0-only
"""A SQLite file that several processes write to, in short transactions; one that is not ours is put aside.

Which rows there are and what they mean is the caller's.
"""

import contextlib
import fcntl
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from kseries.host import files

_WAIT_SECONDS = 5.0
_APPLICATION = 0x6B736572
_SPOILT = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)

T = TypeVar("T")


class SpoiltError(sqlite3.DatabaseError):
    """What the file holds is not ours."""


class Ledger:
    """A file with one table. ``version`` is that of its form; ``say`` is told, in a line, that it was put aside."""

    def __init__(self, path: Path, table: str, version: int, say: Callable[[str], None]) -> None:
        self.path = path
        self._table = table
        self._version = version
        self._say = say

    def do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What ``work`` returns, all of it done or nothing. Raises sqlite3.Error or OSError.

        ``work`` raises SpoiltError for rows that cannot be ours; it is then called again, on a new file.
        """
        try:
            return self._attempt(work)
        except sqlite3.Error as error:
            if not _is_spoilt(error):
                raise
        return self._anew(work)

    def _anew(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """As ``do``, on a file that was spoilt a moment ago: it is put aside, unless another process has done so."""
        with self.path.with_name(f"{self.path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                return self._attempt(work)
            except sqlite3.Error as error:
                if not _is_spoilt(error):
                    raise
                self._put_aside(error)
            return self._attempt(work)

    def _put_aside(self, why: sqlite3.Error) -> None:
        aside = self.path.with_name(f"{self.path.name}.old")
        # First: another process may make the next file, and its journal, as soon as this one has another name.
        self.path.with_name(f"{self.path.name}-journal").unlink(missing_ok=True)
        files.rename(self.path, aside)
        self._say(f"{self.path} cannot be used ({why}): begun anew, what was there is now {aside.name}")

    def _attempt(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._opened() as database, database:
            return work(database)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(sqlite3.connect(self.path, timeout=_WAIT_SECONDS)) as database:
            database.row_factory = sqlite3.Row
            ours = (_APPLICATION, self._version)
            # Whose file it is and of what form stands in its header (https://sqlite.org/pragma.html).
            marks = tuple(
                database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")
            )
            if marks != ours:
                if marks != (0, 0) or database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    raise SpoiltError("it is another program's, or of another version")
                self._make(database)
            yield database

    def _make(self, database: sqlite3.Connection) -> None:
        """Table and marks in one transaction; another process may be at the same."""
        database.execute("BEGIN IMMEDIATE")
        with database:
            database.execute(self._table)
            database.execute(f"PRAGMA application_id = {_APPLICATION}")
            database.execute(f"PRAGMA user_version = {self._version}")


def _is_spoilt(error: sqlite3.Error) -> bool:
    return isinstance(error, SpoiltError) or getattr(error, "sqlite_errorcode", None) in _SPOILT
