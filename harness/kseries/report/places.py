# SPDX-License-Identifier: GPL-2.0-only
"""The files that a user names for a report to go to."""

from pathlib import Path

from kseries.model.errors import InfraError, InputError, in_words


def check(place: Path) -> None:
    """Raise InputError where that cannot be a file."""
    if not place.parent.is_dir() or place.is_dir():
        raise InputError(f"cannot write {place}: {'it is a directory' if place.is_dir() else 'no such directory'}")


def write(place: Path, data: bytes) -> None:
    """Write a file. Raises InputError where it cannot be one, InfraError where the disk will not take it."""
    check(place)
    try:
        place.write_bytes(data)
    except OSError as error:
        raise InfraError(f"cannot write {place}: {in_words(error)}") from error
