# SPDX-License-Identifier: GPL-2.0-only
"""The queue on a terminal: a line for each series, and below it why it is where it is."""

from collections.abc import Iterable, Iterator

from kseries.model.sanitize import line, shortened
from kseries.watch.item import Item, Stage
from kseries.watch.page import verdict

_WIDE = 100
_SUBJECT = 56


def render(items: Iterable[Item]) -> str:
    """The series in the order of their numbers, without those that nobody asked for."""
    shown = [item for item in items if item.stage is not Stage.NOT_CHOSEN]
    return "\n".join(row for item in shown for row in _rows(item)) or "the queue is empty"


def _rows(item: Item) -> Iterator[str]:
    version = f" v{item.version}" if item.version > 1 else ""
    subject = shortened(line(item.subject), _SUBJECT) + version
    words, _ = verdict(item)
    yield f"#{item.number:<4} {item.stage:<10}  {words:<28}  {subject}"
    for told in filter(None, (item.told, item.answer.headline if item.answer is not None else "")):
        yield f"       {shortened(line(told), _WIDE)}"
