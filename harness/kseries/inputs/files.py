# SPDX-License-Identifier: GPL-2.0-only
"""The bytes of an input: from a file or standard input, unpacked if need be, and never without bound."""

import sys
from pathlib import Path
from typing import IO

from kseries.host import untrusted
from kseries.inputs import packed
from kseries.model.errors import InputError, in_words

LIMIT = 256 << 20
"""Bytes of one input: the largest patch that kernel.org ever published has 120 MB."""
_SERIES = "pipe a series in, as in: git format-patch --stdout BASE.. | kseries ..."


def read(path: Path, top: Path | None = None) -> bytes:
    """A file's contents; of one that came with the folder ``top``, if it lies in there. Raises InputError."""
    if top is not None:
        untrusted.check_inside(path, top)
    try:
        with untrusted.opened(path) as file:
            return _whole(file, str(path))
    except OSError as error:
        raise InputError(f"cannot read {path}: {in_words(error)}") from error


def standard_input(cure: str = _SERIES) -> bytes:
    """All of standard input. Raises InputError when there is nothing, with what to do then."""
    try:
        data = _whole(sys.stdin.buffer, "standard input")
    except OSError as error:
        raise InputError(f"cannot read standard input: {error.strerror}") from error
    if not data.strip():
        raise InputError(f"standard input is empty\n  {cure}")
    return data


def _whole(file: IO[bytes], name: str) -> bytes:
    try:
        return packed.unpacked(file.read(LIMIT + 1) or b"", name, LIMIT)
    except packed.TooLargeError as error:
        raise InputError(
            f"{name} has more than {LIMIT >> 20} MiB\n  if that is one series, make it a range of commits"
        ) from error
