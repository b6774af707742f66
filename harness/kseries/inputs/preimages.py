# SPDX-License-Identifier: GPL-2.0-only
"""The files that a series was made from, as the ``index OLD..NEW`` lines of its diffs name their blobs.

git-diff(1), "Generating patch text with -p". A patch on top of another names what that one makes, so that of each path
only the first patch counts that touches it.
"""

from collections.abc import Iterable, Iterator

from kseries.sources.hunks import Section, sections

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


def touched(diffs: Iterable[bytes]) -> tuple[str, ...]:
    """The paths of files that diffs change, bring or take away, as far as they can be read."""
    return tuple(dict.fromkeys(path for diff in diffs for pair in _names(diff) for path in pair if path))[:_MOST]


def before(diffs: Iterable[bytes]) -> tuple[str, ...]:
    """The paths of files that have to be there before a series."""
    found: dict[str, None] = {}
    made: set[str] = set()
    for diff in diffs:
        for old, new in _names(diff):
            if old and old not in made:
                found[old] = None
            made |= {old, new}
    return tuple(found)[:_MOST]


def _names(diff: bytes) -> Iterator[tuple[str, str]]:
    """Of each file of a diff its paths before and after; empty where it is not there then."""
    try:
        some = sections(diff)[0]
    except ValueError:
        return
    for one in some:
        old, new = (name.decode(errors="replace") if name is not None else "" for name in one.names)
        if f"{old}{new}".isprintable():
            yield old, new


def _files(diff: bytes) -> Iterator[tuple[str, str, str]]:
    """Of each file of a diff that has an index line: its path before and after, and its blob before.

    None of a diff that cannot be read, which will not apply either.
    """
    try:
        some = sections(diff)[0]
    except ValueError:
        return
    for one in some:
        old, new = _paths(one)
        # Of a name with a newline in it, cat-file would make two.
        if one.blob and old.isprintable() and not {"", ".", ".."} & {*old.split("/")}:
            yield old, new, one.blob


def _paths(one: Section) -> tuple[str, str]:
    """The paths before and after; of what is there but once, that one twice."""
    before, after = one.names
    old, new = before or after or b"", after or before or b""
    return old.decode(errors="surrogateescape"), new.decode(errors="surrogateescape")
