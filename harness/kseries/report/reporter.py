# SPDX-License-Identifier: GPL-2.0-only
"""What makes something of a finished run: a report on the terminal, files, a message to somebody.

A format of your own is a reporter in a package of yours, which names it in its pyproject.toml

    [project.entry-points."kseries.reporters"]
    count = "my_package:COUNT"

and has there, where one document is all that it makes,

    from kseries.report.reporter import Document

    COUNT = Document(lambda run: f"{len(run.result.findings)} findings", "count.txt")

or else an object with what Reporter asks for. ``kseries run --report count`` then writes count.txt into the run's
directory, and ``kseries report RUN --format count`` prints it. publish/registry.py finds it.
"""

import sys
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from kseries.host import files
from kseries.model import RunResult
from kseries.model.errors import InfraError, in_words
from kseries.report import places


@dataclass(frozen=True)
class FinishedRun:
    """A run that has its result. It may be partial, and so may what is reported of it."""

    result: RunResult
    directory: Path
    """Where result.json lies, and to which the paths of logs are relative."""
    links: str = ""
    """The URL at which others find that directory, without a slash at its end; empty where nobody has told it."""

    def url(self, name: str) -> str:
        """Where others find a file of it, by its path there; empty where nobody has told."""
        return f"{self.links}/{urllib.parse.quote(name)}" if self.links else ""

    def write(self, place: Path, data: bytes) -> None:
        """Write a file of a report; whole or not at all where that is in the run's own directory.

        Anywhere else it may be what a user has named: a device, a pipe, a link. Raises InputError or InfraError.
        """
        if place.parent != self.directory:
            places.write(place, data)
            return
        try:
            files.write(place, data)
        except OSError as error:
            raise InfraError(f"cannot write {place}: {in_words(error)}") from error


@runtime_checkable
class Reporter(Protocol):
    """Reports a finished run. An InputError or InfraError that it raises is what the user reads, in a line or two.

    Whatever else it raises is a fault of its own: kseries names it, and exits with 3. Neither keeps the result, or
    another report, from being written. What it waits for has a deadline of seconds, and KeyboardInterrupt gets through.

    One that has ``shared = True``, too, keeps apart what it is told of several runs in one file or folder. Of any other
    kseries refuses such a place, since the last run would be all that is left there.
    """

    @property
    def file(self) -> str:
        """The file in the run's directory that it makes where the user names none: ``report.html``.

        With ``/`` at its end a folder, which is there then, perhaps with what an earlier run has left in it. ``""`` for
        what makes no files.
        """

    def check(self, to: str | None) -> None:
        """Raise InputError or InfraError where it could not report there; asked before the run begins.

        ``to`` is None, too, for a file in the run's directory, of which there is no doubt.
        """

    def report(self, run: FinishedRun, to: str | None) -> None:
        """Report. ``to`` is a file, or what else the user has named; without one it prints to standard output."""


@dataclass(frozen=True)
class Document:
    """A reporter that makes one document."""

    render: Callable[[FinishedRun], str]
    file: str
    utf8: bool = True
    """Whether it is UTF-8 whatever the locale is, as XML, HTML and JSON are. Else it is printed as a terminal reads."""

    def check(self, to: str | None) -> None:
        if to is not None:
            places.check(Path(to))

    def report(self, run: FinishedRun, to: str | None) -> None:
        rendered = self.render(run)
        if not isinstance(rendered, str):  # bytes can be stripped and formatted, too, and are no report then
            raise TypeError(f"it renders {type(rendered).__name__}, and not str")
        text = f"{rendered.rstrip()}\n"
        if to is not None:
            run.write(Path(to), text.encode())
        elif self.utf8:
            sys.stdout.flush()
            sys.stdout.buffer.write(text.encode())
            sys.stdout.buffer.flush()
        else:
            print(text, end="", flush=True)
