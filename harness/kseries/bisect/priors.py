# SPDX-License-Identifier: GPL-2.0-only
"""How likely each commit is the first bad one before anything is booted: by whether a build reads what it touches.

Pure, and no more than a hint: a commit that no build is known to read is asked later, and what boots say still counts.
"""

import re
from collections.abc import Sequence, Set

_READ = 1.0
_MERGE = 1 / 8
"""Of a merge that changes nothing which both sides have not: what breaks where two branches meet is seldom."""
_UNREAD = 1 / 64
_UNNOTED = re.compile(
    r"(?:.*/)?(?:Makefile|Kbuild|Kconfig)[^/]*|(?:scripts|tools|usr)/.*"
    r"|.*(?:defconfig|\.(?:config|tbl|map|lds|asn1|uc|sh|awk|sed|pl|py))"
)
"""What decides what is built, and is noted of no object."""


def weights(touched: Sequence[frozenset[str]], read: Set[str], ends: Set[str]) -> tuple[float, ...]:
    """A weight for each commit, by the files that it touches.

    ``read`` are those that builds of the ends have read, and ``ends`` those that the ends have: of one that has come
    and gone between them, or has another name by now, their builds can tell nothing.
    """
    return tuple(_weight(paths, read, ends) for paths in touched)


def _weight(paths: frozenset[str], read: Set[str], ends: Set[str]) -> float:
    if not paths:
        return _MERGE
    is_read = not paths.isdisjoint(read) or not paths <= ends or any(map(_UNNOTED.fullmatch, paths))
    return _READ if is_read else _UNREAD
