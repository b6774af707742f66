# SPDX-License-Identifier: GPL-2.0-only
"""What a series is made on top of, as far as it has come: other series of the queue, or single patches of them."""

from collections.abc import Iterator, Mapping

from kseries.host.database import Connection
from kseries.inputs.prerequisite import Prerequisite
from kseries.watch import archive, versions
from kseries.watch.item import Item

LEVELS = 50
"""Of series on top of series that are followed."""


def needs(database: Connection, items: Mapping[int, Item], item: Item) -> list[int]:
    """The series of the queue that one names, in its order."""
    found = (_of(database, items, named)[0] for named in item.named)
    return list(dict.fromkeys(number for number in found if number and number != item.number))


def mails(database: Connection, items: Mapping[int, Item], item: Item) -> list[str]:
    """The keys of the mails of all that has to be applied before a series, in the order in which it applies."""
    found = dict.fromkeys(_before(database, items, item, {item.number}, LEVELS))
    return [key for key in found if key not in item.mails]


def _before(database: Connection, items: Mapping[int, Item], item: Item, seen: set[int], levels: int) -> Iterator[str]:
    """As ``mails``; into each series, which many a prerequisite may be of, it goes once."""
    for named in item.named if levels else ():
        number, keys = _of(database, items, named)
        if number and number not in seen:
            seen.add(number)
            yield from _before(database, items, items[number], seen, levels - 1)
        yield from keys


def _of_change(items: Mapping[int, Item], change_id: str) -> list[Item]:
    """What was posted first with a change-id, and its versions: what a stranger posts with it is none of them."""
    posted = [one for one in items.values() if one.change_id == change_id and one.mails]
    first = min(posted, key=lambda one: one.number, default=None)
    return [one for one in posted if first is not None and (one is first or versions.is_version(first, one))]


def _of(database: Connection, items: Mapping[int, Item], named: Prerequisite) -> tuple[int, tuple[str, ...]]:
    """The series that a prerequisite is of, or 0, and the mails of it that are meant: all, or the one patch."""
    if named.change_id:
        newest = max(_of_change(items, named.change_id), key=versions.age, default=None)
        return (newest.number, newest.mails) if newest is not None else (0, ())
    key = archive.with_patch_id(database, named.patch_id) if named.patch_id else f"<{named.message_id}>"
    number = archive.item_of(database, key) if key is not None else 0
    if number not in items:
        return 0, ()
    return number, (key,) if named.patch_id and key is not None else items[number].mails
