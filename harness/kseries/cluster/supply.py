# SPDX-License-Identifier: GPL-2.0-only
"""What the hosts of a cluster need of a job, brought to them: trees as git packs, files by their digests."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from kseries.cluster import filesets, pieces, tasks
from kseries.cluster.connection import Connection, Host
from kseries.host import paths, processes
from kseries.model import Job, events
from kseries.sources import TreeStore, packs

_IMPORT_SECONDS = 3600.0
"""For a host to fetch a kernel's source and to read it."""
_PIECE_SECONDS = 300.0
_TAKE_SECONDS = 3600.0
"""For a host to take in what came: of all of Linux, beside its builds, that is minutes."""
_AT_ONCE = 2
"""Whole bases that are packed here at a time: each keeps a core and the disk busy."""


@dataclass(frozen=True)
class Origin:
    """Where a base comes from: --tree and --base, which another host may have, too."""

    tree: str
    revision: str | None


@dataclass
class _Turns:
    """Who waits for whom in one event loop."""

    loop: asyncio.AbstractEventLoop
    whole: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))
    hosts: dict[str, asyncio.Lock] = field(default_factory=dict)

    def of(self, host: Host) -> asyncio.Lock:
        """Of two jobs of one host, one is supplied at a time."""
        return self.hosts.setdefault(host.address, asyncio.Lock())


@dataclass
class Supply:
    """The trees and files of one run. ``touched`` are the paths in which its states differ from base.

    What a host has is asked once for each tree; of two jobs of one host, the second waits until the first has its own.
    """

    connection: Connection
    trees: TreeStore
    origin: Origin
    tell: events.Listener
    touched: tuple[str, ...] = ()
    _there: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    _turns: "_Turns | None" = None

    def forget(self, host: Host) -> None:
        """What a host holds is not known any more: it was lost, or kseries gc may have removed it there."""
        self._there.pop(host.address, None)

    async def bring(self, host: Host, job: Job) -> None:
        """Have a host hold all that a job names. Raises LostError where it is gone, or cannot keep it."""
        async with self._now.of(host):
            there = self._there[host.address]
            trees = dict.fromkeys((job.base, *job.series, job.tree))
            files = filesets.wanted(job.conditions)
            if there.issuperset((*trees, *files)):
                return
            lacks = await self.connection.call(host, tasks.missing, [*trees], [*files])
            if job.base in lacks["trees"]:
                await self._bring_base(host, job.base)
            if more := [tree for tree in lacks["trees"] if tree != job.base]:
                await self._send(host, "pack", packs.thin(self.trees, more, job.base))
            if lacks["files"]:
                await self._send(host, "files", filesets.pack(lacks["files"], paths.cache()))
            there.update(trees, files)

    @property
    def _now(self) -> "_Turns":
        """Those of the loop that we are in: each plan of a run has another."""
        if self._turns is None or self._turns.loop is not asyncio.get_running_loop():
            self._turns = _Turns(asyncio.get_running_loop())
        return self._turns

    async def _bring_base(self, host: Host, base: str) -> None:
        """Have a host hold a base: by its name where that is the same there, else as a pack of all of it."""
        self.tell(events.Preparing(f"{host.name} fetches the base"))
        words = (self.origin.tree, self.origin.revision)
        found = await self.connection.call(host, tasks.import_base, *words, seconds=_IMPORT_SECONDS)
        if found == base:
            return
        if found and self.trees.has(found):  # the one that other patches are below the series' on
            await self._send(host, "pack", packs.thin(self.trees, (base,), found))
            return
        async with self._now.whole:
            self.tell(events.Preparing(f"sending the base to {host.name}"))
            await self._send(host, "pack", packs.whole(self.trees, base))

    async def _send(self, host: Host, kind: str, stream: Iterator[bytes]) -> None:
        """Send a stream in pieces, with the last of which the host takes it in. Raises LostError."""
        name, cut = pieces.name(), pieces.cut(stream)
        while (piece := await processes.aside(next, cut, None)) is not None:
            words = (kind, name, piece.number, piece.of, piece.data)
            seconds = _PIECE_SECONDS if piece.of == pieces.UNKNOWN else _TAKE_SECONDS
            await self.connection.call(host, tasks.receive, *words, seconds=seconds)
