# SPDX-License-Identifier: GPL-2.0-only
"""The sockets between us and a QEMU: our ends, and those that it inherits."""

import os
import socket
import tempfile

from kseries.guest import qemu


class Wires:
    """Three pairs of sockets, open within a ``with``; and where its monitor is lent, one that listens."""

    def __init__(self, *, lent: bool = False) -> None:
        self._lent = lent

    def __enter__(self) -> "Wires":
        self._pairs = [socket.socketpair() for _ in range(3)]
        (self.qmp, _), (self.console, _), (self.results, _) = self._pairs
        self._door = Door() if self._lent else None
        return self

    @property
    def theirs(self) -> qemu.Sockets:
        """QEMU's ends, as its command line names them."""
        door = self._door.listening.fileno() if self._door is not None else None
        qmp, console, results = (theirs.fileno() for _, theirs in self._pairs)
        return qemu.Sockets(qmp, console, results, door)

    @property
    def door(self) -> "Door":
        """Where its other monitor is. Only where that is lent."""
        assert self._door is not None, "no monitor is lent"
        return self._door

    def hand_over(self) -> None:
        """Leave their ends to QEMU alone, so that ours are closed when it ends."""
        for _, theirs in self._pairs:
            theirs.close()

    def __exit__(self, *_: object) -> None:
        for ours, theirs in self._pairs:
            ours.close()
            theirs.close()
        if self._door is not None:
            self._door.close()


class Door:
    """A socket that QEMU accepts on, of which nobody else knows: one who comes again is greeted again."""

    def __init__(self) -> None:
        self._place = tempfile.TemporaryDirectory(prefix="kseries-")
        self._held = os.open(self._place.name, os.O_PATH | os.O_CLOEXEC)
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(self._path)
        self.listening.listen()

    @property
    def _path(self) -> str:
        # The folder's own path may have more bytes than the address of a socket (unix(7)).
        return f"/proc/self/fd/{self._held}/monitor"

    def enter(self) -> socket.socket:
        """A new connection. Raises OSError."""
        wire = socket.socket(socket.AF_UNIX)
        try:
            wire.connect(self._path)
        except OSError:
            wire.close()
            raise
        return wire

    def close(self) -> None:
        self.listening.close()
        os.close(self._held)
        self._place.cleanup()
