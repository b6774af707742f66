# SPDX-License-Identifier: GPL-2.0-only
"""A directory of patches, as ``git format-patch`` writes it."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from kseries.inputs import packed, patchfile
from kseries.inputs.target import Target
from kseries.model import Patch
from kseries.model.errors import InputError, in_words
from kseries.sources import repository

_NAME = re.compile(r"(?:v(?P<version>\d{1,4})-)?(?P<number>\d{4})-")


def read(directory: Path, reroll: int | None = None, top: Path | None = None) -> Target:
    """The series in a directory: every ``*.patch`` or ``*.diff``, packed or not, in the order of their names.

    Where format-patch wrote several versions (``0001-…``, ``v2-0001-…``) it is the newest, or the one that ``reroll``
    names. A cover letter (``0000-…``) is passed over. All lie in ``top``, which is the directory itself where it is not
    said. Raises InputError for a directory that cannot be read or holds no patch, and for a file without a diff.
    """
    try:
        paths = sorted(path for path in directory.iterdir() if is_patch(path.name))
    except OSError as error:
        raise InputError(f"cannot read {directory}: {in_words(error)}") from error
    versions = sorted({version for path in paths if (version := _version(path))})
    wanted = reroll if reroll in versions else versions[-1] if versions else None
    chosen = [path for path in paths if _version(path) in (wanted, None)]
    if len(versions) > 1 and reroll is None:
        _check_whole(directory, versions, chosen, top or directory)
    mails = patchfile.mails(chosen, top or directory)
    found = patchfile.together(patchfile.read(mails), directory.resolve().name)
    if not found.series.patches and repository.is_one(directory):
        raise InputError(
            f"{directory} is a git repository, and no series\n  name a range of it: BASE..TOPIC --tree {directory}"
        )
    if not found.series.patches:
        below = directory / "patches"
        cure = f"name {below}" if below.is_dir() else f"make some with: git format-patch -o {directory} BASE.."
        raise InputError(f"{directory} holds no *.patch file\n  {cure}")
    several = (f"{directory}: v{wanted} of {', '.join(f'v{one}' for one in versions)}",) if len(versions) > 1 else ()
    return msgspec.structs.replace(found, notes=(*several, *_disorder(directory, mails), *found.notes))


def _disorder(directory: Path, mails: patchfile.Mails) -> Iterator[str]:
    """A note on names that put a series into another order than its numbers: 1-x.patch, 10-x.patch, 2-x.patch."""
    if (found := patchfile.out_of_order(mails)) is not None:
        first, second = found
        yield f"{directory}: the names put {first.place} before {second.place}: taken in the order of their names"


def _check_whole(directory: Path, versions: Sequence[int], chosen: Iterable[Path], top: Path) -> None:
    """Raise InputError where the newest version is but a part of a series: nobody has said that it is meant alone."""
    if lacks := patchfile.lacking(chosen, top):
        more = f" and {len(lacks) - 1} more" if len(lacks) > 1 else ""
        raise InputError(
            f"{directory} lacks {lacks[0]}{more} of v{versions[-1]}\n"
            f"  say which version is meant, and taken as it is: -v {', -v '.join(map(str, versions[-2:]))}"
        )


def is_patch(name: str) -> bool:
    """True for the name of a patch: ``x.patch``, ``x.diff``, and ``x.patch.xz``."""
    return Path(packed.bare(name)).suffix in (".patch", ".diff")


def read_patch(number: int, path: Path) -> Patch:
    """The patch of a file that holds one: a mail, or a bare diff. Raises InputError."""
    ((patch,),) = (one.series.patches for one in patchfile.read(patchfile.mails([path])))
    return msgspec.structs.replace(patch, number=number)


def _version(path: Path) -> int | None:
    """The version that format-patch put into a file's name; None where it did not name the file."""
    name = _NAME.match(path.name)
    return int(name["version"] or 1) if name else None
