# SPDX-License-Identifier: GPL-2.0-only
"""Which series of the queue are versions of one another, and which have the same patches. Pure.

Anybody can write to a list, with any subject and any change-id: what a stranger posts takes no other's place.
"""

import re
from collections.abc import Iterable

from kseries.host import checksums
from kseries.inputs import subject
from kseries.sources import hunks
from kseries.watch.item import Item, Stage

_DIFF = re.compile(rb"^(?:diff --git |--- [^\n]*\n\+\+\+ )", re.MULTILINE)
_TAG = re.compile(r"[^\s\[\],]+")
_OF_ONE_POSTING = re.compile(r"(?:patch)?v\d+|\d+/\d+|resend", re.IGNORECASE)
"""What of a prefix says nothing of what a series is for."""


def content(diffs: Iterable[bytes]) -> str:
    """A digest of what patches change, blanks and all: to a Makefile, or to Python, they matter."""
    return checksums.of_words(checksums.of_bytes(_bare(diff)) for diff in diffs)


def _bare(diff: bytes) -> bytes:
    """A diff without the words before it and the signature behind it."""
    found = _DIFF.search(diff)
    diff = diff[found.start() :] if found is not None else diff
    try:
        behind = hunks.sections(diff)[1]
    except ValueError:
        return diff
    return diff[: len(diff) - len(behind)]


def is_same(one: Item, item: Item) -> bool:
    """Whether another one has these patches, for the same base, and was judged, or will be.

    It has to be the same sender's, who is answered by its answer. One that did not apply is no answer to a later one.
    """
    if not (one.stage.at_work or one.stage is Stage.DONE) or one.number > item.number:
        return False
    if one.answer is not None and not one.answer.applies:
        return False
    return _patches(one) == _patches(item)


def _patches(item: Item) -> tuple[object, ...]:
    return item.content, item.sender, item.base_commit, item.named


def is_version(one: Item, item: Item) -> bool:
    """Whether two are versions of one series; of one version the later is the newer one."""
    if one.change_id and item.change_id:
        return one.change_id == item.change_id and _have_a_sender(one, item)
    if one.sender != item.sender:
        return False
    in_thread = one.thread == item.thread
    titled = _title(one) == _title(item)
    if one.version == item.version:
        return titled and (in_thread or _share_files(one, item)) and _purpose(one) == _purpose(item)
    return titled or (in_thread and _share_files(one, item))


def _have_a_sender(one: Item, item: Item) -> bool:
    """Whether the newer one is from who sent the older one, or from an author of that in the same thread."""
    older, newer = sorted((one, item), key=age)
    return one.sender == item.sender or (one.thread == item.thread and newer.sender in older.authors)


def _share_files(one: Item, item: Item) -> bool:
    """Whether they touch a common file, as far as is known: of one whose patches did not come it is not."""
    return not (one.paths and item.paths) or not set(one.paths).isdisjoint(item.paths)


def _title(item: Item) -> str:
    return " ".join(item.subject.casefold().split())


def _purpose(item: Item) -> frozenset[str]:
    """The tags of its subjects that tell what it is for: ``6.6`` and ``net-next``, but no number and no version."""
    first = subject.parse(item.subjects[0]) if item.subjects else None
    tags = first.line.removesuffix(first.text) if first is not None else ""
    return frozenset(tag.casefold() for tag in _TAG.findall(tags) if not _OF_ONE_POSTING.fullmatch(tag))


def age(item: Item) -> tuple[int, int]:
    """What is more of the newer one of two versions."""
    return item.version, item.number
