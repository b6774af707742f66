# SPDX-License-Identifier: GPL-2.0-only
"""A bound to all of a request: a server that sends a byte now and then keeps each single wait short, and all of them
long.
"""

import contextlib
import os
import socket
import threading
import time
from types import TracebackType

from kseries.publish.words import say

SAY_SECONDS = 2.0
"""After which a user wants to know why nothing happens."""
_LEAST = 0.1


class Limit:
    """While it lasts, connections that it watches are cut off after some seconds; ``over`` where it came to that."""

    def __init__(self, seconds: float, waiting: str) -> None:
        self.over = False
        self._end_at = time.monotonic() + seconds
        self._watched: list[socket.socket] = []
        self._timers = (threading.Timer(seconds, self._end), threading.Timer(SAY_SECONDS, say, (waiting,)))

    def __enter__(self) -> "Limit":
        for timer in self._timers:
            timer.daemon = True
            timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for timer in self._timers:
            timer.cancel()
        for one in self._watched:
            one.close()

    def watched(self, connection: socket.socket) -> socket.socket:
        """Watch a connection. Of a descriptor of our own: TLS takes the one that there is away from its object."""
        self._watched.append(socket.socket(fileno=os.dup(connection.fileno())))
        if self.over:  # while it was made: whoever is in _end() may not have seen it
            self._end()
        return connection

    @property
    def left(self) -> float:
        """Seconds, and never none: a socket takes 0 for not waiting at all."""
        return max(self._end_at - time.monotonic(), _LEAST)

    def _end(self) -> None:
        self.over = True
        for one in tuple(self._watched):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
