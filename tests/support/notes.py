# SPDX-License-Identifier: GPL-2.0-only
"""Build folders with the notes that kbuild leaves beside its objects."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from kseries.kbuild.dependencies import FolderDependencies


def noted(obj: Path, notes: Mapping[str, Iterable[str]]) -> FolderDependencies:
    """A build folder in which each target has read some paths."""
    obj.mkdir(exist_ok=True)
    for target, paths in notes.items():
        (obj / f".{target}.cmd").write_text("".join(f"  {obj}/source/{path} \\\n" for path in paths))
    reads = FolderDependencies(obj, obj / "source", obj)
    reads.update("tree")
    return reads
