# SPDX-License-Identifier: GPL-2.0-only
"""What Kconfig reads of a tree: whether another tree is to be configured again, and can tell files that nobody notes.

Kconfig reads Kconfig files, Makefiles and what scripts answer. Its macros ($(shell,...), scripts/kconfig/preprocess.c)
could read whatever they like: a kernel's own call compilers, and scripts by their names.
"""

import re
from collections.abc import Sequence, Set
from pathlib import PurePosixPath

from kseries.kbuild import unmet
from kseries.kbuild.config import Start
from kseries.kbuild.dependencies import can_matter
from kseries.model import Dependencies
from kseries.sources import Change, TreeStore

# Never these, but where scripts are, and Kconfig itself (scripts/kconfig/*.c), and what they read
# (scripts/rust_is_available_bindgen_libclang.h).
_NOT_READ = frozenset({".c", ".h", ".S", ".rst", ".txt", ".yaml", ".dts", ".dtsi"})
_SCRIPTS = re.compile(r"(.*/)?scripts/")
SCRIPTS = ("scripts/",)
"""Where what a script reads lies beside it."""

# Where make runs (O=), the source is "source", too.
_ASKS = r"srctree|\$[({].*(\.\.|source/|CURDIR|PWD)|^[[:space:]]*[ro]*source[[:space:]]"
_USUAL = re.compile(rb"\$\(srctree\)/[\w./-]+\.sh\b")
_SOURCE = re.compile(rb"\s*[ro]*source\s.*\bKconfig")


class Kconfig:
    """What the Kconfig files of trees ask for. Of the last tree that was asked about, the answer is kept."""

    def __init__(self, store: TreeStore) -> None:
        self._store = store
        self._known: tuple[str, bool] | None = None
        self._defined: tuple[str, frozenset[str]] | None = None

    def may_differ(self, old: str, new: str, linked: tuple[str, ...], reads: Sequence[Dependencies] = ()) -> bool:
        """True unless a tree is configured as another. ``linked`` is what paths begin with that its links lead to.

        Each of ``reads`` has all Makefiles, or all Kconfig files, that configuring the other has read.
        """
        changes = self._store.changes_since(old, new)
        if changes is None or self.reads_all(new):
            return True
        return any(_is_read(one, reads) or one.path.startswith(linked) for one in changes)

    def reads_all(self, tree: str) -> bool:
        """True where a Kconfig file of a tree may read any of its files, and not only scripts and Kconfig files."""
        if self._known is None or not self._alike(self._known[0], tree):
            self._known = (tree, self._asks(tree))
        return self._known[1]

    def defined(self, tree: str, names: Set[str], arch: str) -> frozenset[str]:
        """Those of some options that a tree's Kconfig defines for an architecture (its folder), always of the same."""
        if names and (self._defined is None or not self._alike(self._defined[0], tree)):
            files = self._defining(tree, names)
            self._defined = (tree, frozenset(one for one in names if unmet.defining(one, files, arch)[0]))
        return self._defined[1] if self._defined is not None else frozenset()

    def why(self, tree: str, dropped: tuple[str, ...], arch: str, config: str) -> dict[str, str]:
        """Why each of some options (``CONFIG_X=y``) is not in a .config, as far as the tree's Kconfig tells."""
        files = self._defining(tree, {one.partition("=")[0].removeprefix("CONFIG_") for one in dropped})
        return {one: unmet.why(one, files, arch, config) for one in dropped}

    def below(self, tree: str, arch: str, start: Start) -> str:
        """What stands below all fragments: of tinyconfig what it puts over allnoconfig (scripts/kconfig/Makefile), so
        that Kconfig need run only once.
        """
        if start is not Start.TINY:
            return ""
        places = ("kernel/configs/tiny-base.config", "kernel/configs/tiny.config", f"arch/{arch}/configs/tiny.config")
        # Not from a source folder, where one of them could be a link to a file of ours.
        found = (self._store.file(tree, name) for name in places)
        return "".join(text.decode(errors="replace") for text in found if text is not None)

    def _defining(self, tree: str, names: Set[str]) -> dict[str, str]:
        """The Kconfig files that may define one of some options."""
        pattern = rf"^[[:space:]]*(menu)?config[[:space:]]+({'|'.join(sorted(names))})"
        return self._store.grep_files(tree, pattern, "*Kconfig*")

    def _alike(self, old: str, new: str) -> bool:
        if old == new:
            return True
        changes = self._store.changes_since(old, new)
        return changes is not None and not any("Kconfig" in change.path for change in changes)

    def _asks(self, tree: str) -> bool:
        words = ("grep", "-h", "-a", "-E", "-e", _ASKS, tree, "--", "*Kconfig*")
        lines = self._store.git(*words, statuses=(0, 1)).stdout.splitlines()  # 1: there is none (git-grep(1))
        return any(not _SOURCE.match(line) and _odd(_USUAL.sub(b"", line)) for line in lines)


def _is_read(change: Change, reads: Sequence[Dependencies]) -> bool:
    if _SCRIPTS.match(change.path) is not None:
        return True
    return PurePosixPath(change.path).suffix not in _NOT_READ and all(can_matter(one, change) for one in reads)


def _odd(line: bytes) -> bool:
    """True of what is left of a line that asks, but for prose that begins with the word "source"."""
    return re.search(rb"srctree|\$[({].*(?:\.\.|source/|CURDIR|PWD)|^\s*[ro]*source\s+[\"'$]", line) is not None
