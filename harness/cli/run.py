# SPDX-License-Identifier: GPL-2.0-only
"""kseries run: validate one series."""

import argparse
import sys

from harness import session
from harness.cli import target
from harness.render import json, text
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
    result = session.run(target.load(args), target.options(args), Progress(sys.stderr))
    if args.json:
        print(json.render(result))
    else:
        print(text.render(result))
        print(f"\nthe whole result: {args.out / 'result.json'}; to read: {args.out / 'report.html'}")
    return session.exit_status(result)
