# SPDX-License-Identifier: GPL-2.0-only
"""SQLite files that several processes write to, in short transactions; what is not ours is put aside.

Which rows there are and what they mean is the caller's. No other module speaks to SQLite.
"""

import contextlib
import fcntl
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from kseries.host import files
from kseries.model.errors import in_words

_WAIT_SECONDS = 5.0
"""How long another process may hold the file."""
_APPLICATION = 0x6B736572
_ANOTHERS = "it is another program's, or of another version"
_SPOILT = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)

Connection = sqlite3.Connection
"""What a transaction is given: ``execute``, ``executemany``; a row has its columns by name."""
T = TypeVar("T")


class DatabaseError(Exception):
    """The file cannot be used: held for too long by another process, read-only, full, something else of its name."""


class SpoiltError(DatabaseError):
    """What the file holds is not ours."""


class Database:
    """A file with one table, or what several statements make. ``version`` is that of its form.

    One that is spoilt is put aside, which ``say`` is told in a line; without ``say`` it held nothing that cannot be had
    again, and is removed.
    """

    def __init__(
        self, path: Path, table: str | Sequence[str], version: int, say: Callable[[str], None] | None = None
    ) -> None:
        self.path = path
        self._tables = (table,) if isinstance(table, str) else tuple(table)
        self._version = version
        self._say = say

    def do(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` returns, all of it done or nothing. Raises DatabaseError.

        ``work`` raises SpoiltError for rows that cannot be ours; it is then called again, on a new file.
        """
        try:
            return self._attempt(work)
        except SpoiltError:
            return self._anew(work)

    def look(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` finds, in a file that stays as it is. Raises DatabaseError, and SpoiltError as it is meant."""
        uri = f"{self.path.absolute().as_uri()}?mode=rw"  # so that what somebody was killed at is taken back first
        try:
            with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=_WAIT_SECONDS)) as database:
                database.row_factory = sqlite3.Row
                database.execute("PRAGMA query_only = 1")
                if _marks(database) != (_APPLICATION, self._version):
                    raise SpoiltError(_ANOTHERS)
                return work(database)
        except sqlite3.Error as error:
            raise _of_sqlite(error) from error

    def _anew(self, work: Callable[[Connection], T]) -> T:
        """As ``do``, on a file that was spoilt a moment ago: it is put aside, unless another process has done so."""
        with self._alone():
            try:
                return self._attempt(work)
            except SpoiltError as error:
                self._put_aside(error)
            return self._attempt(work)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            with self.path.with_name(f"{self.path.name}.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise DatabaseError(in_words(error)) from error

    def _put_aside(self, why: SpoiltError) -> None:
        if self._say is None:
            remove(self.path)
            return
        aside = self.path.with_name(f"{self.path.name}.old")
        _journal(self.path).unlink(missing_ok=True)
        files.rename(self.path, aside)
        self._say(f"{self.path} cannot be used ({why}): begun anew, what was there is now {aside.name}")

    def _attempt(self, work: Callable[[Connection], T]) -> T:
        try:
            with self._opened() as database, database:
                return work(database)
        except sqlite3.Error as error:
            raise _of_sqlite(error) from error

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Connection]:
        with contextlib.closing(sqlite3.connect(self.path, timeout=_WAIT_SECONDS)) as database:
            database.row_factory = sqlite3.Row
            ours = (_APPLICATION, self._version)
            marks = _marks(database)
            if marks != ours:
                if marks != (0, 0) or database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    raise SpoiltError(_ANOTHERS)
                self._make(database)
            yield database

    def _make(self, database: Connection) -> None:
        """Tables and marks in one transaction; another process may be at the same."""
        database.execute("BEGIN IMMEDIATE")
        with database:
            for statement in self._tables:
                database.execute(statement)
            database.execute(f"PRAGMA application_id = {_APPLICATION}")
            database.execute(f"PRAGMA user_version = {self._version}")


def _marks(database: Connection) -> tuple[int, ...]:
    """Whose file it is and of what form, as its header has it (https://sqlite.org/pragma.html)."""
    return tuple(database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))


def _of_sqlite(error: sqlite3.Error) -> DatabaseError:
    spoilt = getattr(error, "sqlite_errorcode", None) in _SPOILT
    return (SpoiltError if spoilt else DatabaseError)(str(error))


def remove(path: Path) -> None:
    """Remove such a file, if it is there. Raises OSError."""
    _journal(path).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def _journal(path: Path) -> Path:
    """What SQLite leaves beside a file when it is killed, and would play back into it (https://sqlite.org/tempfiles.html).

    It goes first: another process may make the next file, and a journal of that, once the old one has no name.
    """
    return path.with_name(f"{path.name}-journal")
