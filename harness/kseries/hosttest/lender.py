# SPDX-License-Identifier: GPL-2.0-only
"""The kseries that a pytest of the user's own starts, which builds and boots for it (app/lending.py)."""

import os
import shlex
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kseries
from kseries.host import processes
from kseries.hosttest.control import Control
from kseries.model.errors import InputError, KseriesError

_END_SECONDS = 60.0
"""For QEMU to go, and for what was built to be removed."""
_HASTE_SECONDS = 1.0
"""For one that was not ready yet, and does not listen."""
_LAST_LINES = 3

Hello = dict[str, Any]
"""What it tells of itself: the states, and how others come to it."""


class Lender:
    """One process of it, in the folder from which paths lead.

    What it is at goes to ``heard``, line by line, from a thread.
    """

    def __init__(self, words: tuple[str, ...], folder: Path, heard: Callable[[str], None]) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 # closed by end()
        ours, theirs = socket.socketpair()
        reading, writing = os.pipe()
        start = Path(kseries.__file__).parent / "start"
        argv = (sys.executable, "-E", "-P", str(start), "lend", str(theirs.fileno()), str(writing), *words)
        try:
            self._process = processes.beside(argv, folder, (theirs.fileno(), writing), self._said)
        except KseriesError:
            ours.close()
            os.close(reading)
            raise
        finally:
            theirs.close()
            os.close(writing)
        self._wire = ours
        self.control = Control(ours)
        self._ready = False
        threading.Thread(target=_read, args=(reading, heard), daemon=True).start()

    def hello(self) -> Hello:
        """Wait until it is ready. Raises InputError where it is not going to be."""
        try:
            said, _ = self.control.read()
        except (EOFError, OSError):
            raise InputError(self.last_words()) from None
        if said["what"] == "refused":
            raise InputError(str(said["text"]))
        self._ready = True
        return said

    def last_words(self) -> str:
        """Why it is not there any more."""
        processes.ends(self._process, _HASTE_SECONDS)
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return "\n".join(lines[-_LAST_LINES:]) or f"kseries has ended: exit status {self._process.poll()}"

    def end(self) -> None:
        """Have it end, and wait for that."""
        self._wire.close()
        if not processes.ends(self._process, _END_SECONDS if self._ready else _HASTE_SECONDS):
            self._process.terminate()
            processes.ends(self._process, _END_SECONDS)
        self._process.kill()
        self._process.wait()
        self._said.close()


def words(target: str, states: str | None, more: str | None, **options: str | None) -> tuple[str, ...]:
    """The command line for it. Raises InputError."""
    try:
        others = shlex.split(more or "")
    except ValueError as error:
        raise InputError(f"--kseries-args {more}: {error}") from error
    return (states or "", *_given(options), *others, "--", target)


def _given(options: dict[str, str | None]) -> Iterator[str]:
    for name, value in options.items():
        if value is not None:
            yield f"--{name}={value}"


def _read(file: int, heard: Callable[[str], None]) -> None:
    with os.fdopen(file, errors="replace") as lines:
        for line in lines:
            heard(line.strip())
