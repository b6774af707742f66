# SPDX-License-Identifier: GPL-2.0-only
"""The reports that a command is asked for, each made of the same finished run."""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kseries.model import RESULT
from kseries.model.errors import InfraError, InputError, KseriesError
from kseries.model.sanitize import line, shortened
from kseries.publish import address, registry
from kseries.report import formats
from kseries.report.reporter import FinishedRun, Reporter

PRINTED = "-"
_FAULT = 200


@dataclass(frozen=True)
class Report:
    """A reporter, and where it is to report: a file or what else it knows, PRINTED, or in the run's directory."""

    name: str
    reporter: Reporter
    to: str | None = None
    option: str = "--report"
    """By which it was asked for."""

    @property
    def printed(self) -> bool:
        return self.to == PRINTED

    @property
    def of_one_run(self) -> bool:
        """Whether the user has named a place that the next run would write over: no server, and no Reporter.shared."""
        if self.to is None or self.printed or not self.reporter.file or address.is_url(self.to):
            return False
        return not getattr(self.reporter, "shared", False)

    def place(self, run: FinishedRun) -> str | None:
        """What the reporter is told. A folder in the run's directory is there then. Raises OSError."""
        if self.printed:
            return None
        if self.to is not None or not self.reporter.file:
            return self.to
        place = run.directory / self.reporter.file
        if self.reporter.file.endswith("/"):
            place.mkdir(exist_ok=True)
        return str(place)


BESIDE = (Report("html", formats.HTML), Report("junit", formats.JUNIT))
"""What lies beside every result."""
ON_TERMINAL = Report("text", formats.TEXT, PRINTED)


def asked(words: str, option: str = "--report") -> Report:
    """What ``NAME[=WHERE]`` asks for, of an option. Raises InputError or InfraError."""
    name, named, to = words.partition("=")
    if named and not to:
        what = "file" if option == "--report" else "place"
        raise InputError(f"{option} {words} names no {what}\n  give one, or leave the = out")
    return Report(name, registry.get(name), to if named else None, option)


def check(reports: Iterable[Report], directories: tuple[Path, ...]) -> None:
    """Raise InputError or InfraError where one cannot be made of runs in these directories, which need not be there."""
    for one in reports:
        if len(directories) > 1 and one.of_one_run:
            raise InputError(
                f"{one.option} {one.name}={one.to} is one file, and there are {len(directories)} runs\n"
                f"  {one.option} {one.name} writes one into the directory of each"
            )
        beside = one.to is not None and Path(one.to).parent in directories
        with _named(one, "nothing was built yet"):
            one.reporter.check(None if beside or one.printed else one.to)


def make(run: FinishedRun, reports: Iterable[Report]) -> tuple[KseriesError, ...]:
    """Have each of them report, those that print last; what went wrong, which keeps none of the others from it.

    Raises OSError where standard output takes no more.
    """
    made = [_failure(run, one) for one in sorted(reports, key=lambda one: one.printed)]
    return tuple(error for error in made if error is not None)


def _failure(run: FinishedRun, one: Report) -> KseriesError | None:
    try:
        with _named(one, f"the result is there: {run.directory / RESULT}"):
            one.reporter.report(run, one.place(run))
    except KseriesError as error:
        return error
    return None


@contextlib.contextmanager
def _named(one: Report, what_is: str) -> Iterator[None]:
    """Have what a reporter raises, and was not meant to, become an InfraError that names it."""
    try:
        yield
    except KseriesError:
        raise
    except (Exception, SystemExit, asyncio.CancelledError) as error:
        if one.printed and isinstance(error, OSError):  # not its own
            raise
        fault = shortened(line(repr(error)), _FAULT)
        raise InfraError(f"the report {one.name} failed: {fault}\n  {what_is}") from error
