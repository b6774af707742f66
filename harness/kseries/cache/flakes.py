# SPDX-License-Identifier: GPL-2.0-only
"""How often each check failed on kernels without anybody's patches, over all runs of a cache: a database in it.

It counts the boots of bases, each observation once, by the name that it is stored by. What may be counted is decided
by whoever counts (app/flakiness.py). What is lost of it is counted again when a run finds the observation in the cache.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Set
from pathlib import Path

import msgspec
from msgspec import UNSET

from kseries.host import checksums
from kseries.host.database import Connection, Database, SpoiltError
from kseries.model import Conditions, Observation, Origin, Outcome, Record, Status
from kseries.model.sanitize import named

NAME = "flakes.sqlite"
MOST = 5000
"""Observations that are kept: of more, the newest."""
_DAYS = 366
"""After which one is forgotten: kernels, probes and hosts are others by then."""
_SECONDS_OF_A_DAY = 86400.0
_VERSION = 1
_TABLES = (
    """CREATE TABLE IF NOT EXISTS observations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    family TEXT NOT NULL,
    tree TEXT NOT NULL,
    boots INTEGER NOT NULL,
    asked TEXT NOT NULL,
    counted REAL NOT NULL
)""",
    "CREATE INDEX IF NOT EXISTS of_family ON observations (family)",
    # Most bases of a cache are asked the same checks, of which there may be thousands: their names are there once.
    "CREATE TABLE IF NOT EXISTS asked (digest TEXT PRIMARY KEY, checks TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE IF NOT EXISTS failures (
    observation INTEGER NOT NULL,
    name TEXT NOT NULL,
    failed INTEGER NOT NULL,
    PRIMARY KEY (observation, name)
) WITHOUT ROWID""",
)
_INSERT = """INSERT OR IGNORE INTO observations (name, family, tree, boots, asked, counted)
    VALUES (?, ?, ?, ?, ?, ?)"""
_IN_FAMILY = "(SELECT {what} FROM observations WHERE family = ?)"
_FAILED = (Status.FAIL, Status.MISSING)
_DIGITS = 16


class Family(Record, frozen=True):
    """Kernels whose checks are compared: of one architecture, accelerator and release, as in 6.12."""

    arch: str
    accel: str
    release: str
    brought: dict[str, str] = msgspec.field(default_factory=dict)
    """Of probes that are not ours, by their names, a digest of what they are: another program is another check."""

    @classmethod
    def of(cls, version: str, accel: str, conditions: Conditions) -> "Family":
        """That of a base with this version, evaluated under these conditions."""
        release = ".".join(version.partition("-")[0].split(".")[:2])
        programs = {one.name: one.digest for one in (*conditions.programs, *(conditions.host_tests or ()))}
        commands = {one.name: checksums.of_words(one.argv) for one in conditions.probes if one.origin is Origin.COMMAND}
        return cls(arch=conditions.arch, accel=accel, release=release, brought=programs | commands)

    @property
    def words(self) -> str:
        return f"{self.arch} {self.accel} {self.release}"

    def row(self, check: str) -> str:
        """By which a check is known in the database: no probe has a colon in its name."""
        probe = check
        while probe := probe.rpartition(".")[0]:
            if probe in self.brought:
                return named(f"{self.brought[probe][:_DIGITS]}:{check}")
        return named(check)


