# SPDX-License-Identifier: GPL-2.0-only
"""kseries runs: the runs that there were, and those at work."""

import argparse
from pathlib import Path

from kseries.cache.runs import Runs
from kseries.cli import complaint
from kseries.host import paths
from kseries.report import json
from kseries.report import runs as rows


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "runs",
        help="the runs that there were",
        description="List the runs of this cache, newest first: id, when, series, verdict, and where the result is.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(command=command)


def command(args: argparse.Namespace) -> int:
    found = known().all()
    if args.json:
        print(json.document({"runs": found}))
    elif found:
        print(rows.render(found, Path.cwd()))
    else:
        complaint.said(f"{paths.cache()} knows of no run yet", 0)
    return 0


def known() -> Runs:
    """The runs of the user's cache; what is wrong with their file is said on standard error."""
    return Runs(paths.cache(), complaint.note)
