# SPDX-License-Identifier: GPL-2.0-only
"""The binary files in a diff (``git diff --binary``): whether git can have the memory that they ask for.

Some bytes can say that a file has gigabytes, and git takes as many before it looks for them.
"""

import base64
import re
import zlib
from collections.abc import Iterator

from kseries.model.errors import InputError

LIMIT = 64 << 20
"""Bytes of all binary files of a patch, before it and after it: far more than a kernel has any use for."""
# Git's parse_binary_hunk(): the number is strtoul()'s, with its blanks and its sign. A hunk's line begins otherwise.
_FILE = re.compile(rb"^(literal|delta) [ \t\v\f\r]*([+-]?)0*(\d*)[^\n]*\n((?:[A-Za-z][^\n]*\n)*)", re.MULTILINE)
_MARK = b"GIT binary patch"
_DIGITS = 9
_VARINTS = re.compile(rb"[\x80-\xff]{0,9}[\x00-\x7f]([\x80-\xff]{0,9}[\x00-\x7f])")
_VARINTS_BYTES = 20


def check(diff: bytes, origin: str) -> None:
    """Raise InputError where git would take more than LIMIT for the binary files of a diff."""
    if _MARK in diff and sum(_sizes(diff)) > LIMIT:
        raise InputError(f"{origin} has binary files of more than {LIMIT >> 20} MiB")


def _sizes(diff: bytes) -> Iterator[int]:
    """What git takes for each: for the bytes that are told of, and for what a delta makes of a file."""
    for kind, sign, digits, rows in _FILE.findall(diff):
        yield LIMIT + 1 if sign == b"-" or len(digits) > _DIGITS else int(digits or 0)
        if kind == b"delta":
            yield _made(rows)


def _made(rows: bytes) -> int:
    """The size of what a delta makes, which its second number tells (gitformat-pack(5)); 0 for what git refuses."""
    inflater, head = zlib.decompressobj(), b""
    try:
        for row in rows.split(b"\n")[:-1]:
            head += inflater.decompress(_unpacked(row), _VARINTS_BYTES - len(head))
            if len(head) == _VARINTS_BYTES:
                break
    except (ValueError, zlib.error):
        return 0
    numbers = _VARINTS.match(head)
    if numbers is None:  # too long for a size, or no delta at all
        return LIMIT + 1 if len(head) == _VARINTS_BYTES else 0
    return sum((byte & 0x7F) << (7 * place) for place, byte in enumerate(numbers[1]))


def _unpacked(row: bytes) -> bytes:
    """A line of base 85, as git writes it: a letter for the number of its bytes (A-Z, a-z: 1 to 52), and they."""
    letter = row[0]
    size = letter - ord("A") + 1 if letter <= ord("Z") else letter - ord("a") + 27
    return base64.b85decode(row[1:].strip())[:size]
