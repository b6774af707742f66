# SPDX-License-Identifier: GPL-2.0-only
"""Files of the cache that tell by themselves whether they are as they were written: their hash stands above them.

A disk that loses power can leave a file short, and a bit can flip. What is not whole counts as not there.
"""

from pathlib import Path

from kseries.host import checksums, files


def write(path: Path, data: bytes) -> None:
    """Write a file; it appears whole or not at all. Raises OSError."""
    files.write(path, _sum(data) + b"\n" + data)


def read(path: Path) -> bytes | None:
    """What was written, or None."""
    try:
        head, newline, data = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    return data if newline and head == _sum(data) else None


def _sum(data: bytes) -> bytes:
    return checksums.of_bytes(data).encode()
