# SPDX-License-Identifier: GPL-2.0-only
"""A store of trees of which a part is not as it was written is marked, and the next run makes it anew.

All that it holds comes out of tarballs, folders, repositories and patches, and can be had from there again.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path

from kseries.host import cachelock, files

_MARK = "damaged"
"""A file in the store, and so gone with it."""


def mark(store: Path) -> None:
    """Have the next run make it anew."""
    with contextlib.suppress(OSError):  # nothing can be noted in a cache that cannot be written to
        (store / _MARK).touch()


def is_marked(store: Path) -> bool:
    """Whether the next run makes it anew."""
    return (store / _MARK).exists()


def discard(store: Path, tell: Callable[[], None]) -> None:
    """Remove a store that is marked, unless somebody else is at work in its cache; ``tell`` is called before."""
    if is_marked(store):
        with contextlib.suppress(cachelock.BusyError), cachelock.alone(store.parent):
            discard_alone(store, tell)


def discard_alone(store: Path, tell: Callable[[], None]) -> None:
    """The same, for who has the cache's lock."""
    if is_marked(store):
        tell()
        files.remove_whole(store)
