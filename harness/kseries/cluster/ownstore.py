# SPDX-License-Identifier: GPL-2.0-only
"""A worker's own store of trees: whoever is at work in it finds it whole, or empty."""

import contextlib
from collections.abc import Iterator

from kseries.host import cachelock, paths
from kseries.sources import TreeStore, corruption

_NAME = "trees.git"


@contextlib.contextmanager
def at_work() -> Iterator[TreeStore]:
    """Keep kseries gc from removing what we use. A store that was found to be damaged is removed before, as a run does:
    what was in it is sent again.
    """
    corruption.discard(paths.cache(_NAME), lambda: None)
    with cachelock.shared(paths.cache(), lambda: None):
        yield TreeStore(paths.cache(_NAME))


def is_damaged() -> bool:
    """Whether it has been found to be so: then it is removed before it is used next."""
    return corruption.is_marked(paths.cache(_NAME))
