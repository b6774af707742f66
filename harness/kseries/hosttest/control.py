# SPDX-License-Identifier: GPL-2.0-only
"""How a pytest in a box and who started it (guest/pytests.py) speak to each other: lines of JSON, and open sockets.

The box tells, and asks. A question has a number, and so has its answer: one that came too late is nobody's.
"""

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_READ = 64 * 1024
_MOST_FILES = 8

Message = dict[str, Any]


class Control:
    """Our end of it."""

    def __init__(self, wire: socket.socket) -> None:
        self._wire = wire
        self._begun = bytearray()
        self._files: list[int] = []
        self._number = 0
        self._whose = os.getpid()

    def tell(self, what: str, **more: object) -> None:
        """Say something that needs no answer."""
        if os.getpid() != self._whose:
            os._exit(1)  # a child that a test has made, and that would be a second pytest from here on
        self._wire.sendall(line(what, **more))

    def ask(self, what: str, **more: object) -> tuple[Message, tuple[int, ...]]:
        """Say it, and wait for the answer, and the files that come with it. Raises EOFError."""
        self._number += 1
        self.tell(what, number=self._number, **more)
        while True:
            answer, files = self.read()
            if answer.get("number") == self._number:
                return answer, files
            for file in files:
                os.close(file)

    def close(self) -> None:
        """Have no more to say."""
        self._wire.close()

    def read(self) -> tuple[Message, tuple[int, ...]]:
        """What is said to us next. Raises EOFError."""
        while b"\n" not in self._begun:
            piece, files, _, _ = socket.recv_fds(self._wire, _READ, _MOST_FILES)
            if not piece:
                raise EOFError("nobody is there any more")
            self._begun += piece
            self._files += files
        said, _, rest = bytes(self._begun).partition(b"\n")
        self._begun, came, self._files = bytearray(rest), tuple(self._files), []
        message = json.loads(said)
        return message if isinstance(message, dict) else {}, came


def line(what: str, **more: object) -> bytes:
    """A message."""
    return json.dumps({"what": what, **more}).encode() + b"\n"


@contextlib.contextmanager
def address(folder: Path) -> Iterator[str]:
    """Where a socket is in a folder, whose own path may have more bytes than an address of a socket (unix(7))."""
    held = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{held}/door"
    finally:
        os.close(held)


def enter(folder: Path) -> socket.socket:
    """A connection to who listens in a folder. Raises OSError."""
    wire = socket.socket(socket.AF_UNIX)
    try:
        with address(folder) as place:
            wire.connect(place)
    except OSError:
        wire.close()
        raise
    return wire
