# SPDX-License-Identifier: GPL-2.0-only
"""A serial port of the guest: what came through it, kept up to a limit, and told line by line as it comes."""

import asyncio
import contextlib
import socket
from collections.abc import Callable

from kseries.guest.asciicast import Cast

LIMIT = 16 * 1024 * 1024
"""Bytes of a channel that are kept. A whole run prints about 50 KiB; who fills this prints for ever."""
MAX_LINE = 4096
"""Bytes of a line that are told; of a longer one the rest is kept, and not told."""
_READ = 64 * 1024


class Channel:
    """What the guest writes to one of its serial ports.

    ``on_line`` gets each line once it is whole, without its newline, however the bytes were cut into pieces. ``cast``
    records what is kept, and what others type.
    """

    def __init__(self, on_line: Callable[[str], None], limit: int, cast: Cast | None = None) -> None:
        self.data = bytearray()
        self.full = asyncio.Event()
        """Set when the guest has printed more than is kept."""
        self.closed = asyncio.Event()
        self._on_line = on_line
        self._limit = limit
        self._cast = cast
        self._begun = bytearray()
        self._writer: asyncio.StreamWriter | None = None
        self._bridges: list[asyncio.Queue[bytes]] = []
        self._tasks: list[asyncio.Task[None]] = []

    def feed(self, piece: bytes) -> None:
        """Take the next bytes; the work is in proportion to them, not to what came before."""
        for bridge in self._bridges if len(self.data) < self._limit else ():
            bridge.put_nowait(piece)
        kept = piece[: self._limit - len(self.data)]
        self.data += kept
        if self._cast is not None:
            self._cast.said(kept)
        first, *others = piece.split(b"\n")
        self._begin(first)
        for line in others:
            self._on_line(self._begun.decode(errors="replace"))
            self._begun.clear()
            self._begin(line)
        if len(self.data) >= self._limit:
            self.full.set()

    def _begin(self, part: bytes) -> None:
        self._begun += part[: MAX_LINE - len(self._begun)]

    async def read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read until QEMU closes the port, full or not: a guest must not block on us."""
        self._writer = writer
        try:
            while piece := await reader.read(_READ):
                self.feed(piece)
        except ConnectionError:
            pass  # QEMU died; how, its exit tells
        finally:
            self._writer = None
            writer.close()
            self.closed.set()
            for task in self._tasks:
                task.cancel()

    def bridged(self) -> socket.socket:
        """A socket for somebody else, who gets a copy of all that comes from now on, and writes to the guest.

        What is told line by line, and kept, they cannot change. It is closed when the port is.
        """
        theirs, ours = socket.socketpair()
        ours.setblocking(False)
        copied = asyncio.Queue[bytes]()
        self._bridges.append(copied)
        self._tasks.append(asyncio.create_task(self._bridge(copied, ours)))
        return theirs

    async def _bridge(self, copied: "asyncio.Queue[bytes]", wire: socket.socket) -> None:
        """Both ways, until who has the other end leaves it."""
        with wire:
            pouring = asyncio.create_task(_pour(copied, wire))
            try:
                await self._take(wire)
            finally:
                self._bridges.remove(copied)
                pouring.cancel()
                await asyncio.wait({pouring})

    async def _take(self, wire: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while (piece := await loop.sock_recv(wire, _READ)) and self._writer is not None:
                if self._cast is not None:
                    self._cast.typed(piece)
                self._writer.write(piece)
                await self._writer.drain()

    @property
    def text(self) -> str:
        return self.data.decode(errors="replace")


async def _pour(copied: "asyncio.Queue[bytes]", wire: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    with contextlib.suppress(OSError):
        while True:
            await loop.sock_sendall(wire, await copied.get())
