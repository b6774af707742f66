# SPDX-License-Identifier: GPL-2.0-only
"""What kseries revert and kseries pick have in common."""

import argparse
import sys
from pathlib import Path

from kseries.app import patchsets as app
from kseries.bisect.patchsets import MOST
from kseries.cli import cluster, target
from kseries.model import SetKind, TriedSet
from kseries.model.errors import InputError
from kseries.report import json, patchsets
from kseries.report.live import Progress


def add_arguments(parser: argparse.ArgumentParser, which: str) -> None:
    parser.add_argument("patches", metavar="K,..", help=which)
    target.add_series_arguments(parser)
    target.add_kernel_arguments(parser, several=True, unbooted=False)
    target.add_recording_argument(parser)
    add_most(parser, "build no more kernels than that (default: %(default)s)")
    parser.add_argument(
        "--out", metavar="DIR", type=Path, help="put the logs of all states into DIR/states (default: nowhere)"
    )
    cluster.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_most(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--most", metavar="N", type=target.up_to(100000, least=0), default=MOST, help=what)


def run(args: argparse.Namespace, kind: SetKind) -> int:
    """Exit 0 where a set was proved."""
    if args.build_only:
        raise InputError("--build-only: this needs kernels that are booted\n  drop it")
    loaded = target.load(args)
    tell = Progress(sys.stderr)

    def told(tried: TriedSet) -> None:
        print(patchsets.line_of(tried), file=sys.stderr, flush=True)

    wanted = app.Wanted(
        kind=kind,
        typed=args.patches,
        most=args.most,
        onto=getattr(args, "onto", None),
        place=Path(args.target) if Path(args.target).is_dir() else None,
    )
    out, args.out = args.out, args.out or Path()
    found = app.find(wanted, loaded, target.each(args), out, tell, told)
    print(json.document(found) if args.json else patchsets.render(found))
    return app.exit_status(found.set)
