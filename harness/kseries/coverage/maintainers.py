# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's MAINTAINERS as text: whose tree a file is in, and which selftests are maintained beside it. Pure.

Of its entries the names and the lines ``F:``, ``X:`` and ``T:`` are read ("Descriptions of section entries" at its
head): a folder with its slash is all below it, a pattern says nothing of what is below the folders that it matches.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import islice

SELFTESTS = "tools/testing/selftests/"

_MOST = 1000
"""Entries that are read: Linux 6.12 has 75 such."""
_WHATEVER = "*/"
"""The longest pattern of the entry "THE REST", which has all files."""
_TREE = re.compile(r"T:\s+git\s+(\S+(?:\s+[\w./-]+)?)\s*")
_LINE = re.compile(r"(?P<tag>[FX]):\s+(?P<pattern>\S+)\s*")


@dataclass(frozen=True)
class Section:
    """An entry that has selftests: its name, the patterns of its files and of those that are not its, its selftests."""

    name: str
    files: tuple[str, ...]
    excluded: tuple[str, ...]
    selftests: tuple[str, ...]
    """Folders and files below tools/testing/selftests; none that are told by a pattern."""

    def knows(self, path: str) -> int:
        """How closely it names a file: the length of the pattern that does; 0 where none does."""
        if any(_matches(path, one) for one in self.excluded):
            return 0
        return max((len(one) for one in self.files if _matches(path, one)), default=0)


def sections(text: str) -> tuple[Section, ...]:
    """The entries of MAINTAINERS that have selftests."""
    return tuple(islice((one for one in _sections(text) if one.selftests), _MOST))


def _sections(text: str) -> Iterator[Section]:
    for paragraph in text.split("\n\n"):
        if SELFTESTS not in paragraph:
            continue
        name, _, body = paragraph.lstrip("\n").partition("\n")
        found = [(one["tag"], one["pattern"]) for line in body.split("\n") if (one := _LINE.fullmatch(line))]
        files = tuple(pattern for tag, pattern in found if tag == "F")
        tests = (one.removeprefix(SELFTESTS).rstrip("/") for one in files if one.startswith(SELFTESTS))
        yield Section(
            name=name,
            files=tuple(one for one in files if not one.startswith(SELFTESTS)),
            excluded=tuple(pattern for tag, pattern in found if tag == "X"),
            selftests=tuple(one for one in tests if one and "*" not in one and ".." not in one),
        )


def trees(text: str, paths: Iterable[str]) -> tuple[str, ...]:
    """The git trees (``T: git URL [BRANCH]``) of the entry with trees that names most of some files more closely than
    others do, each as ``URL`` or ``URL BRANCH``. Who has whatever is nobody else's names none; nor do two that name a
    file, or as many files, as closely.
    """
    entries = [one for one in map(_with_trees, text.split("\n\n")) if one is not None]
    votes: dict[tuple[str, ...], int] = {}
    for path in paths:
        known = [(section.knows(path), found) for section, found in entries]
        closest = max((close for close, _ in known), default=0)
        named = {found for close, found in known if close == closest > len(_WHATEVER)}
        for found in named if len(named) == 1 else ():
            votes[found] = votes.get(found, 0) + 1
    most = [found for found, count in votes.items() if count == max(votes.values())]
    return most[0] if len(most) == 1 else ()


def _with_trees(paragraph: str) -> tuple[Section, tuple[str, ...]] | None:
    """An entry that has trees, and these."""
    name, _, body = paragraph.lstrip("\n").partition("\n")
    found = tuple(one[1].strip() for line in body.split("\n") if (one := _TREE.fullmatch(line)))
    if not found:
        return None
    lines = [(one["tag"], one["pattern"]) for line in body.split("\n") if (one := _LINE.fullmatch(line))]
    return Section(
        name=name,
        files=tuple(pattern for tag, pattern in lines if tag == "F"),
        excluded=tuple(pattern for tag, pattern in lines if tag == "X"),
        selftests=(),
    ), found


def of_file(known: tuple[Section, ...], path: str) -> tuple[Section, ...]:
    """The entries that name a file most closely: those of a whole subsystem say less than one that names it."""
    found = {one: one.knows(path) for one in known}
    closest = max(found.values(), default=0)
    return tuple(one for one, close in found.items() if close and close == closest)


def _matches(path: str, pattern: str) -> bool:
    parts, wanted = path.split("/"), pattern.rstrip("/").split("/")
    below = pattern.endswith("/")
    if len(parts) < len(wanted) or (len(parts) > len(wanted) and not below):
        return False
    return all(map(fnmatchcase, parts, wanted))
