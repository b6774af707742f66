# SPDX-License-Identifier: GPL-2.0-only
"""How what came changes the queue: a series becomes whole, takes the place of its older versions, or is known already.

Which are versions of one series, versions.py knows. Nothing here goes by a clock but for how long
missing mails are waited for.
"""

from datetime import UTC, datetime

import msgspec

from kseries.host.database import Connection
from kseries.inputs import preimages
from kseries.model.sanitize import line, shortened
from kseries.sources import patchids
from kseries.watch import archive, gathering, versions
from kseries.watch.archive import Thread
from kseries.watch.choosing import Picks
from kseries.watch.gathering import Posting
from kseries.watch.item import Item, Stage

_SUBJECT = 300
_SAID = 1000
_GIVEN_UP = (Stage.WAITING, Stage.INCOMPLETE, Stage.NO_BASE, Stage.NOT_OURS, Stage.FAILED)
"""Where an older version is of no more use, though nothing is under way."""
_WITHOUT = (Stage.NO_BASE, Stage.NOT_OURS, Stage.FAILED)
"""Where one may be for want of what it is made on top of."""


class Entry:
    """The queue, while it is changed. ``now`` is in seconds since 1970."""

    def __init__(self, database: Connection, items: dict[int, Item], picks: Picks, now: float) -> None:
        self._database = database
        self._picks = picks
        self._now = now
        self._last = max((item.order for item in items.values()), default=0)
        self._changed: dict[int, Item] = {}
        self.items = items

    @property
    def changed(self) -> list[Item]:
        return list(self._changed.values())

    def put(self, item: Item) -> Item:
        self.items[item.number] = self._changed[item.number] = item
        return item

    def enter(self, thread: Thread) -> None:
        """What a thread has now."""
        for posting in gathering.postings(thread):
            self._enter(posting, thread.number)

    def _enter(self, posting: Posting, thread: int) -> None:
        known = self._known(posting)
        number = known.number if known is not None else max(self.items, default=0) + 1
        item = self._read(posting, number, thread)
        archive.assign(self._database, posting.own, number)
        if posting.target is not None and not posting.lacks:
            self._whole(item, known)
        elif known is None or known.stage in (Stage.WAITING, Stage.INCOMPLETE):
            stage = Stage.FAILED if posting.fault else Stage.WAITING
            told = posting.fault or f"waiting for {posting.lacks}"
            self.put(msgspec.structs.replace(item, stage=stage, told=_said(told)))

    def _known(self, posting: Posting) -> Item | None:
        numbers = {archive.item_of(self._database, key) for key in posting.own} - {0}
        return self.items.get(min(numbers)) if numbers else None

    def _read(self, posting: Posting, number: int, thread: int) -> Item:
        """A series as its mails tell of it."""
        dated = min((one.dated for one in posting.mails if one.dated is not None), default=None)
        item = Item(
            number=number,
            stage=Stage.NEW,
            subject=shortened(line(posting.subject), _SUBJECT),
            sender=line(posting.sender),
            version=posting.version,
            thread=thread,
            own=posting.own,
            mails=tuple(one.key for one in posting.mails),
            change_id=posting.change_id,
            came=self._now,
            posted=_iso(dated),
        )
        target = posting.target
        if target is None:
            return item
        patches = target.series.patches
        diffs = [patch.diff or b"" for patch in patches]
        patch_ids = patchids.stable(diffs)
        keys = item.mails[len(item.mails) - len(patches) :]
        archive.note_patch_ids(self._database, zip(keys, patch_ids, strict=True))
        return msgspec.structs.replace(
            item,
            patches=len(patches),
            content=versions.content(diffs),
            base_commit=target.base_commit or "",
            authors=tuple(dict.fromkeys(address for one in posting.mails if (address := one.author))),
            paths=preimages.touched(diffs),
            lists=tuple(dict.fromkeys(name for one in posting.mails for name in one.lists)),
            subjects=tuple(line(one.mail.subject.line) for one in posting.mails),
            named=target.prerequisites,
        )

    # --- what is whole ----------------------------------------------------------------------

    def _whole(self, item: Item, known: Item | None) -> None:
        """Enter one that is; what was answered of the same patches stays."""
        if known is not None and known.stage not in (Stage.WAITING, Stage.INCOMPLETE):
            again = known.content != item.content or (known.stage in _GIVEN_UP and known.mails != item.mails)
            if not again:
                self.put(msgspec.structs.replace(known, thread=item.thread, own=item.own))
                return
        self.settle(item)

    def settle(self, item: Item) -> None:
        """Decide what is to be done with a series that is whole."""
        if not self._picks.takes(item):
            self.put(msgspec.structs.replace(item, stage=Stage.NOT_CHOSEN))
            return
        others = [one for one in self.items.values() if one.number != item.number]
        if same := next((one for one in others if versions.is_same(one, item)), None):
            told = f"the same patches as {_name(same)}"
            self.put(msgspec.structs.replace(item, stage=Stage.SAME, by=same.number, told=told))
            return
        self._last += 1
        item = self.put(msgspec.structs.replace(item, stage=Stage.NEW, order=self._last, told=""))
        for one in others:
            if versions.is_version(one, item):
                self._supersede(*sorted((one, item), key=versions.age))
        self._wake(item)

    def _supersede(self, older: Item, newer: Item) -> None:
        """Have a version take the place of an older one, once it is whole itself."""
        if newer.order and (older.stage.at_work or older.stage in _GIVEN_UP):
            told = f"{_name(newer)} took its place"
            self.put(msgspec.structs.replace(older, stage=Stage.SUPERSEDED, by=newer.number, told=told))

    def _wake(self, item: Item) -> None:
        """Have those judged again that were without a prerequisite which is here now."""
        for one in list(self.items.values()):
            lacked = one.stage in _WITHOUT if one.answer is None else one.stage is Stage.DONE and one.answer.lacking
            if lacked and self._names(one, item):
                self._last += 1
                again = msgspec.structs.replace(one, stage=Stage.NEW, order=self._last, told="")
                self.put(msgspec.structs.replace(again, quick=None, full=None, base=None))

    def _names(self, one: Item, other: Item) -> bool:
        """Whether a series names another as to be there first."""
        found = {archive.with_patch_id(self._database, name.patch_id) for name in one.named if name.patch_id}
        found |= {f"<{name.message_id}>" for name in one.named if name.message_id}
        changes = {name.change_id for name in one.named if name.change_id}
        return other.change_id in changes or not found.isdisjoint((*other.own, *other.mails))

    # --- what time does ---------------------------------------------------------------------

    def expire(self, patience: float) -> None:
        """Wait no longer for mails of what has waited so many seconds; a clock that was set back begins anew."""
        for item in [one for one in self.items.values() if one.stage is Stage.WAITING]:
            if self._now < item.came:
                self.put(msgspec.structs.replace(item, came=self._now))
            elif self._now - item.came >= patience:
                if item.mails:
                    self.settle(item)
                else:
                    told = item.told.replace("waiting for", "did not come:")
                    self.put(msgspec.structs.replace(item, stage=Stage.INCOMPLETE, told=told))

    def choose_again(self) -> None:
        """Enter what was not chosen, and is by what is asked for now."""
        for item in [one for one in self.items.values() if one.stage is Stage.NOT_CHOSEN]:
            if self._picks.takes(item):
                self.settle(item)

    def find_bases_again(self) -> None:
        """Enter what had no base, where the trees are others now."""
        for item in [one for one in self.items.values() if one.stage in (Stage.NO_BASE, Stage.NOT_OURS)]:
            self.settle(msgspec.structs.replace(item, base=None))


def _name(item: Item) -> str:
    return f"#{item.number}" + (f" (v{item.version})" if item.version > 1 else "")


def _said(text: str) -> str:
    return shortened(line(text), _SAID)


def _iso(dated: float | None) -> str:
    return datetime.fromtimestamp(dated, UTC).isoformat(timespec="seconds") if dated is not None else ""
