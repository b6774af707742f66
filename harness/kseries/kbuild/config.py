# SPDX-License-Identifier: GPL-2.0-only
"""The configuration under which every state of a run is built: fragments, and words for make."""

import re
from dataclasses import dataclass
from pathlib import Path

from kseries.host import checksums
from kseries.model.errors import InputError, in_words
from kseries.model.sanitize import line, shortened

_MAKE_WORD = re.compile(r"\w+=.*")
_OPTION = re.compile(r"^(?:(?P<name>CONFIG_\w+)=(?P<value>.*)|# (?P<unset>CONFIG_\w+) is not set)$", re.MULTILINE)

_SHOWN = 100
"""Characters of a line that an error repeats."""


@dataclass(frozen=True)
class Config:
    """The fragments that make a configuration, joined, and words for make; ``hash`` names both.

    Raises InputError for a word that make would take for an option, a file or a target.
    """

    text: str
    make: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for word in self.make:
            if not _MAKE_WORD.fullmatch(word):
                raise InputError(f"--make {shortened(line(word), _SHOWN)}: expected NAME=VALUE, as in --make LLVM=1")

    @classmethod
    def of(cls, text: str, make: tuple[str, ...] = ()) -> "Config":
        """Of fragments that were joined before. Raises InputError."""
        _check("the configuration", text)
        return cls(text, make)

    @classmethod
    def read(cls, fragments: tuple[Path, ...], make: tuple[str, ...] = ()) -> "Config":
        """Join fragments: of an option that stands in two, the last counts. Raises InputError."""
        try:
            texts = [fragment.read_text() for fragment in fragments]
        except OSError as error:
            raise InputError(f"cannot read the config fragment {error.filename}: {in_words(error)}") from error
        except UnicodeDecodeError as error:
            raise InputError(f"a config fragment is not text: {error}") from error
        for fragment, text in zip(fragments, texts, strict=True):
            _check(fragment, text)
        return cls("".join(text + "\n" for text in texts), make)

    @property
    def hash(self) -> str:
        return checksums.of_words([self.text, *self.make])[:16]

    @property
    def llvm(self) -> bool:
        """True where make is told to use clang (Documentation/kbuild/llvm.rst)."""
        return any(word.startswith("LLVM=") for word in self.make)

    @property
    def checker(self) -> str | None:
        """What make runs on each source with C=1 or C=2 (the kernel's Makefile: CHECK); None without them."""
        words = dict(word.split("=", 1) for word in self.make)
        named = words.get("CHECK", "").split() or ["sparse"]
        return named[0] if words.get("C") in ("1", "2") else None

    def dropped_by(self, config: str) -> tuple[str, ...]:
        """The options asked for here that a .config does not have, as ``CONFIG_X=y``."""
        asked, got = _options(self.text), _options(config)
        return tuple(f"{name}={value}" for name, value in asked.items() if got.get(name, "n") != value)


def _check(fragment: Path | str, text: str) -> None:
    """Raise InputError for a line that Kconfig passes over with a warning (scripts/kconfig/confdata.c): it means an
    option, and none would be set.
    """
    for number, said in enumerate(text.split("\n"), 1):
        if said.strip() and not said.startswith("#") and not _OPTION.fullmatch(said):
            raise InputError(
                f"{fragment}:{number}: no option: {shortened(said, _SHOWN)}\n"
                "  a line is CONFIG_X=VALUE, from its beginning and without spaces, or begins with #"
            )


def _options(text: str) -> dict[str, str]:
    return {m["name"] or m["unset"]: m["value"] or "n" for m in _OPTION.finditer(text)}
