# SPDX-License-Identifier: GPL-2.0-only
"""The patches of a run as files in its directory, written as they were applied: with --fuzz or as commits, too."""

from collections.abc import Sequence
from pathlib import Path

from kseries.host import files
from kseries.model import AppliedPatch
from kseries.report import patchfiles
from kseries.sources import TreeStore


def write(directory: Path, patches: Sequence[AppliedPatch], trees: TreeStore) -> None:
    """Write them, and remove those of an earlier run of another series. Raises OSError or InfraError."""
    folder = directory / patchfiles.FOLDER
    folder.mkdir(exist_ok=True)
    names = {patchfiles.name(patch): patch for patch in patches}
    for old in folder.glob("[0-9][0-9][0-9][0-9]*.patch"):
        if old.name not in names:
            old.unlink()
    for name, patch in names.items():
        files.write(folder / name, trees.patch(patch.tree_before, patch.tree_after), sync=False)
