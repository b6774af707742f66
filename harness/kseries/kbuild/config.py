# SPDX-License-Identifier: GPL-2.0-only
"""The configuration under which every state of a run is built: fragments, and words for make."""

import re
from collections.abc import Iterable, Set
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from kseries.host import checksums
from kseries.kbuild import fragment
from kseries.model.errors import InputError, in_words
from kseries.model.sanitize import line, shortened

_MAKE_WORD = re.compile(r"\w+=.*")

_SECOND_WORD = re.compile(r"(?<!-D)(?<!\benv)\s(?=[A-Z]\w*=)")
"""Where, within a value, another word for make seems to begin: none of ``-D X=1``, nor of ``env X=1 gcc``."""

_ARCH_OPTION = "--arch names the architecture"
_LEAVE_OUT = "leave it out"
_OURS = {
    "ARCH": _ARCH_OPTION,
    "SUBARCH": _ARCH_OPTION,
    "CROSS_COMPILE": f"{_ARCH_OPTION}, and --make CC=... another compiler",
    **dict.fromkeys(("O", "KBUILD_OUTPUT", "KCONFIG_CONFIG", "KCONFIG_ALLCONFIG", "M", "KBUILD_EXTMOD"), _LEAVE_OUT),
    **{f"KBUILD_BUILD_{name}": _LEAVE_OUT for name in ("TIMESTAMP", "USER", "HOST", "VERSION")},
}
"""The words with which another kernel would be built, or elsewhere, than the one that is looked at; what to do."""

_TOOL = re.compile(r"(?<!\S)(?:[A-Za-z][\w.+-]*|/[\w./+-]+)(?!\S)")
"""A word that a shell looks for in PATH, or a path."""

_SHOWN = 100
"""Characters of a line that an error repeats."""


class Start(StrEnum):
    """What the options are that no fragment names."""

    TINY = "tiny"
    """As tinyconfig has them."""
    DEFCONFIG = "defconfig"
    """Their defaults, and what the architecture's own defconfig asks for, which is then a fragment."""
    ALLNOCONFIG = "allnoconfig"
    """Unset."""


