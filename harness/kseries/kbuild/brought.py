# SPDX-License-Identifier: GPL-2.0-only
"""Options of a config fragment that base's Kconfig drops, and the patch of a series that brings them.

A patch brings an option that it defines (``config X``, ``menuconfig X``), where base does not. It may bring one that
base defines, too: where what it changes in Kconfig files is about that option, or about one that the definition names,
as a ``select`` of what it depends on is. Help texts are about nothing.
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence

from kseries.sources import Diff, TreeStore
from kseries.sources.hunks import Hunk

# Documentation/kbuild/kconfig-language.rst: entries, and what can stand in one; but for "help" and its lines.
_DEFINES = re.compile(r"\s*(?:menu)?config\s+(\w+)\s*(?:#.*)?")
_ENTRY = re.compile(r"\s*(?:(?:menu)?config|choice|endchoice|menu|endmenu|if|endif|source|comment|mainmenu)\b")
_STATEMENT = re.compile(
    r"\s*(?:(?:menu)?config|if|bool|tristate|string|hex|int|def_bool|def_tristate|prompt|default|depends|select|imply"
    r"|visible|range)\b"
)
_CHANGES = re.compile(r"\s*(?:(?:menu)?config|select|imply)\s+(\w+)")
_QUOTED = re.compile(r'"[^"]*"')
_SYMBOL = re.compile(r"\b[A-Z0-9_]+\b")
_FILES = "*Kconfig*"


class Brought:
    """What the patches of a series bring to the Kconfig of their base; the diffs are made when they are asked for.

    ``trees`` are those after each patch.
    """

    def __init__(self, store: TreeStore, base: str, trees: Sequence[str]) -> None:
        self._store = store
        self._base = base
        self._trees = trees
        self._diffs: list[Diff] | None = None

    def by(self, option: str) -> int | None:
        """The number of the first patch that brings an option, as in ``CONFIG_X=y``; None where none does."""
        name = option.partition("=")[0].removeprefix("CONFIG_")
        if not any(self._kconfig()):
            return None
        about = _about(self._store.grep_files(self._base, rf"config[[:space:]]+{name}", _FILES).values(), name)
        return next((number for number, diff in enumerate(self._kconfig(), 1) if _brings(diff, name, about)), None)

    def all(self, options: Iterable[str]) -> bool:
        """True where some patch brings each of them."""
        return not self.missing(options)

    def missing(self, options: Iterable[str]) -> tuple[str, ...]:
        """Those that no patch brings: a mistake in the fragment."""
        return tuple(option for option in options if self.by(option) is None)

    def _kconfig(self) -> list[Diff]:
        """What each patch changes in Kconfig files, as a diff without context."""
        if self._diffs is None:
            pairs = list(itertools.pairwise((self._base, *self._trees)))
            self._diffs = self._store.diffs(pairs, _FILES)
        return self._diffs


def _about(texts: Iterable[str], name: str) -> frozenset[str]:
    """An option and all that its definitions name; nothing where there is none."""
    return frozenset(symbol for text in texts for symbol in _named(text.splitlines(), name))


def _named(lines: Sequence[str], name: str) -> Iterator[str]:
    inside = False
    for line in lines:
        if _ENTRY.match(line):
            found = _DEFINES.fullmatch(line)
            inside = found is not None and found[1] == name
        if inside:
            yield from _symbols(line)


def _symbols(line: str) -> Iterator[str]:
    if _STATEMENT.match(line):
        yield from _SYMBOL.findall(_QUOTED.sub("", line))


def _brings(diff: Diff, name: str, about: frozenset[str]) -> bool:
    """True where a diff of Kconfig files defines an option, or changes what is about one that base defines."""
    if about:
        return any(symbol in about for symbol in _changed(diff))
    added = (line for hunk in _hunks(diff) for sign, line in hunk.changed if sign == "+")
    return any(found[1] == name for line in added if (found := _DEFINES.fullmatch(line)))


def _changed(diff: Diff) -> Iterator[str]:
    """The options that come and go, are selected or no more, and those whose statements come and go.

    One that is merely named, as another entry depends on it, is as it was.
    """
    for hunk in _hunks(diff):
        entry = hunk.function  # of a Kconfig file, the head of the entry
        for line in (line for _, line in hunk.changed if line.strip()):
            within = _STATEMENT.match(line) and not _ENTRY.match(line)
            found = (_CHANGES.match(entry) if within else None, _CHANGES.match(line))
            yield from (one[1] for one in found if one is not None)
            entry = "" if _STATEMENT.match(line) else entry


def _hunks(diff: Diff) -> Iterator[Hunk]:
    return (hunk for one in diff for hunk in one.hunks)
