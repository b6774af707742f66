# SPDX-License-Identifier: GPL-2.0-only
"""A maildir (https://cr.yp.to/proto/maildir.html): a file for each mail, in ``new`` and ``cur``; nothing in it changes.

Its position is the names that were seen. A name keeps its part before ``:2,`` when a reader moves the mail from new to
cur, or marks it.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from kseries.host import checksums, untrusted
from kseries.model.errors import InfraError, InputError, in_words
from kseries.watch.posted import LARGEST
from kseries.watch.sources.source import Batch

_AT_ONCE = 500
_DIGITS = 16


class Maildir:
    """One maildir."""

    def __init__(self, place: Path) -> None:
        self._place = place.resolve()

    @property
    def name(self) -> str:
        return f"maildir {self._place}"

    def new(self, position: str, since: float | None) -> Iterator[Batch]:
        """As Source has it."""
        seen = {*msgspec.json.decode(position, type=list[str])} if position else set()
        found = {_digest(path): path for path in self._files()}
        left = [digest for digest in found if digest not in seen]
        seen &= found.keys()
        for some in (left[at : at + _AT_ONCE] for at in range(0, len(left), _AT_ONCE)):
            mails, told = [], []
            for digest in some:
                try:
                    if since is None or found[digest].stat().st_mtime >= since:
                        mails.append((untrusted.read(found[digest], LARGEST), found[digest].name))
                except FileNotFoundError:
                    continue  # a reader has moved or removed it: its new name has the same digest
                except (InputError, OSError) as error:
                    told.append(str(error) if isinstance(error, InputError) else f"{found[digest]}: {in_words(error)}")
                seen.add(digest)
            yield Batch(tuple(mails), msgspec.json.encode(sorted(seen)).decode(), tuple(told))

    def _files(self) -> list[Path]:
        """The mails in the order in which they were delivered, which their names tell: they begin with the time."""
        try:
            found = [
                path for folder in ("new", "cur") for path in (self._place / folder).iterdir() if path.name[0] != "."
            ]
        except OSError as error:
            raise InfraError(f"cannot read {self._place}: {in_words(error)}") from error
        return sorted(found, key=lambda path: path.name)


def _digest(path: Path) -> str:
    return checksums.of_words([path.name.partition(":2,")[0]])[:_DIGITS]
