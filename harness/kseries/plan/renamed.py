# SPDX-License-Identifier: GPL-2.0-only
"""Which paths are one file to a series that renames it: pure."""

from collections.abc import Iterable

from msgspec import UNSET

from kseries.model import AppliedPatch


class Renamed:
    """The renames of some patches, in their order. A file goes by one of its names, whichever a patch or a conflict
    calls it; but a name under which a later patch makes another file is that one's.
    """

    def __init__(self, patches: Iterable[AppliedPatch]) -> None:
        self._newer: dict[str, str] = {}
        known = tuple(patches)
        for at, patch in enumerate(known):
            for before, after in _renames(patch):
                if any(_anew(later, before) for later in known[at + 1 :]):
                    continue
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


def _renames(patch: AppliedPatch) -> tuple[tuple[str, str], ...]:
    return patch.renames if patch.renames is not UNSET else ()


def _anew(patch: AppliedPatch, path: str) -> bool:
    """True of a patch that touches a path from which its file is gone, and brings no renamed one there."""
    return path in patch.files and not any(path in names for names in _renames(patch))
