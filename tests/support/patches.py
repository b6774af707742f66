# SPDX-License-Identifier: GPL-2.0-only
"""Patches to the base of the bundled series, or to another kernel, as mails."""

from difflib import unified_diff

from kseries.host import paths
from kseries.model import Base
from kseries.sources import TreeStore, kernels


def adding(path: str, line: str, subject: str, *, below: str | None = None, base: Base | None = None) -> str:
    """A patch that puts a line below the first one of a file, or below the only one that reads so; to the base of the
    bundled series, or to this one.
    """
    trees = TreeStore(paths.cache("trees.git"))
    tree = (base or kernels.get(kernels.DEFAULT, None, trees, paths.cache(), print)).tree
    source = trees.file(tree, path)
    assert source is not None
    old = source.decode().splitlines()
    assert below is None or old.count(below) == 1
    place = 1 if below is None else old.index(below) + 1
    new = [*old[:place], line, *old[place:]]
    hunks = unified_diff(old, new, f"a/{path}", f"b/{path}", lineterm="")
    return "\n".join((f"Subject: [PATCH] {subject}\n\n---", *hunks, ""))