@dataclass(frozen=True)
class Config:
    """The fragments that make a configuration, joined, words for make, and the start; ``hash`` names them all.

    Raises InputError for a word that make would take for an option, a file or a target, for one that kseries itself
    gives it, and for two in one.
    """

    text: str
    make: tuple[str, ...] = ()
    start: Start = Start.TINY

    def __post_init__(self) -> None:
        for word in self.make:
            _check_word(word)

    @classmethod
    def of(cls, text: str, make: tuple[str, ...] = (), start: Start = Start.TINY) -> "Config":
        """Of fragments that were joined before. Raises InputError."""
        fragment.check("the configuration", text)
        return cls(text, make, start)

    def with_text(self, text: str) -> "Config":
        """The same with other fragments. Raises InputError."""
        return Config.of(text, self.make, self.start)

    @classmethod
    def read(cls, fragments: tuple[Path, ...], make: tuple[str, ...] = (), start: Start = Start.TINY) -> "Config":
        """Join fragments: of an option that stands in two, the last counts. Raises InputError."""
        texts = [_text(one) for one in fragments]
        for one, text in zip(fragments, texts, strict=True):
            fragment.check(one, text)
        return cls("".join(text + "\n" for text in texts), make, start)

    @property
    def hash(self) -> str:
        start = () if self.start is Start.TINY else (self.start,)
        return checksums.of_words([self.text, *self.make, *start])[:16]

    @property
    def target(self) -> str:
        """What make is asked for, with the fragments as KCONFIG_ALLCONFIG (Documentation/kbuild/kconfig.rst)."""
        return "alldefconfig" if self.start is Start.DEFCONFIG else "allnoconfig"

    @property
    def llvm(self) -> bool:
        """True where make is told to use clang (Documentation/kbuild/llvm.rst)."""
        return bool(self._llvm)

    def of_llvm(self, tool: str) -> str:
        """How make calls a tool of LLVM's: LLVM=-19 takes clang-19, LLVM=/opt/llvm/bin/ that folder's."""
        return f"{self._llvm}{tool}" if self._llvm.endswith("/") else f"{tool}{self._llvm.removeprefix('1')}"

    @property
    def _llvm(self) -> str:
        value = dict(word.split("=", 1) for word in self.make).get("LLVM", "")
        return value if not value or value.endswith("/") or value.startswith("-") else "1"

    @property
    def checker(self) -> str | None:
        """What make runs on each source with C=1 or C=2 (the kernel's Makefile: CHECK); None without them."""
        words = dict(word.split("=", 1) for word in self.make)
        named = words.get("CHECK", "").split() or ["sparse"]
        return named[0] if words.get("C") in ("1", "2") else None

    @property
    def named_tools(self) -> tuple[str, ...]:
        """The compilers and the linker that words for make name in place of its own (CC=gcc-13).

        None that make itself has to put together, nor one of the kernel's tree.
        """
        words = dict(word.split("=", 1) for word in self.make)
        named = (_TOOL.findall(words.get(word, ""))[-1:] for word in ("CC", "HOSTCC", "LD"))
        return tuple(dict.fromkeys(tool for one in named for tool in one))

    @property
    def alternatives(self) -> frozenset[str]:
        """The options, without CONFIG_, of which a tree's Kconfig has to say whether it defines them."""
        return fragment.alternatives(self.text)

    def text_for(self, defined: Set[str]) -> str:
        """The fragments for a tree whose Kconfig defines these of the alternatives."""
        return fragment.resolve(self.text, defined)

    def dropped_by(self, config: str, defined: Set[str] = frozenset()) -> tuple[str, ...]:
        """The options asked for here that a .config does not have, as ``CONFIG_X=y``; ``defined`` as in text_for."""
        got = {one.name: one.value for entry in fragment.entries(config) for one in entry.choices}
        chosen = (entry.chosen(defined) for entry in fragment.entries(self.text))
        asked = {one.name: one.value for one in chosen}
        return tuple(
            f"CONFIG_{name}={value}"
            for name, value in asked.items()
            if got.get(name, "n") not in ((value, "y") if value == "m" else (value,))  # what is built in is there
        )

    def wanted(self, options: Iterable[str]) -> tuple[str, ...]:
        """Those of some options, as ``CONFIG_X=y``, that are only wanted: of one that stands twice, the last counts."""
        wanted = {one.name: entry.wanted for entry in fragment.entries(self.text) for one in entry.choices}
        return tuple(one for one in options if wanted.get(one.partition("=")[0].removeprefix("CONFIG_"), False))

    def needed(self, options: Iterable[str]) -> tuple[str, ...]:
        """The others."""
        every = tuple(options)
        wanted = frozenset(self.wanted(every))
        return tuple(one for one in every if one not in wanted)


def _check_word(word: str) -> None:
    told = f"--make {shortened(line(word), _SHOWN)}"
    if not _MAKE_WORD.fullmatch(word):
        raise InputError(f"{told}: expected NAME=VALUE, as in --make LLVM=1")
    name, _, value = word.partition("=")
    if name in _OURS:
        raise InputError(f"{told}: kseries itself tells make its {name}\n  {_OURS[name]}")
    if second := _SECOND_WORD.search(value):
        words = (f"{name}={value[: second.start()].rstrip()}", value[second.end() :])
        each = " ".join(f"--make {shortened(line(one), _SHOWN)}" for one in words)
        raise InputError(f"{told}: this is one word, {name}, and its value\n  give --make twice: {each}")


def _text(fragment: Path) -> str:
    """Raises InputError."""
    try:
        return fragment.read_text()
    except OSError as error:
        raise InputError(f"cannot read the config fragment {fragment}: {in_words(error)}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{fragment} is no config fragment: it is not text") from error
