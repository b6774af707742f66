# SPDX-License-Identifier: GPL-2.0-only
"""kseries bisect: the first bad patch of a series, and what its revert would do."""

import argparse
import sys
from pathlib import Path

from kseries.app import shell, single
from kseries.bisect import bisection, manual
from kseries.bisect.answer import Question
from kseries.bisect.bisection import Step
from kseries.cli import cluster, question, target
from kseries.model.errors import InputError
from kseries.report import bisections, json
from kseries.report.live import Progress


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "bisect",
        help="find the patch that breaks a check",
        description="Run git bisect over a series with the probes as the judge, then try to revert what it found.",
    )
    target.add_series_arguments(parser)
    target.add_kernel_arguments(parser)
    question.add_arguments(parser)
    cluster.add_arguments(parser)
    parser.add_argument(
        "--manual", action="store_true", help="ask you at each step; what you answered is there when you come back"
    )
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("kseries-out"), help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(command=command)


def command(args: argparse.Namespace) -> int:
    """Exit 1 when a first bad patch was found, 0 when the tip is good."""

    if args.manual:
        return _manual(args)

    def told(step: Step) -> None:
        if not args.json:
            print(bisections.line_of(step), flush=True)

    with single.state_runner(target.load(args), target.options(args), args.out, Progress(sys.stderr)) as series:
        found = bisection.run(series, question.of(args), told)
        log = args.out / "bisect.log"
        if found.log:
            log.write_text(found.log)
        patches = series.patches
    if args.json:
        print(json.document(found))
    else:
        print(bisections.render(found, patches, log))
    return 1 if found.suspects else 0


def _manual(args: argparse.Namespace) -> int:
    """Exit 1 when a first bad patch was found, 0 when the bisection is left for later."""
    shell.check_terminal()
    if args.json or question.of(args) != Question():
        raise InputError("--manual asks you: it goes with neither --json nor --check, --build or --boot")
    tell = Progress(sys.stderr)
    with single.state_runner(target.load(args), target.options(args), args.out, tell) as series:
        found = manual.run(series, input, print, lambda state: shell.run(series, state, tell))
    return 1 if found else 0
