# SPDX-License-Identifier: GPL-2.0-only
"""Patches to the base of the bundled series, or to another kernel, as mails."""

from kseries.host import paths
from kseries.model import Base
from kseries.sources import TreeStore, kernels


def adding(path: str, line: str, subject: str, base: Base | None = None) -> str:
    """A patch that puts a line below the first one of a file; to the base of the bundled series, or to this one."""
    trees = TreeStore(paths.cache("trees.git"))
    tree = (base or kernels.get(kernels.DEFAULT, None, trees, paths.cache(), print)).tree
    source = trees.file(tree, path)
    assert source is not None
    first, second, third = (line.decode() for line in source.splitlines()[:3])
    return (
        f"Subject: [PATCH] {subject}\n\n---\n--- a/{path}\n+++ b/{path}\n"
        f"@@ -1,3 +1,4 @@\n {first}\n+{line}\n {second}\n {third}\n"
    )
