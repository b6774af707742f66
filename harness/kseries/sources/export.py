# SPDX-License-Identifier: GPL-2.0-only
"""Trees for those who have no tree store: patches from one to another, tarballs, and checksums of files."""

import gzip
import shutil
from collections.abc import Iterator
from pathlib import Path

from kseries.host import checksums
from kseries.sources import TreeStore, git
from kseries.sources.treestore import Change

_PATCH = ("diff-tree", "-r", "-p", "--binary", "--full-index", "--no-renames", "--no-color", "--no-ext-diff")
_BLOCK = 1 << 20
_FILES = ("100644", "100755")
"""Git's modes of files that are neither links nor other repositories."""
_TOP = "linux"
"""The folder in a tarball, which has all of the tree."""


def patch(store: TreeStore, old: str, new: str) -> bytes:
    """What leads from one tree to another, as git apply takes it; empty where they are the same."""
    return store.git(*_PATCH, "--no-textconv", old, new).stdout


def tarball(store: TreeStore, tree: str, into: Path) -> None:
    """A .tar.gz of a tree, the same bytes each time. Raises InfraError, OSError."""
    # Of a commit git takes its date for the files, which of ours never differs; of a tree it would take the clock's.
    words = ("archive", "--format=tar", f"--prefix={_TOP}/", store.commit(tree))
    with (
        into.open("wb") as file,
        gzip.GzipFile("", "wb", 6, file, mtime=0) as packed,
        git.reading(store.path, *words, stdin=b"") as stream,
    ):
        shutil.copyfileobj(stream, packed, _BLOCK)


def sums(store: TreeStore, old: str, new: str) -> tuple[str, str]:
    """Two lists for ``sha256sum --check``: of the files that lead from one tree to another, as they are in either.

    Both have the top's Makefile, which tells a kernel's version. A path that such a list cannot tell is left out.
    """
    changes = store.changes(old, new)
    before = {"Makefile": store.file(old, "Makefile") or b""}
    after = {"Makefile": store.file(new, "Makefile") or b""}
    before |= dict(_contents(store, [(one, one.old) for one in changes]))
    after |= dict(_contents(store, [(one, one.new) for one in changes]))
    return _listed(before), _listed(after)


def _contents(store: TreeStore, sides: list[tuple[Change, tuple[str, str]]]) -> Iterator[tuple[str, bytes]]:
    for change, (mode, blob) in sides:
        if mode in _FILES and change.path.isprintable() and not {"\\", "\ufffd"} & {*change.path}:
            yield change.path, store.git("cat-file", "blob", blob).stdout


def _listed(files: dict[str, bytes]) -> str:
    return "".join(f"{checksums.of_bytes(data)}  ./{path}\n" for path, data in sorted(files.items()))
