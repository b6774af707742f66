# SPDX-License-Identifier: GPL-2.0-only
"""trees.git: packed where that helps, and without the trees of planned series where room is needed.

The base kernels (refs/imports) stay. The trees of a series, which no ref names, are made again by the next plan.
"""

from pathlib import Path

from kseries.host import database
from kseries.sources import TreeStore, gitmemo

_MANY_LOOSE = 2000
_MANY_PACKS = 30
"""From here on each git takes noticeably longer; git's own gc begins at 6700 and 50."""
_IMPORTS = "refs/imports/"


class Trees:
    """The repository of a cache; raises InfraError where git fails."""

    def __init__(self, path: Path) -> None:
        self._store = TreeStore(path)

    def scattered(self) -> int:
        """How many loose objects and small packs there are, if that is many; else 0."""
        said = self._store.answer("count-objects", "-v").decode().splitlines()
        counts = {name: int(value) for name, _, value in (row.partition(": ") for row in said) if value.isdecimal()}
        many = counts["count"] >= _MANY_LOOSE or counts["packs"] >= _MANY_PACKS
        return counts["count"] + counts["packs"] if many else 0

    def pack(self) -> None:
        """Put loose objects and small packs into one pack. All stay, whether a ref names them or not."""
        self._store.answer("repack", "--geometric=2", "-d", "-l", "-q")

    def needed(self) -> int:
        """Bytes of what the base kernels are made of."""
        return int(self._store.answer("rev-list", "--objects", "--disk-usage", f"--glob={_IMPORTS}*"))

    def forget_series(self) -> None:
        """Remove all but the base kernels."""
        # The answers first: one that names a tree must not outlive what the tree is made of.
        database.remove(self._store.path / gitmemo.NAME)
        self._drop_refs()
        # First into one pack, all of it, so that it goes in one step: a build folder is asked in what its tree differs
        # from another, and a tree that is half there would fail it. --keep-unreachable passes over loose objects where
        # there is no pack. Nothing is compressed anew, which would take minutes.
        self.pack()
        for more in (("--keep-unreachable",), ()):
            self._store.answer("repack", "-a", "-d", "-l", "-q", "--window=0", *more)

    def _drop_refs(self) -> None:
        """Check-outs leave a branch and a reflog, and they would keep what was checked out."""
        self._store.answer("reflog", "expire", "--expire=now", "--all")
        names = self._store.answer("for-each-ref", "--format=%(refname)").decode().splitlines()
        gone = "".join(f"delete {name}\n" for name in names if not name.startswith(_IMPORTS))
        self._store.answer("update-ref", "--stdin", stdin=gone.encode())
