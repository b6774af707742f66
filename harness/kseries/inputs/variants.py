# SPDX-License-Identifier: GPL-2.0-only
"""Variants as they are asked for: an architecture, a configuration and words for make, by a name. Pure, but for files.

``NAME=KEY:VALUE,..`` on a command line, or a table ``[variant.NAME]`` in a TOML file::

    clang=make:LLVM=1,make:W=1,boot:no
    small=arch:arm64,config:small.config,config:auto
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from kseries.host import paths, untrusted
from kseries.model import Record
from kseries.model.errors import InputError
from kseries.model.sanitize import few, line, shortened

AUTO = "auto"
"""In the place of a fragment: the options that have what the series changes compiled."""
STARTS = ("defconfig", "allnoconfig")
"""In the place of one: what the options are that no fragment names. Without, tinyconfig."""
WORDS = (AUTO, *STARTS)
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}", re.ASCII)
_WRITTEN = re.compile(r"states|search|(?:squash|order|journey)-.*|bisect\.(?:git|log)|.*\.(?:html|json|xml|txt|sarif)")
"""What a run itself writes to its directory, in which a variant has a folder by its name."""
_KEYS = ("arch", "config", "make", "boot")
_BOOTS = {"yes": True, "no": False}
_SHOWN = 100
"""Characters of a word that an error repeats."""


class Asked(Record, frozen=True, forbid_unknown_fields=True):
    """What a variant has beside what all of a run have."""

    arch: str | None = None
    config: tuple[str, ...] = ()
    """Fragments, or WORDS."""
    make: tuple[str, ...] = ()
    boot: bool = True
    """False where each state is only built."""


class _File(Record, frozen=True):
    variant: dict[str, Asked]


def parse(word: str) -> tuple[str, Asked]:
    """A variant of a command line; of a name alone, one of ours. Raises InputError."""
    name, equals, rest = word.partition("=")
    if not equals:
        return name, _of_ours(name)
    found: dict[str, list[str]] = {key: [] for key in _KEYS}
    for part in filter(None, rest.split(",")):
        key, colon, value = part.partition(":")
        if key not in found or not colon or not value:
            raise _mistake(word, f"{_told(part)}: expected one of {', '.join(f'{key}:VALUE' for key in _KEYS)}")
        found[key].append(value)
    for key in ("arch", "boot"):
        if len(found[key]) > 1:
            raise _mistake(word, f"{key} stands twice")
    boot = next(iter(found["boot"]), "yes")
    if boot not in _BOOTS:
        raise _mistake(word, f"boot:{_told(boot)}: expected yes or no")
    arch = next(iter(found["arch"]), None)
    return check(name, Asked(arch=arch, config=tuple(found["config"]), make=tuple(found["make"]), boot=_BOOTS[boot]))


def check(name: str, asked: Asked) -> tuple[str, Asked]:
    """A variant whose name can be that of a folder beside what a run writes. Raises InputError."""
    if not _NAME.fullmatch(name):
        raise InputError(f"--variant {_told(name)}: a name is of letters, digits, '.', '_' and '-'")
    if _WRITTEN.fullmatch(name):
        raise InputError(f"--variant {name}: a run writes something of that name to --out\n  give it another")
    return name, asked


def placed(asked: Asked, folder: Path) -> Asked:
    """A variant whose fragments are named as seen from a folder."""
    config = tuple(one if one in WORDS else str(folder / one) for one in asked.config)
    return msgspec.structs.replace(asked, config=config)


def of(tables: Mapping[str, Asked], folder: Path) -> tuple[tuple[str, Asked], ...]:
    """The variants of a file in a folder. Raises InputError."""
    return tuple(check(name, placed(asked, folder)) for name, asked in tables.items())


def ours() -> dict[str, Asked]:
    """Those that we have, by their names. Raises InputError."""
    path = paths.project("kernels", "variants.toml")
    try:
        found = msgspec.convert(tomllib.loads(untrusted.text(path)), _File)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {error}") from error
    return dict(of(found.variant, path.parent))


def each(words: Iterable[str], tables: Iterable[tuple[str, Asked]]) -> dict[str, Asked]:
    """The variants of a command line, else those of a TARGET. Raises InputError."""
    found: dict[str, Asked] = {}
    for name, asked in [parse(word) for word in words] or tables:
        if name in found:
            raise InputError(f"--variant {name}: there are two of that name")
        found[name] = asked
    return found


def _of_ours(name: str) -> Asked:
    known = ours()
    if name not in known:
        raise InputError(
            f"--variant {_told(name)}: none of ours\n  there are: {few([*known], len(known))};"
            " one of yours is NAME=make:LLVM=1,config:FILE,boot:no"
        )
    return known[name]


def _mistake(word: str, what: str) -> InputError:
    return InputError(f"--variant {_told(word)}\n  {what}")


def _told(text: str) -> str:
    return shortened(line(text), _SHOWN)
