# SPDX-License-Identifier: GPL-2.0-only
"""Which paths are one file to a series that renames it: pure."""

from collections.abc import Iterable

from msgspec import UNSET

from kseries.model import AppliedPatch


class Renamed:
    """The renames of some patches. A file goes by one of its names, whichever a patch or a conflict calls it."""

    def __init__(self, patches: Iterable[AppliedPatch]) -> None:
        self._newer: dict[str, str] = {}
        for patch in patches:
            for before, after in patch.renames if patch.renames is not UNSET else ():
                old, new = self.file(before), self.file(after)
                if old != new:  # back to a name that it had
                    self._newer[old] = new

    def file(self, path: str) -> str:
        """The name that a file goes by."""
        while path in self._newer:
            path = self._newer[path]
        return path

    def files(self, paths: Iterable[str]) -> frozenset[str]:
        """The same of several."""
        return frozenset(map(self.file, paths))
