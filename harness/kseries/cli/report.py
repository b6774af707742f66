# SPDX-License-Identifier: GPL-2.0-only
"""kseries report: a finished run's result in another form."""

import argparse
from pathlib import Path

from kseries.app import rundir, session
from kseries.app.reports import PRINTED, Report
from kseries.cache.runs import Kept
from kseries.cli import reporting, runs, target
from kseries.model.errors import InputError
from kseries.model.sanitize import shortened
from kseries.publish import registry
from kseries.report.reporter import FinishedRun

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
    parser.add_argument("--format", metavar="NAME", default="text", help=f"{reporting.NAMES} (default: %(default)s)")
    target.add_strict_argument(parser)
    parser.add_argument("-o", "--output", metavar="FILE", help="default: standard output")
    parser.set_defaults(command=command)


def command(args: argparse.Namespace) -> int:
    """Exit 0 whatever the run found: the report was asked for, not the verdict; unless --strict asks for that, too."""
    reporter = registry.get(args.format)
    result, directory = rundir.read(place(args.run), strict=args.strict)
    report = Report(args.format, reporter, PRINTED if args.output is None else args.output)
    failed = reporting.make(FinishedRun(result, directory), [report])
    return failed or (session.exit_status(result) if args.strict else 0)


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
