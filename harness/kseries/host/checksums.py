# SPDX-License-Identifier: GPL-2.0-only
"""SHA-256 in hexadecimal: the name of some bytes, by which they are found again and known to be whole.

All digests of ours are made here. Those that git has made of its own files are looked at in sources/fsck.py.
"""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO


def of_bytes(data: bytes) -> str:
    """The digest of some bytes."""
    return hashlib.sha256(data).hexdigest()


def of_file(file: Path | IO[bytes]) -> str:
    """The digest of a file, or of what is left to read of an open one, piece by piece. Raises OSError."""
    if isinstance(file, Path):
        with file.open("rb") as opened:
            return of_file(opened)
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # which wants a buffer, too


def of_words(words: Iterable[str]) -> str:
    """The digest of words in their order, none of which has a NUL in it: names, options, other digests."""
    return of_bytes(os.fsencode("\0".join(words)))
