# SPDX-License-Identifier: GPL-2.0-only
"""kseries run: validate one series."""

import argparse
import os
import sys
from pathlib import Path

from harness import inputs, scenarios, session
from harness.render import json, text
from harness.render.live import Progress


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "run", help="validate a series", description="Build, boot and probe every state of a series."
    )
    parser.add_argument("target", metavar="TARGET", help="a test case, a directory of patches, or REV..REV")
    parser.add_argument(
        "--tree", metavar="T", help="git repository, directory, tarball or debian:linux-source-6.12 (default)"
    )
    parser.add_argument("--base", metavar="REV", help="the revision of --tree under the series (default: HEAD)")
    parser.add_argument("--arch", metavar="A", default="x86_64", help="architecture (default: x86_64)")
    parser.add_argument("--scenario", metavar="S,..", default=",".join(scenarios.DEFAULT), help="default: %(default)s")
    parser.add_argument("--probe", metavar="P,..", help="default: all")
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("kseries-out"), help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print result.json instead of the report")
    parser.add_argument("-j", "--jobs", metavar="N", type=_positive, default=os.cpu_count() or 1, help="make's jobs")
    parser.set_defaults(command=command)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def command(args: argparse.Namespace) -> int:
    options = session.Options(
        out=args.out,
        tree=args.tree,
        base=args.base,
        arch=args.arch,
        scenarios=_names(args.scenario),
        probes=_names(args.probe) if args.probe is not None else None,
        jobs=args.jobs,
    )
    result = session.run(inputs.load(args.target, args.tree), options, Progress(sys.stderr))
    if args.json:
        print(json.render(result))
    else:
        print(text.render(result))
        print(f"\nthe whole result: {args.out / 'result.json'}; to read: {args.out / 'report.html'}")
    return session.exit_status(result)
