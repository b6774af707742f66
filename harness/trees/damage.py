# SPDX-License-Identifier: GPL-2.0-only
"""A store of trees of which a part is not as it was written: git finds it, by its hashes; the next run makes it anew.

All that the store holds comes out of tarballs, folders, repositories and patches, and can be had from there again.
"""

import contextlib
import re
from pathlib import Path

from harness import cachelock
from harness.box import removal
from harness.errors import InfraError

# git 2.39, a row for each file of its source. From the start of a message: what is further on, a patch may have named.
_WORDS = (
    # object-file.c, zlib.c
    "inflate: |corrupt loose object|garbage at end of loose object|loose object .* is corrupt|object file .* is empty"
    "|unable to (unpack|parse|map) |hash mismatch |Not a (blob|tree) |Blob not found",
    # packfile.c, pack-revindex.c
    r"(packfile|index file|file) \S+\.(pack|idx) |packed object .* is corrupt|offset (before start|beyond end) of pack"
    "|wrong index |non-monotonic index |bad (offset for|packed) |(unknown|invalid) object type",
    # tree.c, tree-walk.c, commit.c, object.c
    "too-short tree |malformed mode in tree|empty filename in tree|bad (object|tree) |[Cc]ould not (read|parse) "
    "|unable to (read|find) |failed to (read|unpack|find) ",
    # refs.c, fast-import.c
    r"unable to resolve reference |cannot lock ref .*: unable to resolve |bad ref |Branch \S+ is missing commit",
    # config.c, setup.c
    "bad (config|boolean config|numeric config) |not a git repository|[Ee]xpected git repo version"
    "|unknown repository extension",
    # apply.c
    "read of .* failed$",
)
_SAID = re.compile(rf"^(fatal|error|warning): ({'|'.join(_WORDS)})".encode(), re.MULTILINE)


def told(stderr: bytes) -> bool:
    """True where git says that it met a part of its repository that cannot be right."""
    return _SAID.search(stderr) is not None


def noted(store: Path, said: str) -> InfraError:
    """What to raise for it. The next run finds the store marked."""
    with contextlib.suppress(OSError):  # nothing can be noted in a cache that cannot be written to
        _mark(store).touch()
    return InfraError(f"{said}\n  {store}, or a repository that it reads, is damaged: the next run makes it again")


def discard(store: Path) -> bool:
    """Remove a store that is marked, unless somebody else is at work in its cache; True if it was removed."""
    if not _mark(store).exists():
        return False
    try:
        with cachelock.alone(store.parent):
            removal.remove(store)
            _mark(store).unlink(missing_ok=True)
    except cachelock.BusyError:
        return False
    return True


def _mark(store: Path) -> Path:
    return store.with_name(f"{store.name}.damaged")
