# SPDX-License-Identifier: GPL-2.0-only
"""The mails of a maildir: one file each, in ``new`` and ``cur``."""

from pathlib import Path

import msgspec

from kseries.inputs import files, mail
from kseries.model.errors import InputError, in_words


def is_one(directory: Path) -> bool:
    return (directory / "cur").is_dir() and (directory / "new").is_dir()


def read(directory: Path) -> list[mail.Mail]:
    """The mails in the order of their file names. Raises InputError."""
    try:
        paths = sorted(
            (path for folder in ("cur", "new") for path in (directory / folder).iterdir() if path.name[0] != "."),
            key=lambda path: path.name,
        )
    except OSError as error:
        raise InputError(f"cannot read {directory}: {in_words(error)}") from error
    mails = (mail.read(files.read(path, directory), path.name) for path in paths)
    return [msgspec.structs.replace(one, origin=one.subject.line or one.origin) for one in mails]
