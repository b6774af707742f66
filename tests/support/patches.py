# SPDX-License-Identifier: GPL-2.0-only
"""Patches to the base of the bundled series, as mails."""

from kseries.host import paths
from kseries.sources import TreeStore, kernels


def adding(path: str, line: str, subject: str) -> str:
    """A patch that puts a line below the first one of a file."""
    trees = TreeStore(paths.cache("trees.git"))
    base = kernels.get(kernels.DEFAULT, None, trees, paths.cache(), print)
    source = trees.file(base.tree, path)
    assert source is not None
    first, second, third = (line.decode() for line in source.splitlines()[:3])
    return (
        f"Subject: [PATCH] {subject}\n\n---\n--- a/{path}\n+++ b/{path}\n"
        f"@@ -1,3 +1,4 @@\n {first}\n+{line}\n {second}\n {third}\n"
    )
