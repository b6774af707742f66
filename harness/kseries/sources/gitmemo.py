# SPDX-License-Identifier: GPL-2.0-only
"""What git answered before: trees and conflicts, found again by what was asked. Only a cache: it may be lost.

Several processes may use one file. One that is no database, or another program's, is thrown away and begun anew.
"""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from kseries.sources import Merge

_WAIT_SECONDS = 5.0
_NOT_OURS = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR)
_TABLE = "CREATE TABLE IF NOT EXISTS answers (question TEXT PRIMARY KEY, answer BLOB NOT NULL) WITHOUT ROWID"


class Answers:
    """A file of answers. A fault of the file is never an error: what is not found is asked again."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def find(self, questions: Iterable[str]) -> dict[str, Merge]:
        """The answers that are known."""
        found: dict[str, Merge] = {}
        with self._unless_spoilt(), self._open() as database:
            for question in questions:
                row = database.execute("SELECT answer FROM answers WHERE question = ?", (question,)).fetchone()
                if row is not None:
                    found[question] = msgspec.json.decode(row[0], type=Merge)
        return found

    def put(self, answers: Mapping[str, Merge]) -> None:
        """Keep some answers: all of them or, where another process holds the file for too long, none."""
        rows = [(question, msgspec.json.encode(answer)) for question, answer in answers.items()]
        with self._unless_spoilt(), self._open() as database, database:
            database.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?)", rows)

    def _open(self) -> "contextlib.closing[sqlite3.Connection]":
        database = sqlite3.connect(self._path, timeout=_WAIT_SECONDS)
        try:
            database.execute(_TABLE)
        except sqlite3.Error:
            database.close()
            raise
        return contextlib.closing(database)

    @contextlib.contextmanager
    def _unless_spoilt(self) -> Iterator[None]:
        """Go on without the file where it fails us, and without what is in it where that is not ours."""
        try:
            yield
        except msgspec.DecodeError:
            self._throw_away()
        except sqlite3.Error as error:
            # Others (busy, read-only, full) say nothing against what is in it.
            if getattr(error, "sqlite_errorcode", None) in _NOT_OURS:
                self._throw_away()

    def _throw_away(self) -> None:
        for path in (self._path, self._path.with_name(f"{self._path.name}-journal")):
            with contextlib.suppress(OSError):
                path.unlink()
