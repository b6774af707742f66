# SPDX-License-Identifier: GPL-2.0-only
"""Which bases the ccache has that the workers of this host share: while one of them fills it, the others wait."""

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Bases:
    """The bases that were built since this was made, by their trees."""

    def __init__(self) -> None:
        self._built: set[str] = set()
        self._at_work: dict[str, asyncio.Event] = {}

    @contextlib.asynccontextmanager
    async def building(self, tree: str) -> AsyncIterator[bool]:
        """Build a base: alone for as long as nobody has come to the end of that. Whether this is the first build."""
        while tree not in self._built and (other := self._at_work.get(tree)) is not None:
            await other.wait()
        first = tree not in self._built
        if first:
            self._at_work[tree] = asyncio.Event()
        try:
            yield first
            self._built.add(tree)
        finally:
            if first:
                self._at_work.pop(tree).set()
