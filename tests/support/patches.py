# SPDX-License-Identifier: GPL-2.0-only
"""Patches to the base of the bundled series, or to another kernel, as mails."""

from collections.abc import Callable, Iterable
from difflib import unified_diff

from kseries.host import paths
from kseries.model import Base
from kseries.sources import TreeStore, kernels

Lines = list[str]


def adding(path: str, line: str, subject: str, *, below: str | None = None, base: Base | None = None) -> str:
    """A patch that puts a line below the first one of a file, or below the only one that reads so; to the base of the
    bundled series, or to this one.
    """

    def with_line(old: Lines) -> Lines:
        assert below is None or old.count(below) == 1
        place = 1 if below is None else old.index(below) + 1
        return [*old[:place], line, *old[place:]]

    return _changing(path, with_line, subject, base)


def replacing(path: str, old: str, new: str, subject: str) -> str:
    """A patch to the base of the bundled series that puts one line in the place of the first that reads so."""

    def with_other(lines: Lines) -> Lines:
        at = lines.index(old)
        return [*lines[:at], new, *lines[at + 1 :]]

    return _changing(path, with_other, subject)


def renaming(path: str, old: str, new: str, subject: str) -> str:
    """A patch to the base of the bundled series that calls something else in a whole file."""

    def renamed(lines: Lines) -> Lines:
        assert any(old in line for line in lines) and not any(new in line for line in lines)
        return [line.replace(old, new) for line in lines]

    return _changing(path, renamed, subject)


def creating(path: str, lines: Iterable[str]) -> str:
    """What a patch says of a file that it brings."""
    new = list(lines)
    return "\n".join(("--- /dev/null", f"+++ b/{path}", f"@@ -0,0 +1,{len(new)} @@", *(f"+{one}" for one in new), ""))


def headed(subject: str, *diffs: str) -> str:
    """A mail with a patch made of some diffs."""
    return "".join((f"Subject: [PATCH] {subject}\n\n---\n", *diffs))


def _changing(path: str, change: Callable[[Lines], Lines], subject: str, base: Base | None = None) -> str:
    trees = TreeStore(paths.cache("trees.git"))
    tree = (base or kernels.get(kernels.DEFAULT, None, trees, paths.cache(), print)).tree
    source = trees.file(tree, path)
    assert source is not None
    old = source.decode().splitlines()
    hunks = unified_diff(old, change(old), f"a/{path}", f"b/{path}", lineterm="")
    return headed(subject, "\n".join((*hunks, "")))
