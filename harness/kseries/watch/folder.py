# SPDX-License-Identifier: GPL-2.0-only
"""The folder of a series: its mails as a TARGET, what it is made on top of, its runs, and what these said."""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from kseries.host import files
from kseries.watch import posted
from kseries.watch.item import Item
from kseries.watch.posted import Posted

_NAME = 48


class Folder:
    """The one of an item, below that of the queue."""

    def __init__(self, queue: Path, item: Item) -> None:
        self.path = queue / "series" / f"{item.number:04}"
        self.target = self.path / f"{item.number:04}-{slug(item)}"
        self.prerequisites = self.path / "prerequisites"
        self._version = item.version

    def out(self, which: str) -> Path:
        """Where a run of it has its result."""
        return self.path / which

    def log(self, which: str) -> Path:
        """What a run of it said."""
        return self.path / f"{which}.log"

    def write(self, mails: Sequence[Posted], before: Sequence[Posted]) -> None:
        """Have its mails be there, as git format-patch names them. Raises OSError, InfraError."""
        version = f"v{self._version}-" if self._version > 1 else ""
        for place, some, prefix in ((self.target, mails, version), (self.prerequisites, before, "")):
            files.remove(place)
            if some:
                place.parent.mkdir(parents=True, exist_ok=True)
                files.fill(place, partial(_write, some, prefix))


def _write(mails: Sequence[Posted], prefix: str, folder: Path) -> None:
    """Each mail as a file; one that is no patch is 0000, as a cover letter is, or else counts with the others."""
    covered = bool(mails) and not mails[0].mail.has_diff
    for number, one in enumerate(mails, 0 if covered else 1):
        name = "cover-letter" if not one.mail.has_diff else _words(one.mail.subject.text)
        (folder / f"{prefix}{number:04}-{name}.patch").write_bytes(posted.as_mbox([one]))


def slug(item: Item) -> str:
    """What a series is called in a file's name."""
    return _words(item.subject) + (f"-v{item.version}" if item.version > 1 else "")


def _words(subject: str) -> str:
    """As git format-patch makes a name of a subject."""
    return re.sub(r"[^A-Za-z0-9_.]+|\.{2,}", "-", subject)[:_NAME].strip("-.") or "patch"
