# SPDX-License-Identifier: GPL-2.0-only
"""A tree's Kconfig files as Kconfiglib reads them, in the state that ``make allnoconfig`` leaves options in.

Kconfiglib knows the language of Linux 5.x. What came later is put into its words.
"""

import io
import re
from pathlib import Path
from typing import IO, Any

import kconfiglib

_KCONFIG = "Kconfig"
# scripts/kconfig/lexer.l: "modules" alone since 6.1, "transitional" since 6.18, and "depends on A if B" since 7.0.
_MODULES = re.compile(r"^([ \t]+)modules[ \t]*$", re.MULTILINE)
_TRANSITIONAL = re.compile(r"^[ \t]+transitional[ \t]*$", re.MULTILINE)
_DEPENDS_IF = re.compile(
    r"^([ \t]+depends[ \t]+on[ \t]+)(?P<what>[^#\n]+?)[ \t]if[ \t]+(?P<when>[^\n#]+)$", re.MULTILINE
)


class Tree(kconfiglib.Kconfig):  # type: ignore[misc]
    """The options of a tree. Raises kconfiglib.KconfigError for what is no Kconfig, or not known to Kconfiglib."""

    def __init__(self, source: Path) -> None:
        super().__init__(str(source / _KCONFIG), warn=False, encoding="utf-8")

    def begin(self, fragment: Path, *, defaults: bool = False) -> None:
        """Have every option as allnoconfig has it, or as its default is, but for those of a fragment."""
        for symbol in () if defaults else self.unique_defined_syms:
            symbol.set_value(2 if symbol.is_allnoconfig_y else 0)
        self.load_config(str(fragment), replace=False)

    def _open(self, filename: str, mode: str) -> IO[Any]:
        if mode != "r" or _KCONFIG not in Path(filename).name:
            found: IO[Any] = super()._open(filename, mode)
            return found
        return io.StringIO(translated(Path(filename).read_text(encoding="utf-8", errors="replace")))


def translated(text: str) -> str:
    """A Kconfig file in the words of Linux 5.x, line for line."""
    text = text.replace("\\\n", "\\\0")  # a line that goes on is one
    text = _TRANSITIONAL.sub("", _MODULES.sub(r"\1option modules", text))
    return _DEPENDS_IF.sub(_without_if, text).replace("\\\0", "\\\n")


def _without_if(depends: re.Match[str]) -> str:
    return f"{depends[1]}({depends['what']}) || !({depends['when'].rstrip()})"
