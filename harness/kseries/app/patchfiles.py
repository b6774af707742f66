# SPDX-License-Identifier: GPL-2.0-only
"""The patches of a run as files in its directory, written as they were applied: with --fuzz or as commits, too."""

from collections.abc import Sequence
from pathlib import Path

from kseries.host import files
from kseries.model import AppliedPatch
from kseries.report import patchfiles
from kseries.sources import TreeStore


def write(directory: Path, patches: Sequence[AppliedPatch], trees: TreeStore) -> None:
    """Write them into a folder of theirs alone. Raises OSError or InfraError.

    A run's directory may be that of the series, too, or have the result of another one: a folder that is there stays as
    it is, and so does whatever else there is.
    """
    folder = directory / patchfiles.folder(patches)
    if patches and not folder.exists():
        files.fill(folder, lambda made: _fill(made, patches, trees))


def _fill(made: Path, patches: Sequence[AppliedPatch], trees: TreeStore) -> None:
    for patch in patches:
        (made / patchfiles.name(patch)).write_bytes(trees.patch(patch.tree_before, patch.tree_after))
