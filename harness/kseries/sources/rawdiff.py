# SPDX-License-Identifier: GPL-2.0-only
"""Which files differ between trees, as git tells it without their lines: the raw format of git-diff-tree(1)."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from kseries.sources import git

# ``:modes objects status``; then the path, which with -z ends in a NUL, and without may be quoted.
_ENTRY = re.compile(rb":(\d{6}) (\d{6}) ([0-9a-f]+) ([0-9a-f]+) [A-Z]\d*(?:\0([^\0]*)\0|\t([^\n]*)(?:\n|\Z))")
NONE = b"000000"
"""The mode of what is not there."""


class Difference(NamedTuple):
    """A path that has another mode or object afterwards. A rename is two of them: ask with --no-renames."""

    path: bytes
    old_mode: bytes
    new_mode: bytes
    old: bytes
    new: bytes


def differences(told: bytes) -> list[Difference]:
    """All that are told of, of how many trees or commits ever."""
    return [_difference(found) for found in _ENTRY.finditer(told)]


def of_pairs(told: bytes) -> Iterator[list[Difference]]:
    """Those of each pair that git was given with --stdin: it has the ids of its two trees before it, in a line."""
    at = 0
    while at < len(told):
        at = told.index(b"\n", at) + 1
        some: list[Difference] = []
        while found := _ENTRY.match(told, at):
            some.append(_difference(found))
            at = found.end()
        yield some


def _difference(found: re.Match[bytes]) -> Difference:
    old_mode, new_mode, old, new, path, line = found.groups()
    return Difference(path if path is not None else git.unquoted(line), old_mode, new_mode, old, new)
