# SPDX-License-Identifier: GPL-2.0-only
"""Which tree's headers a build folder has (``make headers``), and which other trees have the same.

make has no need to look at a thousand of them where nothing differs that it has read for them. It reads no more of the
configuration than .config tells (scripts/Makefile.headersinst, and the Makefile's no-dot-config-targets).
"""

from pathlib import Path

import msgspec
from msgspec.structs import replace

from kseries.host import checksummed, checksums
from kseries.kbuild.dependencies import can_matter
from kseries.model import Dependencies, Record
from kseries.sources import TreeStore

NOTE = "headers.json"


class _Made(Record, frozen=True):
    """For what they were made last, and all that was read for it."""

    tree: str
    config: str
    """The digest of .config; none while nobody knows what there is."""
    read: Dependencies


class Headers:
    """Those of one build folder, noted in ``place``, where nothing that is built can write."""

    def __init__(self, store: TreeStore, place: Path) -> None:
        self._store = store
        self._note = place / NOTE

    def are_of(self, tree: str, config: str) -> bool:
        """True where ``make headers`` of a tree with this .config could make no others than there are."""
        made = self._made()
        if made is None or made.config != checksums.of_bytes(config.encode()):
            return False
        changes = self._store.changes_since(made.tree, tree)
        return changes is not None and not any(can_matter(made.read, change) for change in changes)

    def made(self, tree: str, config: str, read: Dependencies) -> None:
        """They were made for a tree; what make has read for it, which need not be what it had read before."""
        if (before := self._made()) is not None:
            read = replace(read, paths=read.paths | before.read.paths, names=read.names | before.read.names)
        self._write(_Made(tree=tree, config=checksums.of_bytes(config.encode()), read=read))

    def forget(self) -> None:
        """Nobody knows what there is."""
        if (before := self._made()) is not None:
            self._write(replace(before, config=""))

    def _write(self, made: _Made) -> None:
        checksummed.write(self._note, msgspec.json.encode(made))

    def _made(self) -> _Made | None:
        try:
            return msgspec.json.decode(checksummed.read(self._note) or b"", type=_Made)
        except msgspec.DecodeError:
            return None
