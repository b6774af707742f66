# SPDX-License-Identifier: GPL-2.0-only
"""Which series somebody wants to have judged: by the files that they touch, their lists, their subjects."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from kseries.model.errors import InputError
from kseries.watch.item import Item


@dataclass(frozen=True)
class Picks:
    """What was asked for: of each kind one has to match, where any is named."""

    paths: tuple[str, ...] = ()
    """As of a shell, but that ``*`` is for slashes, too: ``virt/kvm/*`` is all below it."""
    lists: tuple[str, ...] = ()
    subjects: tuple[re.Pattern[str], ...] = ()

    @classmethod
    def of(cls, paths: Iterable[str], lists: Iterable[str], subjects: Iterable[str]) -> "Picks":
        """Raises InputError for what is no regular expression."""
        return cls(tuple(paths), tuple(one.lower() for one in lists), tuple(map(_compiled, subjects)))

    def takes(self, item: Item) -> bool:
        """Whether a series is one of them."""
        by_path = any(fnmatchcase(path, wanted) for wanted in self.paths for path in item.paths)
        names = {name for wanted in self.lists for name in (wanted, wanted.replace("@", "."))}
        by_list = not names.isdisjoint(item.lists)
        by_subject = any(wanted.search(subject) for wanted in self.subjects for subject in item.subjects)
        return (by_path or not self.paths) and (by_list or not self.lists) and (by_subject or not self.subjects)


def _compiled(words: str) -> re.Pattern[str]:
    try:
        return re.compile(words)
    except re.error as error:
        raise InputError(f"--subject {words}: no regular expression: {error}") from error
