# SPDX-License-Identifier: GPL-2.0-only
"""The names that patches bring and use, as their diffs have them: no preprocessor is asked, and no guess is made."""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from kseries.sources import Diff
from kseries.sources.hunks import Section

COMPILED = (".c", ".h", ".S")
_SAYS_HOW = ("Kconfig", "Makefile", "Kbuild")

_SHORT = 6
"""Characters that a name has at least which is looked for in a text: shorter ones are words."""
_NAMES = (
    re.compile(r"#\s*define\s+(\w+)"),
    re.compile(r"(?:menu)?config\s+(\w+)\s*$"),
    re.compile(r"(?:typedef\s+)?(?:struct|union|enum)\s+(\w+)\s*\{"),
    re.compile(r"[A-Za-z_][\w \t*]*?\b(\w+)\("),
)
"""What brings a name, at the left margin: a macro, a Kconfig symbol, a type, a function."""
_WORD = re.compile(rf"\w{{{_SHORT},}}")
_CONFIG = "CONFIG_"


def symbols(diff: Diff) -> tuple[str, ...]:
    """The names that a diff introduces, in their order: those of lines that it adds and of none that it takes away."""
    changed = [line for one in diff for hunk in one.hunks for line in hunk.changed]
    gone = {name for sign, line in changed if sign == "-" for name in _named(line)}
    new = (name for sign, line in changed if sign == "+" for name in _named(line))
    return tuple(name for name in dict.fromkeys(new) if name not in gone)


def _named(line: str) -> Iterator[str]:
    for pattern in _NAMES:
        if (found := pattern.match(line)) and len(found[1]) >= _SHORT:
            yield found[1]
            return


@dataclass(frozen=True)
class Wording:
    """What of its series' names a patch has in code: those that it brings, and by file those in lines that it adds."""

    brings: frozenset[str]
    uses: Mapping[str, frozenset[str]]


def wordings(diffs: Iterable[Diff]) -> tuple[Wording, ...]:
    """That of each patch of a series, in their order. An option goes by its name in Kconfig."""
    code = [{path: one for one in diff if is_code(path := _path(one))} for diff in diffs]
    brings = [frozenset(symbols(tuple(files.values()))) for files in code]
    known = frozenset[str]().union(*brings)
    return tuple(
        Wording(names, {path: _words(one) & known for path, one in files.items()})
        for names, files in zip(brings, code, strict=True)
    )


def is_code(path: str) -> bool:
    """Whether a kernel is made of such a file: what is compiled, and what says how."""
    return path.endswith(COMPILED) or posixpath.basename(path).startswith(_SAYS_HOW)


def _path(section: Section) -> str:
    before, after = section.names
    return (after or before or b"").decode(errors="replace")


def _words(section: Section) -> frozenset[str]:
    added = (line for hunk in section.hunks for sign, line in hunk.changed if sign == "+")
    return frozenset(word.removeprefix(_CONFIG) for line in added for word in _WORD.findall(line))
