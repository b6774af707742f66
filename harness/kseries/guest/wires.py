# SPDX-License-Identifier: GPL-2.0-only
"""The sockets between us and a QEMU: our ends, and those that it inherits."""

import socket

from kseries.guest import qemu


class Wires:
    """Three pairs of sockets, open within a ``with``."""

    def __enter__(self) -> "Wires":
        self._pairs = [socket.socketpair() for _ in range(3)]
        (self.qmp, _), (self.console, _), (self.results, _) = self._pairs
        return self

    @property
    def theirs(self) -> qemu.Sockets:
        """QEMU's ends, as its command line names them."""
        return qemu.Sockets(*(theirs.fileno() for _, theirs in self._pairs))

    def hand_over(self) -> None:
        """Leave their ends to QEMU alone, so that ours are closed when it ends."""
        for _, theirs in self._pairs:
            theirs.close()

    def __exit__(self, *_: object) -> None:
        for ours, theirs in self._pairs:
            ours.close()
            theirs.close()
