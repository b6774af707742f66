# SPDX-License-Identifier: GPL-2.0-only
"""The mails that came, and which of them hang together: rows in the queue's database.

Every mail has a node, and so has each that one answers, whether it came or not: two that answer the same are of one
thread. Of what is no patch, cover letter or numbered reply no more than its node is kept.
"""

import re
import zlib
from collections.abc import Iterable

import msgspec

from kseries.host.database import Connection
from kseries.inputs.mail import Mail
from kseries.watch import posted
from kseries.watch.posted import Posted

TABLES = (
    """CREATE TABLE IF NOT EXISTS mails (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    raw BLOB NOT NULL,
    patch_id TEXT NOT NULL DEFAULT '',
    item INTEGER NOT NULL DEFAULT 0
)""",
    "CREATE INDEX IF NOT EXISTS by_patch_id ON mails (patch_id)",
    """CREATE TABLE IF NOT EXISTS nodes (
    key TEXT PRIMARY KEY,
    thread INTEGER NOT NULL,
    came INTEGER NOT NULL DEFAULT 0
)""",
    "CREATE INDEX IF NOT EXISTS by_thread ON nodes (thread)",
)


_HEAD_ENDS = re.compile(rb"\n\r?\n")
"""Before it comes, a mail that is half there may not tell yet what it answers."""


class Thread(msgspec.Struct, frozen=True):
    """The mails of a thread that are kept, in the order in which they came, and the keys of all that came."""

    number: int
    mails: tuple[Posted, ...]
    came: frozenset[str]


def add(database: Connection, one: Posted) -> bool:
    """Keep a mail; whether that is something new.

    One that is known may have been half there before (the last of an mbox): the longer counts.
    """
    key, above = one.key, one.mail.answers
    if not _came(database, key):  # who takes the name of a mail that is here would join its thread to any other
        _join(database, [key, above] if above else [key])
        database.execute("UPDATE nodes SET came = ? WHERE key = ?", (_HEAD_ENDS.search(one.raw) is not None, key))
    if not _is_kept(one.mail):
        return False
    known = database.execute("SELECT raw FROM mails WHERE key = ?", (key,)).fetchone()
    if known is None:
        database.execute("INSERT INTO mails (key, raw) VALUES (?, ?)", (key, zlib.compress(one.raw)))
        return True
    before = zlib.decompress(known["raw"])
    if len(before) < len(one.raw) and one.raw.startswith(before.rstrip()):
        database.execute("UPDATE mails SET raw = ?, patch_id = '' WHERE key = ?", (zlib.compress(one.raw), key))
        return True
    return False


def threads(database: Connection, keys: Iterable[str]) -> list[int]:
    """Those that some mails are of, each once."""
    rows = (database.execute("SELECT thread FROM nodes WHERE key = ?", (key,)).fetchone() for key in keys)
    return list(dict.fromkeys(row["thread"] for row in rows if row is not None))


def thread(database: Connection, number: int) -> Thread:
    """What there is of a thread."""
    rows = database.execute(
        "SELECT mails.key, raw FROM mails JOIN nodes ON nodes.key = mails.key WHERE thread = ? ORDER BY mails.number",
        (number,),
    ).fetchall()
    came = database.execute("SELECT key FROM nodes WHERE thread = ? AND came = 1", (number,)).fetchall()
    return Thread(number, tuple(map(_posted, rows)), frozenset(row["key"] for row in came))


def mails(database: Connection, keys: Iterable[str]) -> list[Posted]:
    """Some mails, in this order; without those that were not kept."""
    rows = (database.execute("SELECT key, raw FROM mails WHERE key = ?", (key,)).fetchone() for key in keys)
    return [_posted(row) for row in rows if row is not None]


def assign(database: Connection, keys: Iterable[str], item: int) -> None:
    """Note of mails which series of the queue they are of."""
    database.executemany("UPDATE mails SET item = ? WHERE key = ?", [(item, key) for key in keys])


def note_patch_ids(database: Connection, patch_ids: Iterable[tuple[str, str]]) -> None:
    """Note of mails, by their keys, what git patch-id --stable calls their patches."""
    database.executemany("UPDATE mails SET patch_id = ? WHERE key = ?", [(name, key) for key, name in patch_ids])


def item_of(database: Connection, key: str) -> int:
    """Which series of the queue a mail is of; 0 of none."""
    row = database.execute("SELECT item FROM mails WHERE key = ?", (key,)).fetchone()
    return int(row["item"]) if row is not None else 0


def with_patch_id(database: Connection, patch_id: str) -> str | None:
    """The last mail that has a patch with this patch-id."""
    row = database.execute(
        "SELECT key FROM mails WHERE patch_id = ? ORDER BY number DESC LIMIT 1", (patch_id,)
    ).fetchone()
    return str(row["key"]) if row is not None else None


def _came(database: Connection, key: str) -> bool:
    row = database.execute("SELECT came FROM nodes WHERE key = ?", (key,)).fetchone()
    return row is not None and bool(row["came"])


def _is_kept(mail: Mail) -> bool:
    """True of what is of a series, and of the replies by which a patch that was sent again is told to be that."""
    return mail.subject.number is not None or (mail.has_diff and not mail.subject.reply)


def _posted(row: dict[str, bytes]) -> Posted:
    found = posted.read(zlib.decompress(row["raw"]), str(row["key"]))
    return msgspec.structs.replace(
        found, mail=msgspec.structs.replace(found.mail, origin=found.mail.subject.line or found.mail.origin)
    )


def _join(database: Connection, keys: list[str]) -> None:
    """Have some mails be of one thread from now on."""
    marks = ", ".join("?" * len(keys))
    rows = database.execute(f"SELECT DISTINCT thread FROM nodes WHERE key IN ({marks})", keys).fetchall()
    known = sorted(row["thread"] for row in rows)
    number = known[0] if known else _next(database)
    for other in known[1:]:
        database.execute("UPDATE nodes SET thread = ? WHERE thread = ?", (number, other))
    database.executemany("INSERT OR IGNORE INTO nodes (key, thread) VALUES (?, ?)", [(key, number) for key in keys])


def _next(database: Connection) -> int:
    return int(database.execute("SELECT coalesce(max(thread), 0) + 1 FROM nodes").fetchone()[0])
