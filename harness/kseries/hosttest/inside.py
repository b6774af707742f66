# SPDX-License-Identifier: GPL-2.0-only
"""Programs in a guest whose init has run all its probes: started, written to, read from, for as long as it takes.

init serves the channel that the results came through (guests/init/serve.h). Nothing here needs an event loop: who uses
it is a test, which does one thing after the other.
"""

import re
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_PLAIN = re.compile(rb"[^!-$&-~]")
_QUOTED = re.compile(rb"%([0-9A-F]{2})")
_MOST_ASKED = 48 * 1024
"""Bytes of a line that init takes (guests/init/serve.c, ASKED_BYTES)."""
_INPUT = 1024
"""Bytes that a line hands on, quoted three times as many."""
_READ = 64 * 1024
_MARK_SECONDS = 20.0
"""For init to write a line: what takes longer does not come."""


class InsideError(Exception):
    """What a guest was asked to run does not run, or is not done in time."""


@dataclass(frozen=True)
class Done:
    """A program that has ended."""

    status: int
    """What it exited with, or minus the signal that killed it."""
    output: str
    """Of both its streams."""


@dataclass
class _Told:
    """What is told of a program that was started."""

    output: bytearray = field(default_factory=bytearray)
    status: int | None = None
    refused: str | None = None


class Program:
    """A program that runs in the guest."""

    def __init__(self, inside: "Inside", number: int) -> None:
        self._inside, self._number = inside, number

    def write(self, text: str) -> None:
        """Have it read this. More than 64 KiB that it does not read are lost, and its input ends."""
        data = text.encode()
        for at in range(0, len(data), _INPUT):
            self._inside.ask("input", self._number, data[at : at + _INPUT])

    def close(self) -> None:
        """End its input."""
        self._inside.ask("close", self._number)

    def kill(self) -> None:
        """Kill it, and its process group."""
        self._inside.ask("kill", self._number)

    def line(self, seconds: float) -> str | None:
        """The next line that it prints, without its end; None where it has ended. Raises InsideError."""
        deadline = time.monotonic() + seconds
        while True:
            told = self._inside.told(self._number)
            line, newline, rest = told.output.partition(b"\n")
            if newline or (line and told.status is not None):
                told.output[:] = rest
                return line.decode(errors="replace")
            if told.status is not None:
                return None
            self._inside.hear(deadline, f"no line in {seconds:g} s")

    def wait(self, seconds: float) -> Done:
        """How it ended, and all that was not read line by line. Raises InsideError; it is killed where it goes on."""
        deadline = time.monotonic() + seconds
        while (told := self._inside.told(self._number)).status is None:
            try:
                self._inside.hear(deadline, f"it was not done in {seconds:g} s")
            except InsideError:
                self.kill()
                raise
        return Done(told.status, bytes(told.output).decode(errors="replace"))


class Inside:
    """The programs of one guest, by the channel that its init serves."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._begun = bytearray()
        self._told: dict[int, _Told] = {}

    def start(self, argv: Sequence[str], *, userland: bool = False) -> Program:
        """Start a program: its path, then its words; in the userland, or where the probes are. Raises InsideError."""
        number = self._number()
        self.ask("inside" if userland else "start", number, *(word.encode() for word in argv))
        return Program(self, number)

    def run(self, argv: Sequence[str], seconds: float, *, userland: bool = False) -> Done:
        """Start a program that has no input, and wait for its end. Raises InsideError."""
        program = self.start(argv, userland=userland)
        program.close()
        return program.wait(seconds)

    def mark(self, text: str) -> None:
        """Have the kernel's log say this; a guest that does not run is not waited for. Raises InsideError."""
        number = self._number()
        self.ask("mark", number, text.encode())
        Program(self, number).wait(_MARK_SECONDS)

    def _number(self) -> int:
        number = len(self._told) + 1
        self._told[number] = _Told()
        return number

    def ask(self, what: str, number: int, *words: bytes) -> None:
        line = b" ".join((what.encode(), b"%d" % number, *(_PLAIN.sub(_quoted, word) for word in words)))
        if len(line) > _MOST_ASKED or b"" in words:
            raise InsideError("a word is empty, or there are too many")
        try:
            self._channel.sendall(line + b"\n")
        except OSError as error:
            raise InsideError(f"the guest is gone: {error.strerror}") from error

    def told(self, number: int) -> _Told:
        told = self._told[number]
        if told.refused is not None:
            raise InsideError(told.refused)
        return told

    def hear(self, deadline: float, overdue: str) -> None:
        """Wait for what comes next. Raises InsideError, which says what is overdue."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise InsideError(overdue)
        self._channel.settimeout(left)
        try:
            piece = self._channel.recv(_READ)
        except TimeoutError:
            raise InsideError(overdue) from None
        except OSError as error:
            raise InsideError(f"the guest is gone: {error.strerror}") from error
        finally:
            self._channel.settimeout(None)
        if not piece:
            raise InsideError("the guest is gone")
        for line in self._lines(piece):
            self._take(line)

    def _lines(self, piece: bytes) -> Iterator[bytes]:
        self._begun += piece
        *lines, rest = self._begun.split(b"\n")
        self._begun = bytearray(rest)
        yield from map(bytes, lines)

    def _take(self, line: bytes) -> None:
        what, number, said = (*line.rstrip(b"\r").split(b" ", 2), b"", b"")[:3]
        told = self._told.get(int(number)) if number.isdigit() else None
        if told is None:
            return
        if what == b"output":
            told.output += _QUOTED.sub(lambda one: bytes([int(one[1], 16)]), said)
        elif what == b"ended":
            told.status = int(said)
        elif what == b"refused":
            told.refused = said.decode(errors="replace")


def _quoted(one: re.Match[bytes]) -> bytes:
    return b"%%%02X" % one[0][0]
