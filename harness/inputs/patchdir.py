# SPDX-License-Identifier: GPL-2.0-only
"""A directory of patches, as ``git format-patch`` writes it."""

import re
from pathlib import Path

from harness.errors import InputError, in_words
from harness.inputs import files, mail
from harness.inputs.target import Target
from harness.model import Patch, Series

_NAME = re.compile(r"(?:v(?P<version>\d{1,4})-)?(?P<number>\d{4})-")


def read(directory: Path, reroll: int | None = None, top: Path | None = None) -> Target:
    """The series in a directory: every ``*.patch`` or ``*.diff`` in the order of their names.

    Where format-patch wrote several versions (``0001-…``, ``v2-0001-…``) it is the newest, or the one that ``reroll``
    names. A cover letter (``0000-…``) is passed over. All lie in ``top``, which is the directory itself where it is not
    said. Raises InputError for a directory that cannot be read or holds no patch, and for a file without a diff.
    """
    try:
        paths = sorted(path for path in directory.iterdir() if path.suffix in (".patch", ".diff"))
    except OSError as error:
        raise InputError(f"cannot read {directory}: {in_words(error)}") from error
    versions = sorted({version for path in paths if (version := _version(path))})
    wanted = reroll if reroll in versions else versions[-1] if versions else None
    mails = [_mail(path, top or directory) for path in paths if _version(path) in (wanted, None)]
    patches = tuple(one.patch(number) for number, one in enumerate((one for one in mails if not _cover(one)), 1))
    if not patches:
        raise InputError(f"{directory} holds no *.patch file\n  make some with: git format-patch -o {directory} BASE..")
    return Target(
        series=Series(
            name=directory.resolve().name,
            version=max(one.subject.version for one in mails),
            patches=patches,
            cover_id=next((one.id for one in mails if _cover(one)), ""),
        ),
        base_commit=next((one.base_commit for one in mails if one.base_commit), None),
        notes=(f"{directory}: v{wanted} of {', '.join(f'v{one}' for one in versions)}",) if len(versions) > 1 else (),
    )


def read_patch(number: int, path: Path) -> Patch:
    """One patch from a file: a mail, or a bare diff. Raises InputError."""
    return _mail(path).patch(number)


def _mail(path: Path, top: Path | None = None) -> mail.Mail:
    return mail.read(files.read(path, top), path.name)


def _version(path: Path) -> int | None:
    """The version that format-patch put into a file's name; None where it did not name the file."""
    name = _NAME.match(path.name)
    return int(name["version"] or 1) if name else None


def _cover(one: mail.Mail) -> bool:
    name = _NAME.match(one.origin)
    return name is not None and name["number"] == "0000"
