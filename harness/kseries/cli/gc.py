# SPDX-License-Identifier: GPL-2.0-only
"""kseries gc: bound the room that the cache takes."""

import argparse
import re

from kseries.cache.gc.collect import collect
from kseries.cli import complaint
from kseries.host import paths
from kseries.report.gc import render

_SHIFTS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "gc",
        help="bound the room that the cache takes",
        description="Remove what killed runs left, and what was not used for longest until the cache is small enough.",
    )
    parser.add_argument(
        "--max-size", metavar="SIZE", type=_size, default="20G", help="in bytes, or with K, M, G, T (default: 20G)"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would go, and remove nothing")
    parser.set_defaults(command=command)


def command(args: argparse.Namespace) -> int:
    print(render(collect(paths.cache(), args.max_size, args.dry_run, complaint.note)))
    return 0


def _size(text: str) -> int:
    found = re.fullmatch(r"(\d{1,15}(?:\.\d+)?)([KMGT]?)", text.strip(), re.ASCII | re.IGNORECASE)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text} is not a size such as 500M or 20G")
    return int(float(found[1]) * (1 << _SHIFTS[found[2].upper()]))
