# SPDX-License-Identifier: GPL-2.0-only
"""The queue: every series that came, in one database with its mails and the positions of the sources.

A batch of mails, what it makes of the queue, and the position after it are one transaction: whoever is killed has all
of it or nothing. One process at a time has a queue (watching.py), so what it holds in memory is what the file holds.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from kseries.host.database import Connection, Database, DatabaseError, SpoiltError
from kseries.model.errors import InfraError, InputError
from kseries.watch import archive, entering, posted
from kseries.watch.choosing import Picks
from kseries.watch.item import Item
from kseries.watch.sources import Batch

T = TypeVar("T")

_VERSION = 1
_TABLES = (
    *archive.TABLES,
    "CREATE TABLE IF NOT EXISTS items (number INTEGER PRIMARY KEY, item TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS positions (source TEXT PRIMARY KEY, position TEXT NOT NULL)",
)
FILE = "queue.sqlite"


class Queue:
    """The one in a folder; ``say`` hears, in a line, what is wrong with its file."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self._database = Database(folder / FILE, _TABLES, _VERSION, say)
        self.items: dict[int, Item] = {}

    def look(self) -> None:
        """Have what the file has, and leave it as it is. Raises InputError for what is no queue, and InfraError."""
        with self._told():
            try:
                self.items = self._database.look(_items)
            except SpoiltError as error:
                told = f"not a queue of this kseries: {self._database.path} ({error})"
                raise InputError(f"{told}\n  the next watch puts it aside and begins anew") from error

    def position(self, source: str) -> str:
        """Up to where a source was read."""

        def find(database: Connection) -> str:
            row = database.execute("SELECT position FROM positions WHERE source = ?", (source,)).fetchone()
            return str(row["position"]) if row is not None else ""

        with self._told():
            return self._database.do(find)

    def take(self, source: str, batch: Batch, picks: Picks, now: float, since: float | None) -> list[str]:
        """Enter what a batch brings; what could not be read of it."""

        def enter(database: Connection) -> tuple[dict[int, Item], list[str]]:
            entry = entering.Entry(database, _items(database), picks, now)
            told = [*batch.told]
            new: list[str] = []
            for raw, origin in batch.mails:
                try:
                    one = posted.read(raw, origin)
                except InputError as error:
                    told.append(str(error))
                    continue
                if since is not None and one.dated is not None and one.dated < since:
                    continue
                if archive.add(database, one):
                    new.append(one.key)
            for thread in archive.threads(database, new):
                entry.enter(archive.thread(database, thread))
            _put_position(database, source, batch.position)
            _write(database, entry.changed)
            return entry.items, told

        with self._told():
            self.items, told = self._database.do(enter)
        return told

    def put_position(self, source: str, position: str) -> None:
        """Note up to where something was read."""
        with self._told():
            self._database.do(lambda database: _put_position(database, source, position))

    def change(self, work: Callable[[entering.Entry], None], picks: Picks, now: float) -> None:
        """Have entries changed by who knows the whole queue."""

        def do(database: Connection) -> dict[int, Item]:
            entry = entering.Entry(database, _items(database), picks, now)
            work(entry)
            _write(database, entry.changed)
            return entry.items

        with self._told():
            self.items = self._database.do(do)

    def put(self, item: Item) -> Item:
        """Keep what has become of one."""
        with self._told():
            self._database.do(lambda database: _write(database, [item]))
        self.items[item.number] = item
        return item

    def ask(self, work: Callable[[Connection], T]) -> T:
        """What the mails tell."""
        with self._told():
            return self._database.do(work)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (DatabaseError, OSError) as error:
            raise InfraError(f"cannot use {self._database.path}: {error}") from error


def _items(database: Connection) -> dict[int, Item]:
    try:
        rows = database.execute("SELECT item FROM items ORDER BY number").fetchall()
        return {one.number: one for one in (msgspec.json.decode(row["item"], type=Item) for row in rows)}
    except (msgspec.DecodeError, TypeError) as error:
        raise SpoiltError(str(error)) from error


def _put_position(database: Connection, source: str, position: str) -> None:
    database.execute("INSERT OR REPLACE INTO positions VALUES (?, ?)", (source, position))


def _write(database: Connection, items: Sequence[Item]) -> None:
    rows = [(item.number, msgspec.json.encode(item).decode()) for item in items]
    database.executemany("INSERT OR REPLACE INTO items VALUES (?, ?)", rows)