class Flakes:
    """The database of a cache; ``say`` hears, in one line, what is wrong with it."""

    def __init__(self, cache: Path, say: Callable[[str], None] = lambda _: None) -> None:
        self._database = Database(cache / NAME, _TABLES, _VERSION, say)

    def count(self, name: str, family: Family, seen: Observation) -> bool:
        """Count the boots of an observation, unless those of that name are counted; whether they were not.

        Raises DatabaseError.
        """
        boots = _boots(seen)
        checks = sorted(map(family.row, _answered(seen)))
        failures = {family.row(check): failed for check, failed in _failures(seen, boots)}
        digest = checksums.of_words(checks)

        row = (name, named(family.words), seen.tree, boots, digest, time.time())

        def put(database: Connection) -> bool:
            new = database.execute(_INSERT, row)
            if not new.rowcount:
                return False
            names = msgspec.json.encode(checks).decode()
            database.execute("INSERT OR IGNORE INTO asked VALUES (?, ?)", (digest, names))
            rows = [(new.lastrowid, check, failed) for check, failed in failures.items()]
            database.executemany("INSERT INTO failures VALUES (?, ?, ?)", rows)
            _forget(database, "id <= ?", (new.lastrowid or 0) - MOST)
            return True

        return self._database.do(put)

    def rate(self, check: str, family: Family, apart: Set[str] = frozenset()) -> tuple[int, int]:
        """How many of how many boots of kernels without a change failed a check; (0, 0) where there were none.

        Raises DatabaseError.
        """
        return self.rates((check,), family, apart)[check]

    def rates(self, checks: Iterable[str], family: Family, apart: Set[str] = frozenset()) -> dict[str, tuple[int, int]]:
        """The same of several checks. Trees that are ``apart`` do not count, nor does, for a check, a tree of which
        each boot failed it: there it is broken, which is not chance.
        """
        wanted = {check: family.row(check) for check in checks}
        if not self._database.path.exists():
            return dict.fromkeys(wanted, (0, 0))
        rows = self._database.do(lambda database: _rows(database, named(family.words)))
        found: dict[str, tuple[int, int]] = {}
        for check, row in wanted.items():
            trees: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
            for tree, boots, asked, failures in rows:
                if row in asked and tree not in apart:
                    trees[tree][0] += failures.get(row, 0)
                    trees[tree][1] += boots
            some = [(failed, boots) for failed, boots in trees.values() if failed < boots]
            found[check] = (sum(failed for failed, _ in some), sum(boots for _, boots in some))
        return found

    def trees(self, family: Family) -> tuple[str, ...]:
        """The trees of the bases of a family, the one that was counted last first. Raises DatabaseError."""
        if not self._database.path.exists():
            return ()
        asked = "SELECT tree FROM observations WHERE family = ? ORDER BY id DESC"
        rows = self._database.do(lambda database: database.execute(asked, (named(family.words),)).fetchall())
        return tuple(dict.fromkeys(str(row["tree"]) for row in rows))

    def forget_old(self) -> None:
        """Forget what was counted long ago. Raises DatabaseError."""
        if self._database.path.exists():
            before = time.time() - _DAYS * _SECONDS_OF_A_DAY
            self._database.do(lambda database: _forget(database, "counted < ?", before))


_Row = tuple[str, int, frozenset[str], dict[str, int]]
"""Of an observation: its tree, its boots, the checks that it was asked, and in how many boots some failed."""


def _rows(database: Connection, family: str) -> list[_Row]:
    """All of a family."""
    sets = f"SELECT digest, checks FROM asked WHERE digest IN {_IN_FAMILY.format(what='asked')}"
    try:
        asked = {
            row["digest"]: frozenset(msgspec.json.decode(row["checks"], type=list[str]))
            for row in database.execute(sets, (family,))
        }
        failures: defaultdict[int, dict[str, int]] = defaultdict(dict)
        failed = f"SELECT * FROM failures WHERE observation IN {_IN_FAMILY.format(what='id')}"
        for row in database.execute(failed, (family,)):
            failures[row["observation"]][row["name"]] = int(row["failed"])
        counted = database.execute("SELECT id, tree, boots, asked FROM observations WHERE family = ?", (family,))
        return [
            (str(row["tree"]), int(row["boots"]), asked[row["asked"]], failures.get(row["id"], {})) for row in counted
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise SpoiltError(f"{type(error).__name__}: {error}") from error


def _forget(database: Connection, which: str, limit: float) -> None:
    """Forget some observations, and what is of no other."""
    if database.execute(f"DELETE FROM observations WHERE {which}", (limit,)).rowcount:
        database.execute("DELETE FROM failures WHERE observation NOT IN (SELECT id FROM observations)")
        database.execute("DELETE FROM asked WHERE digest NOT IN (SELECT asked FROM observations)")


# --- what an observation tells ------------------------------------------------------------------


def tells(seen: Observation) -> bool:
    """True of boots each of which came to its end, and that no other observation tells of: the same kernel of another
    tree is booted once.
    """
    whole = seen.outcome is Outcome.OK and seen.ended is UNSET
    return whole and seen.built_as is None and seen.booted_as is None


def _boots(seen: Observation) -> int:
    """An observation from before boots were counted has two where there was something to blame a patch for."""
    return seen.boots or (2 if seen.flaky or _failed(seen) else 1)


def _failed(seen: Observation) -> set[str]:
    return {check.id for check in seen.checks if check.status in _FAILED}


def _answered(seen: Observation) -> set[str]:
    """The checks that passed or failed. A flaky one may have been skipped in the boot that tells."""
    return {check.id for check in seen.checks if check.status is not Status.SKIP} | {*seen.flaky}


def _failures(seen: Observation, boots: int) -> Iterator[tuple[str, int]]:
    """The checks that failed, and in how many boots; a flaky one of which nobody has counted them, in one."""
    yield from ((check, boots) for check in _failed(seen) - {*seen.flaky})
    told = seen.failures or {}
    for check in seen.flaky:
        if failed := told.get(check, 0) if seen.boots else 1:
            yield check, min(failed, boots)
