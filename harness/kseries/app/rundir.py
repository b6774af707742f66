# SPDX-License-Identifier: GPL-2.0-only
"""The directory of a run: its result.json, written and read again."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from kseries.app import version1
from kseries.cache import store
from kseries.host import cachelock, files, ownfolder, untrusted
from kseries.model import RESULT, SCHEMA_VERSION, Document, Record, RunResult, validate
from kseries.model.errors import InfraError, InputError, in_words
from kseries.model.sanitize import line, shortened
from kseries.report import json

_FAULT = 200
"""Characters of what is wrong with a result, which may have been made so."""
_LIMIT = 256 << 20
"""Bytes of a result: one of a hundred patches has some MiB."""
_PARTS = ("squash-*/", "order-*/", "search/", "journey-*/")
"""Where a run has states of other series than its own: Advice.series, bisect/partners.py, bisect/journeys.py."""


def create(directory: Path, option: str = "--out") -> None:
    """Make the directory that an option names, where it is not there. Raises InputError for a file in its place, else
    OSError.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(
            f"{option} {directory}: {in_words(error)}\n  name a directory, or one that is to be"
        ) from error


@contextlib.contextmanager
def own(directory: Path) -> Iterator[None]:
    """Make the directory of --out where it is not there, and have no other kseries write to it meanwhile: its logs
    would stand beside our result. Raises as ``create``, and InputError where another is at work there.
    """
    create(directory)
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(ownfolder.alone(directory))
        except cachelock.BusyError as error:
            raise InputError(
                f"--out {directory}: another kseries is at work there\n  name another directory, or wait for it to end"
            ) from error
        yield


def begin(directory: Path) -> None:
    """Have a run's directory hold no logs of the states of an earlier one: whatever is there is this run's."""
    for part in ("", *_PARTS):
        for states in ("states/*/", "states/*/*/"):  # prefix-K/without-J
            for place in directory.glob(f"{part}{states}"):
                store.remove_logs(place)


def write(directory: Path, result: RunResult) -> None:
    """Write the result, of which app/reports.py makes the reports. It appears whole or not at all; raises OSError."""
    files.write(directory / RESULT, f"{json.render(result)}\n".encode())


class _Header(Record, frozen=True):
    """What every schema of a result has had."""

    schema: int


def read(run: Path, *, strict: bool = False) -> tuple[RunResult, Path]:
    """The result of a run, and the run's directory. ``run`` is that directory or its result.json; a ``strict`` reader
    has it as of a run with --strict.

    Raises InputError when it is not the result of a run, or that of another version.
    """
    path = run / RESULT if run.is_dir() else run
    try:
        data = untrusted.read(path, _LIMIT)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(
            f"no result of a run: {path}\n  RUN is a directory that --out named, or its {RESULT}"
        ) from error
    except OSError as error:
        raise InfraError(f"cannot read {path}: {in_words(error)}") from error
    return _decode(path, data, strict), path.parent


def _decode(path: Path, data: bytes, strict: bool) -> RunResult:
    try:
        found = msgspec.json.decode(data, type=_Header).schema
        if found not in (1, SCHEMA_VERSION):
            raise InputError(
                f"{path} has schema {found}, this kseries reads 1 to {SCHEMA_VERSION}\n"
                "  run the series again, or read it with the kseries that wrote it"
            )
        document = msgspec.json.decode(data, type=Document) if found == SCHEMA_VERSION else version1.read(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path} is not the result of a run: {error}") from error
    if (count := len(document.variants)) != 1:
        raise InputError(
            f"{path} has {count} variants, this kseries reads a result of one\n  read it with the kseries that wrote it"
        )
    (result,) = document.runs(strict=strict)
    if (fault := validate.fault(result)) is not None:
        raise InputError(f"{path} is not the result of a run: {shortened(line(fault), _FAULT)}")
    return result
