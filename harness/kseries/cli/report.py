# SPDX-License-Identifier: GPL-2.0-only
"""kseries report: a finished run's result in another form."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from kseries.app import rundir, session
from kseries.cache.runs import Kept
from kseries.cli import runs, target
from kseries.model import RunResult
from kseries.model.errors import InfraError, InputError, in_words
from kseries.model.sanitize import shortened
from kseries.report import html, json, junit, mail, text

_FORMATS: dict[str, Callable[[RunResult, Path], str]] = {
    "html": html.render,
    "junit": junit.render,
    "json": lambda run, _directory: json.render(run),
    "text": lambda run, _directory: text.render(run),
    "mail": lambda run, _directory: mail.render(run),
}


_DIGITS = 19
"""As many as an id in the database can have."""
_WHY_NOT = {
    Kept.NONE: "came to no result",
    Kept.GONE: "has lost its result",
    Kept.REPLACED: "is not the last one that wrote to its directory",
}


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "report",
        help="a finished run's result in another form",
        description="Write the report of a finished run.",
    )
    parser.add_argument("run", metavar="RUN", help="a directory that --out named, its result.json, or an id of runs")
    parser.add_argument("--format", choices=_FORMATS, default="text", help="default: %(default)s")
    target.add_strict_argument(parser)
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="default: standard output")
    parser.set_defaults(command=command)


def command(args: argparse.Namespace) -> int:
    """Exit 0 whatever the run found: the report was asked for, not the verdict; unless --strict asks for that, too."""
    result, directory = rundir.read(place(args.run))
    if args.strict:
        result = msgspec.structs.replace(result, strict=True)
    status = session.exit_status(result) if args.strict else 0
    if args.format == "mail" and args.output is not None:
        _write_letters(args.output, mail.letters(result))
        return status
    # Bytes, because XML and HTML say of themselves that they are UTF-8, whatever the locale is.
    data = f"{_FORMATS[args.format](result, directory).rstrip()}\n".encode()
    if args.output is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        write(args.output, data)
    return status


def _write_letters(place: Path, letters: Sequence[tuple[str, str]]) -> None:
    """A file for each in a directory; the only one may have a name of its own. git send-email takes either."""
    if not letters:
        print("kseries: no finding to write a mail about", file=sys.stderr)
    elif place.is_dir():
        for name, letter in letters:
            write(place / name, letter.encode())
    elif len(letters) == 1:
        write(place, letters[0][1].encode())
    else:
        raise InputError(
            f"{len(letters)} findings, and a mail for each: {place} is no directory\n"
            "  name one that is there: mkdir mails"
        )


def place(run: str) -> Path:
    """Where the result of a run is; a file or directory whose name is a number goes before the run of that number."""
    place = Path(run)
    if not run.isascii() or not run.isdecimal() or place.exists():
        return place
    found = runs.known().find(int(run)) if len(run) <= _DIGITS else None
    if found is None:
        raise InputError(f"there is no run {shortened(run, _DIGITS)}\n  kseries runs lists those that there are")
    if found.result is not Kept.THERE:
        raise InputError(f"run {run} {_WHY_NOT[found.result]}: {found.out}\n  run the series again to have one")
    return Path(found.out)


def write(path: Path, data: bytes) -> None:
    """Write a file. Raises InputError where it cannot be one, InfraError where the disk will not take it."""
    if not path.parent.is_dir() or path.is_dir():
        raise InputError(f"cannot write {path}: {'it is a directory' if path.is_dir() else 'no such directory'}")
    try:
        path.write_bytes(data)
    except OSError as error:
        raise InfraError(f"cannot write {path}: {in_words(error)}") from error
