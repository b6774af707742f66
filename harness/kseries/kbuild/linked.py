# SPDX-License-Identifier: GPL-2.0-only
"""Which objects a kernel is linked of: the names in vmlinux.a, to which kbuild adds each and copies none.

Its names stand in a table, the first member but for a symbol table (ar(5): "//", GNU's extended format).
"""

import posixpath
from collections.abc import Set
from pathlib import Path

from kseries.host import checksums
from kseries.kbuild import artifacts

_THIN = b"!<thin>\n"
_HEADER = 60
_SIZE = slice(48, 58)


def objects(archive: Path) -> frozenset[str]:
    """The objects in a thin archive of a build folder, their paths below it. Empty where there is none."""
    try:
        data = artifacts.read(archive.parent, archive.name)
    except (FileNotFoundError, artifacts.NotRegularError):
        data = b""
    at = len(_THIN)
    while data.startswith(_THIN) and data[at : at + 1] == b"/":
        header = data[at : at + _HEADER]
        if not (length := header[_SIZE].strip()).isdigit():
            break
        at += _HEADER
        if header.startswith(b"// "):
            names = data[at : at + int(length)].decode(errors="replace").split("/\n")
            return frozenset(posixpath.normpath(name) for name in names if name.strip("\n"))
        at += int(length) + int(length) % 2
    return frozenset()


def digest(names: Set[str]) -> str:
    """A word that is the same for the same objects."""
    return checksums.of_words(sorted(names))[:16] if names else ""
