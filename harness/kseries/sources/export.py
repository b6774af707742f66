# SPDX-License-Identifier: GPL-2.0-only
"""Trees for those who have no tree store: patches from one to another, tarballs, and checksums of files."""

import gzip
import shutil
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from kseries.host import checksums
from kseries.sources import TreeStore, git

_BLOCK = 1 << 20
_FILES = ("100644", "100755")
"""Git's modes of files that are neither links nor other repositories."""
_TOP = "linux"
"""The folder in a tarball, which has all of the tree."""


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


def sums(store: TreeStore, trees: Sequence[str]) -> tuple[str, str]:
    """Two lists for ``sha256sum --check``: of all files that lead from one tree to the next, in the first and the last.

    Both have the top's Makefile, which tells a kernel's version. A path that such a list cannot tell is left out.
    """
    before: dict[str, tuple[str, str]] = {}
    after: dict[str, tuple[str, str]] = {}
    for one in (change for old, new in pairwise(trees) for change in store.changes(old, new)):
        before.setdefault(one.path, one.old)
        after[one.path] = one.new
    return _sums(store, trees[0], before), _sums(store, trees[-1], after)


def _sums(store: TreeStore, tree: str, files: Mapping[str, tuple[str, str]]) -> str:
    found = {"Makefile": store.file(tree, "Makefile") or b"", **dict(_contents(store, files))}
    return "".join(f"{checksums.of_bytes(data)}  ./{path}\n" for path, data in sorted(found.items()))


def _contents(store: TreeStore, files: Mapping[str, tuple[str, str]]) -> Iterator[tuple[str, bytes]]:
    for path, (mode, blob) in files.items():
        if mode in _FILES and path.isprintable() and not {"\\", "\ufffd"} & {*path}:
            yield path, store.git("cat-file", "blob", blob).stdout
