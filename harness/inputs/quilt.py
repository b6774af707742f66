# SPDX-License-Identifier: GPL-2.0-only
"""A quilt series: the file ``series``, which names the patches beside it in their order (quilt(1))."""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from harness.errors import InputError
from harness.inputs import files, mail
from harness.inputs.strip import to_p1
from harness.inputs.target import Target
from harness.model import Patch, Series

_COMMENT = re.compile(r"(^|\s)#.*")
_STRIP = re.compile(r"-p(?:(\d{1,2})|ab)")


def is_one(path: Path) -> bool:
    """True for a file called ``series`` (or series.conf, as SUSE has it)."""
    return path.is_file() and path.name in ("series", "series.conf")


def read(path: Path) -> Target:
    """The patches that a series file names. Raises InputError: no patch, none of that name, an option we lack."""
    named = [(mail.read(files.read(file, path.parent), file.name), strip) for file, strip in _entries(path)]
    if not named:
        raise InputError(f"{path} names no patch")
    patches = tuple(_patch(number, one, strip) for number, (one, strip) in enumerate(named, 1))
    base = next((one.base_commit for one, _ in named if one.base_commit), None)
    return Target(series=Series(name=path.resolve().parent.name, version=1, patches=patches), base_commit=base)


def _patch(number: int, one: mail.Mail, strip: int) -> Patch:
    patch = one.patch(number)
    try:
        return msgspec.structs.replace(patch, diff=to_p1(patch.diff or b"", strip))
    except ValueError as error:
        raise InputError(f"{patch.origin}, -p{strip}: {error}") from error


def _entries(path: Path) -> Iterator[tuple[Path, int]]:
    """Each patch's file and how many folders its names have too many."""
    for number, row in enumerate(files.read(path).decode(errors="replace").splitlines(), 1):
        name, *options = _COMMENT.sub("", row).split() or [""]
        if not name:
            continue
        strip = 1
        for option in options:
            if not (found := _STRIP.fullmatch(option)):
                raise InputError(f"{path}:{number}: {name} has the option {option}\n  only -pN can be done here")
            strip = int(found[1] or 1)
        if ".." in Path(name).parts or Path(name).is_absolute():
            raise InputError(f"{path}:{number}: {name} is not beside it")
        file = path.parent / name
        if not file.is_file():
            raise InputError(f"{path}:{number}: no such patch: {file}")
        yield file, strip
