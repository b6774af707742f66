# SPDX-License-Identifier: GPL-2.0-only
"""What holds while a command is at work: the cache is locked, a full disk is two lines, the box is as asked."""

import contextlib
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from kseries.host import cachelock, disk, paths, processes
from kseries.host.box import layout
from kseries.model import events
from kseries.model.errors import InfraError, in_words
from kseries.sources import corruption


@contextlib.contextmanager
def at_work(tell: events.Listener) -> Iterator[None]:
    """Keep kseries gc from removing what we use; wait for one that is at it. What is damaged is made anew."""
    damaged = events.Preparing("the sources that were stored are damaged: reading them again")
    corruption.discard(paths.cache("trees.git"), lambda: tell(damaged))
    said = events.Preparing("another kseries removes what it can spare from the cache: waiting for it to finish")
    with cachelock.shared(paths.cache(), lambda: tell(said)):
        yield


def freedom(*, unboxed: bool) -> AbstractContextManager[None]:
    """What the series under test may do. Raises InfraError where what it is built with cannot be as it is."""
    if not unboxed:
        return contextlib.nullcontext()
    layout.check_own(paths.cache(), paths.project())
    return processes.unboxed()


@contextlib.contextmanager
def room(*places: Path) -> Iterator[None]:
    """Turn the errors of a disk that is full or not ours into two lines; ``places``: disks beside the cache's."""
    try:
        with disk.named(paths.cache(), *places, Path(tempfile.gettempdir())):
            yield
    except OSError as error:
        where = f"cannot use {error.filename}: " if error.filename else ""
        raise InfraError(f"{where}{in_words(error)}\n  fix this and run again; finished states are cached") from error
