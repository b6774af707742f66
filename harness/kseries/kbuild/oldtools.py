# SPDX-License-Identifier: GPL-2.0-only
"""A compiler, assembler or linker that is older than a tree takes, as Kconfig is told by the tree's own scripts. Pure.

scripts/cc-version.sh, as-version.sh and ld-version.sh ask scripts/min-tool-version.sh, and print in a box of asterisks
"C compiler is too old.", "Your Clang version:    14.0.6" and "Minimum Clang version: 17.0.1"; from 6.1 to 7.3 alike.
Kconfig ends there, so that nothing of the kernel is compiled.
"""

import re
from collections.abc import Sequence

_TOO_OLD = re.compile(
    rb"^\*\*\* (?P<what>C compiler|Linker|Assembler) is too old\.\n"
    rb"\*\*\* {1,5}Your (?P<name>[\w ]{1,40}?) version: {1,8}(?P<have>[\w.]{1,40})\n"
    rb"\*\*\* {1,5}Minimum [\w ]{1,40}? version: {1,8}(?P<least>[\w.]{1,40})$",
    re.MULTILINE,
)
_SORRY = re.compile(r"\S*scripts/Kconfig\.include:\d+: Sorry, this [\w ]{1,40} is not supported\.")


def told(log: bytes, errors: Sequence[str]) -> str:
    """Which tool of a build is too old for its tree, with both versions, in a line; empty where none is.

    ``errors`` are those of the build: a patch can have the same printed, but Kconfig's own is then not the only one.
    """
    found = _TOO_OLD.search(log) if errors and all(map(_SORRY.fullmatch, errors)) else None
    if found is None:
        return ""
    what, name, have, least = (found[group].decode() for group in ("what", "name", "have", "least"))
    tool = what if what == "C compiler" else what.lower()
    return f"this kernel takes {name} {least} or newer, and the {tool} here is {have}"
