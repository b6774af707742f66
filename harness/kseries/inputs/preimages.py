# SPDX-License-Identifier: GPL-2.0-only
"""The files that a series was made from, as the ``index OLD..NEW`` lines of its diffs name their blobs.

git-diff(1), "Generating patch text with -p". A patch on top of another names what that one makes, so that of each path
only the first patch counts that touches it.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

_HEADER = re.compile(
    rb"^diff --git ([^\n]*)\n((?:(?:old mode|new mode|deleted file mode|new file mode|similarity index|index"
    rb"|dissimilarity index|copy from|copy to|rename from|rename to|---|\+\+\+) [^\n]*\n)+)",
    re.MULTILINE,
)
_INDEX = re.compile(rb"([0-9a-f]{4,64})\.\.([0-9a-f]{4,64})(?: \d+)?")
_MOVED = (b"rename from", b"rename to", b"copy from", b"copy to")
_MOST = 1000
"""Files of a series that are looked for: more tell no more."""


def of(diffs: Iterable[bytes]) -> dict[str, str]:
    """By the path of each file that was there before a series, its blob, by as many digits as the diffs have."""
    found: dict[str, str] = {}
    touched: set[str] = set()
    for diff in diffs:
        for old, new, blob in _files(diff):
            if blob.strip("0") and old not in touched and len(found) < _MOST:
                found[old] = blob
            touched |= {old, new}
    return found


def _files(diff: bytes) -> Iterator[tuple[str, str, str]]:
    """Of each file of a diff that has an index line: its path before and after, and its blob before.

    A name that git quotes, as for a newline in it, is passed over: cat-file would take it for two.
    """
    for names, header in _HEADER.findall(diff):
        rows = dict(_row(line) for line in header.splitlines())
        index = _INDEX.fullmatch(rows.get(b"index", b""))
        old, new = (path.decode(errors="surrogateescape") for path in _paths(names, rows))
        if index is not None and old.isprintable() and not {"", ".", ".."} & {*old.split("/")}:
            yield old, new, index[1].decode()


def _row(line: bytes) -> tuple[bytes, bytes]:
    """What a line of a header is about, and the rest of it."""
    word = next((word for word in _MOVED if line.startswith(word)), line.partition(b" ")[0])
    return word, line[len(word) + 1 :]


def _paths(names: bytes, rows: Mapping[bytes, bytes]) -> tuple[bytes, bytes]:
    """The paths before and after; of what has neither ``---`` nor a rename (a binary file), those of "diff --git"."""
    moved = [rows[word] for word in _MOVED if word in rows]
    if len(moved) == 2:
        return moved[0], moved[1]
    sides = [rows[side].rstrip(b"\t") for side in (b"---", b"+++") if side in rows]
    if not sides:
        sides = [names[: len(names) // 2], names[len(names) // 2 + 1 :]]  # both are as long
    there = [path.partition(b"/")[2] for path in sides if path != b"/dev/null" and not path.startswith(b'"')]
    return (there[0], there[-1]) if there else (b"", b"")
