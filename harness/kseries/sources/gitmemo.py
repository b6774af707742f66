# SPDX-License-Identifier: GPL-2.0-only
"""What git answered before: trees and conflicts, found again by what was asked. Only a cache: it may be lost.

Several processes may use one file. One that is no database, or another program's, is thrown away and begun anew.
"""

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from kseries.host.database import Connection, Database, DatabaseError, SpoiltError
from kseries.sources import Merge

NAME = "answers.sqlite"
"""The file, in the store whose trees it names."""
_VERSION = 1
_TABLE = "CREATE TABLE IF NOT EXISTS answers (question TEXT PRIMARY KEY, answer BLOB NOT NULL) WITHOUT ROWID"


class Answers:
    """The file of answers in a folder. A fault of it is never an error: what is not found is asked again."""

    def __init__(self, folder: Path) -> None:
        self._database = Database(folder / NAME, _TABLE, _VERSION)

    def find(self, questions: Iterable[str]) -> dict[str, Merge]:
        """The answers that are known."""
        asked = list(questions)
        with contextlib.suppress(DatabaseError):
            return self._database.do(lambda database: _found(database, asked))
        return {}

    def put(self, answers: Mapping[str, Merge]) -> None:
        """Keep some answers: all of them or, where another process holds the file for too long, none."""
        rows = [(question, msgspec.json.encode(answer)) for question, answer in answers.items()]
        with contextlib.suppress(DatabaseError):
            self._database.do(
                lambda database: database.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?)", rows)
            )


def _found(database: Connection, questions: Iterable[str]) -> dict[str, Merge]:
    found: dict[str, Merge] = {}
    for question in questions:
        row = database.execute("SELECT answer FROM answers WHERE question = ?", (question,)).fetchone()
        if row is not None:
            found[question] = _decoded(row["answer"])
    return found


def _decoded(answer: bytes) -> Merge:
    try:
        return msgspec.json.decode(answer, type=Merge)
    except msgspec.DecodeError as error:
        raise SpoiltError(str(error)) from error
