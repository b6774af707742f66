# SPDX-License-Identifier: GPL-2.0-only
"""A tree in a worker's source folder for something else than a kernel: with the lock, and folders that go again."""

import contextlib
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from kseries.host import disk, files, processes, turns
from kseries.model import events
from kseries.sources import TreeStore

SOURCE = "source"
SCRATCH = "scratch"
"""Below a worker's home."""


@contextlib.asynccontextmanager
async def tree(
    home: Path, trees: TreeStore, name: str, folders: Iterable[Path], tell: events.Listener
) -> AsyncIterator[None]:
    """Have a tree in the source folder of the worker at ``home``, and empty ``folders`` below its scratch.

    ``tell`` hears for whom it is waited. Raises InfraError where this host is why that cannot be.
    """
    lock, scratch = turns.Turns(home), home / SCRATCH
    await lock.wait(lambda wait: tell(events.Waiting(wait)))
    try:
        with disk.named(home):
            files.remove(scratch)  # what a run left that was killed
            for folder in folders:
                folder.mkdir(parents=True)
            await processes.aside(trees.check_out, name, home / SOURCE, home / "index")
            yield
    finally:
        files.remove(scratch)
        lock.give_back()
