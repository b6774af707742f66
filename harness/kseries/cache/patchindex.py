# SPDX-License-Identifier: GPL-2.0-only
"""In which results a patch is, by the names that others have for it: a database in the cache, beside the list of runs.

It is asked for each patch that somebody looks at, and answers at once however many runs there were. What it has lost,
or what is of another version, it does not have: the same run, whose states are cached, brings it back.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec import UNSET

from kseries.cache import runs
from kseries.host import checksums
from kseries.host.database import Connection, Database
from kseries.model import RESULT, Record, RunResult
from kseries.model.sanitize import named

NAME = "patches.sqlite"
_VERSION = 2
# A name and a directory once: a newer result has taken the place of the one that was there.
_TABLE = """CREATE TABLE IF NOT EXISTS patches (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    number INTEGER NOT NULL,
    out TEXT NOT NULL,
    digest TEXT NOT NULL,
    circumstances TEXT NOT NULL,
    UNIQUE (name, out, number)
)"""
_INSERT = "INSERT OR REPLACE INTO patches (name, number, out, digest, circumstances) VALUES (?, ?, ?, ?, ?)"
_MOST = 1000
"""Rows that are looked at, of one name."""

SERIES = 0
"""The number of a whole series, as of its cover letter."""


class Place(Record, frozen=True):
    """Where a patch is: its number in the result of a directory, which may hold another by now (``is_there``)."""

    number: int
    out: str
    digest: str
    circumstances: str = ""

    @property
    def is_there(self) -> bool:
        """True while that result is the one that was written down."""
        return runs.kept(Path(self.out), self.digest) is runs.Kept.THERE


class PatchIndex:
    """The database of a cache."""

    def __init__(self, cache: Path) -> None:
        self._database = Database(cache / NAME, _TABLE, _VERSION)

    def add(self, run: RunResult, directory: Path) -> None:
        """Have the patches of a result be found, which lies in a directory. Raises DatabaseError, OSError."""
        out = named(str(directory.resolve()))
        digest = runs.digest(directory / RESULT)
        rows = [(named(name), number, out, digest, circumstances(run)) for name, number in _names(run)]

        def put(database: Connection) -> None:
            database.execute("DELETE FROM patches WHERE out = ?", (out,))
            database.executemany(_INSERT, rows)

        self._database.do(put)

    def find(self, names: Iterable[str]) -> Iterator[Place]:
        """Where patches with one of these names are, the newest run first. Raises DatabaseError."""
        if not self._database.path.exists():
            return
        wanted = list(dict.fromkeys(map(named, names)))
        marks = ", ".join("?" * len(wanted))
        columns = ", ".join(Place.__struct_fields__)
        asked = f"SELECT {columns} FROM patches WHERE name IN ({marks}) ORDER BY id DESC LIMIT {_MOST}"
        found = self._database.do(lambda database: database.execute(asked, wanted).fetchall())
        yield from dict.fromkeys(Place(**{name: row[name] for name in Place.__struct_fields__}) for row in found)

    def forget_gone(self) -> None:
        """Forget the results that are gone from folders that are there: others may lie on a disk that is not, or be
        nobody's to look at. Raises DatabaseError.
        """
        if not self._database.path.exists():
            return
        rows = self._database.do(lambda database: database.execute("SELECT DISTINCT out FROM patches").fetchall())
        gone = [(row["out"],) for row in rows if _is_gone(Path(row["out"]))]
        self._database.do(lambda database: database.executemany("DELETE FROM patches WHERE out = ?", gone))


def _is_gone(out: Path) -> bool:
    """Whether a directory has no result any more, as far as can be seen."""
    try:
        return out.parent.exists() and not (out / RESULT).exists()
    except OSError:
        return False


def circumstances(run: RunResult) -> str:
    """Of what an answer depends but for the code: of two runs that have the same, the newer one is believed."""
    variant, options = run.variant, run.words[1:]
    told = (variant.label, variant.arch, variant.toolchain, variant.config_hash, variant.make, run.machine, run.quick)
    return checksums.of_bytes(repr((*told, options)).encode(errors="backslashreplace"))


def tree(name: str) -> str:
    """By which a whole series is known whose last tree has this id."""
    return f"tree {name}"


def _names(run: RunResult) -> Iterator[tuple[str, int]]:
    """The names of a result's patches, with their numbers; of the series, too."""
    patches = run.series.patches
    yield tree(patches[-1].tree_after), SERIES
    if run.series.cover_id:
        yield run.series.cover_id, SERIES
    for patch in patches:
        if patch.message_id:
            yield patch.message_id, patch.number
        for patch_id in () if patch.patch_ids is UNSET else patch.patch_ids:
            yield patch_id, patch.number
