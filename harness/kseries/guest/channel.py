# SPDX-License-Identifier: GPL-2.0-only
"""A serial port of the guest: what came through it, kept up to a limit, and told line by line as it comes."""

import asyncio
from collections.abc import Callable

LIMIT = 16 * 1024 * 1024
"""Bytes of a channel that are kept. A whole run prints about 50 KiB; who fills this prints for ever."""
MAX_LINE = 4096
"""Bytes of a line that are told; of a longer one the rest is kept, and not told."""
_READ = 64 * 1024


class Channel:
    """What the guest writes to one of its serial ports.

    ``on_line`` gets each line once it is whole, without its newline, however the bytes were cut into pieces.
    """

    def __init__(self, on_line: Callable[[str], None], limit: int) -> None:
        self.data = bytearray()
        self.full = asyncio.Event()
        """Set when the guest has printed more than is kept."""
        self.closed = asyncio.Event()
        self._on_line = on_line
        self._limit = limit
        self._begun = bytearray()

    def feed(self, piece: bytes) -> None:
        """Take the next bytes; the work is in proportion to them, not to what came before."""
        self.data += piece[: self._limit - len(self.data)]
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
        try:
            while piece := await reader.read(_READ):
                self.feed(piece)
        except ConnectionError:
            pass  # QEMU died; how, its exit tells
        finally:
            writer.close()
            self.closed.set()

    @property
    def text(self) -> str:
        return self.data.decode(errors="replace")
