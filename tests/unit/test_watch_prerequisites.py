# SPDX-License-Identifier: GPL-2.0-only
"""What is applied before a series that is made on top of others, and what it costs to find that."""

from pathlib import Path

import msgspec
import pytest

from kseries.host.database import Connection
from kseries.inputs.prerequisite import Prerequisite
from kseries.watch import archive, prerequisites
from kseries.watch.item import Item, Stage
from kseries.watch.queue import Queue

_ROW = "INSERT INTO mails (key, raw, patch_id, item) VALUES (?, '', ?, ?)"


def stacked(queue: Queue, levels: int) -> dict[int, Item]:
    """Series of five patches each, each of which names all five of the one below."""
    items = {}
    for level in range(1, levels + 1):
        keys = tuple(f"<{level}-{one}@x.example>" for one in range(5))
        named = tuple(Prerequisite(patch_id=_patch_id(level - 1, one)) for one in range(5) if level > 1)
        item = Item(number=level, stage=Stage.NEW, subject="", sender="", version=1, thread=level, own=keys)
        items[level] = msgspec.structs.replace(item, mails=keys, named=named, order=level, content=str(level))
        rows = [(key, _patch_id(level, one), level) for one, key in enumerate(keys)]
        queue.ask(lambda database, rows=rows: database.executemany(_ROW, rows))  # type: ignore[misc]
    return items


def _patch_id(level: int, one: int) -> str:
    return f"{level:020x}{one:020x}"


def test_of_series_on_top_of_series_each_is_gone_into_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = Queue(tmp_path, print)
    items = stacked(queue, 6)
    find, asked = archive.with_patch_id, list[str]()

    def noted(database: Connection, patch_id: str) -> str | None:
        asked.append(patch_id)
        return find(database, patch_id)

    monkeypatch.setattr(archive, "with_patch_id", noted)
    found = queue.ask(lambda database: prerequisites.mails(database, items, items[6]))
    assert found == [key for number in range(1, 6) for key in items[number].mails]
    assert len(asked) == 5 * 5
