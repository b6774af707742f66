# SPDX-License-Identifier: GPL-2.0-only
"""kseries publish: finished runs brought to where maintainers look."""

import argparse

from kseries.app import reports, rundir
from kseries.cli import report, reporting
from kseries.report.reporter import FinishedRun


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "publish",
        help="bring finished runs to where maintainers look",
        description="Publish finished runs. What was published once, and still says the same, is not said again.",
    )
    parser.add_argument(
        "runs", metavar="RUN", nargs="+", help="a directory that --out named, its result.json, or an id of runs"
    )
    parser.add_argument(
        "--to", metavar="NAME[=WHERE]", action="append", required=True, help=f"what for, and where: {reporting.NAMES}"
    )
    reporting.add_url_argument(parser)
    parser.set_defaults(command=command)


def command(args: argparse.Namespace) -> int:
    """Exit 0 where all was published, or was before: what the runs found is not asked here."""
    wanted = [reports.asked(words, "--to") for words in args.to]
    found = [rundir.read(report.place(one)) for one in args.runs]
    reports.check(wanted, tuple(directory for _, directory in found))
    several = len(found) > 1
    return reporting.worst(
        reporting.make(FinishedRun(result, directory, reporting.links(args.url, directory, several)), wanted)
        for result, directory in found
    )
