# SPDX-License-Identifier: GPL-2.0-only
"""kseries run: validate one series."""

import argparse
import sys

from harness import session
from harness.cli import target
from harness.render import json, text, verdicts
from harness.render.live import Progress


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "run", help="validate a series", description="Build, boot and probe every state of a series, and judge them."
    )
    target.add_arguments(parser)
    target.add_kernel_arguments(parser)
    target.add_run_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print result.json instead of the report")
    parser.set_defaults(command=command)


def command(args: argparse.Namespace) -> int:
    loaded, wanted = target.load(args), target.each(args)
    session.require(wanted)
    results = []
    for options in wanted:
        result = session.run(loaded, options, Progress(sys.stderr))
        results.append(result)
        if not args.json:
            print(text.render(result))
            print(f"\nthe whole result: {options.out / 'result.json'}; to read: {options.out / 'report.html'}\n")
    if args.json:
        print(json.render(results[0]) if len(results) == 1 else json.render_all(results))
    elif len(results) > 1:
        print(verdicts.render(results))
    return max(map(session.exit_status, results))
