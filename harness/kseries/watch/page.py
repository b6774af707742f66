# SPDX-License-Identifier: GPL-2.0-only
"""The queue and its reports as a folder of static files, which any server can show, and none of ours has to.

Each file appears whole or not at all, and a page never leads to a report that is not there yet. What has not changed is
not written again.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kseries.host import files
from kseries.model.errors import InfraError, in_words
from kseries.report import pages
from kseries.watch import answers
from kseries.watch.folder import Folder
from kseries.watch.item import Item, Stage

INDEX = "index.html"
_REPORT = "report.html"
_MOST = 500
"""Series of a section that are shown: the newest of them."""
_SECTIONS = (
    ("Under way", "at-work", (Stage.QUICK, Stage.FULL)),
    ("To be judged", "queued", (Stage.NEW,)),
    ("Answered", "answered", (Stage.DONE,)),
    ("Waiting for mails", "waiting", (Stage.WAITING,)),
    (
        "Not judged",
        "not-judged",
        (Stage.NO_BASE, Stage.NOT_OURS, Stage.FAILED, Stage.INCOMPLETE, Stage.SUPERSEDED, Stage.SAME),
    ),
)
WORDS = {
    Stage.WAITING: "waits for mails",
    Stage.NEW: "queued",
    Stage.QUICK: "quick answer under way",
    Stage.FULL: "whole answer under way",
    Stage.DONE: "answered",
    Stage.FAILED: "could not be judged",
    Stage.SUPERSEDED: "superseded",
    Stage.SAME: "sent again",
    Stage.NOT_OURS: "not for a tree of ours",
    Stage.NO_BASE: "no base known",
    Stage.INCOMPLETE: "incomplete",
    Stage.NOT_CHOSEN: "not chosen",
}


_ORDERS: dict[str, Callable[["_Row"], int]] = {
    "answered": lambda row: -row.item.order,
    "not-judged": lambda row: -row.item.number,
}
"""The newest first, of what is over."""


@dataclass(frozen=True)
class _Row:
    """A series as the page shows it. ``looks`` is a CSS class of the reports."""

    item: Item
    verdict: str
    looks: str
    said: str
    reports: tuple[tuple[str, str], ...]
    """Words, and where they lead."""


def write(place: Path, queue: Path, items: Iterable[Item]) -> None:
    """Have the folder ``place`` show the queue that is in another one. Raises InfraError."""
    shown = [item for item in items if item.stage is not Stage.NOT_CHOSEN]
    try:
        place.mkdir(parents=True, exist_ok=True)
        rows = [_row(item, tuple(_reports(item, Folder(queue, item), place))) for item in shown]
        _put(place / INDEX, render(rows).encode())
    except OSError as error:
        raise InfraError(f"cannot write the page: {error.filename or place}: {in_words(error)}") from error


def render(rows: Sequence[_Row]) -> str:
    """The page."""
    sections = []
    for title, anchor, stages in _SECTIONS:
        some = [row for row in rows if row.item.stage in stages]
        some.sort(key=_ORDERS.get(anchor, _by_order))
        sections.append((title, anchor, some[:_MOST], len(some) - len(some[:_MOST])))
    counts = [(title, anchor, len(some) + more) for title, anchor, some, more in sections]
    return pages.page("watch.html.j2", sections=sections, counts=counts, words=WORDS, day=_day)


def _by_order(row: _Row) -> int:
    return row.item.order or row.item.number


def verdict(item: Item) -> tuple[str, str]:
    """What was answered in a word or two, and the CSS class that goes with it."""
    answer = item.answer
    if answer is None or item.stage not in (Stage.DONE, Stage.FULL):
        return WORDS[item.stage], "unknown"
    if not answer.applies:
        return "does not apply", "bad"
    if answer.findings:
        count = len(answer.findings)
        return f"{count} finding{'s' * (count > 1)}", "bad"
    if answer.bisectable and answer.revert_safe:
        return "nothing found", "good"
    return ("builds" if item.full is None else "nothing found, not all judged"), "unknown"


def _row(item: Item, reports: tuple[tuple[str, str], ...]) -> _Row:
    words, looks = verdict(item)
    told = [item.told, item.answer.headline if item.answer is not None else ""]
    return _Row(item, words, looks, "; ".join(filter(None, told)), reports)


def _reports(item: Item, folder: Folder, place: Path) -> Iterator[tuple[str, str]]:
    """The reports of a series, copied to the page."""
    for which, known, words in (("quick", item.quick, "quick report"), ("full", item.full, "report")):
        if known is None or not known.applies:
            continue
        for out in answers.results(folder.out(which)):
            name = f"{out.relative_to(folder.path.parent)}/{_REPORT}"
            with contextlib.suppress(FileNotFoundError):
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                _copy(out / _REPORT, place / name)
            if (place / name).is_file():
                variant = f", {out.name}" if out.name != which else ""
                yield f"{words}{variant}", name


def _copy(report: Path, path: Path) -> None:
    """Copy a report that is not there yet, or another one by now: there may be thousands that are."""
    made = report.stat()
    with contextlib.suppress(FileNotFoundError):
        there = path.stat()
        if (there.st_size, there.st_mtime_ns > made.st_mtime_ns) == (made.st_size, True):
            return
    _put(path, report.read_bytes())


def _put(path: Path, data: bytes) -> None:
    with contextlib.suppress(FileNotFoundError):
        if path.read_bytes() == data:
            return
    files.write(path, data)


def _day(posted: str) -> str:
    with contextlib.suppress(ValueError):
        return f"{datetime.fromisoformat(posted):%d %B %Y}"
    return ""
