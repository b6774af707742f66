# SPDX-License-Identifier: GPL-2.0-only
"""kseries merge: two topics that are fine each, and what their merge loses."""

import argparse
import sys

import msgspec

from kseries import inputs
from kseries.app import merging
from kseries.bisect.merging import Merged
from kseries.cli import target
from kseries.host import files
from kseries.model import StateResult
from kseries.model.errors import InputError
from kseries.model.sanitize import line, shortened
from kseries.report import json, merges, reproduce
from kseries.report.live import Progress

_MOST = 12
_LIMIT = 1000
_SHOWN = 100
FILE = "merge.json"


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "merge",
        help="are two topics fine each, and broken together?",
        description="Build, boot and probe base, each of two topics on it, and git's merge of both: exit 1 where the"
        " merge loses what each of them keeps, or where it conflicts.",
    )
    target.add_series_arguments(parser, reroll=False)
    parser.add_argument("other", metavar="OTHER", help="the topic to merge with it: a TARGET, too")
    target.add_kernel_arguments(parser)
    target.add_recording_argument(parser)
    target.add_strict_argument(parser)
    parser.add_argument(
        "--most",
        metavar="N",
        type=target.up_to(_LIMIT, least=0),
        default=_MOST,
        help="kernels to build to find out which patch of each topic it takes (default: %(default)s)",
    )
    target.add_out_argument(parser, "result and logs")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(command=command)


def command(args: argparse.Namespace) -> int:
    if args.target == args.other:
        said = line(shortened(args.target, _SHOWN))
        raise InputError(f"{said} is named twice: a merge is of two topics\n  name another one")
    pair = inputs.load(args.target, args.tree), inputs.load(args.other, args.tree)

    def heard(state: StateResult) -> None:
        if not args.json:
            print(merges.line_of(state), flush=True)

    options = target.options(args)
    found = merging.merged(pair, options, args.most, Progress(sys.stderr), heard)
    found = msgspec.structs.replace(found, reproduce=reproduce.merge(options.words, args.other, pair, found.base))
    files.write(args.out / FILE, f"{json.document(found)}\n".encode())
    print(json.document(found) if args.json else merges.render(found))
    return _status(found, strict=args.strict)


def _status(found: Merged, *, strict: bool) -> int:
    """1 where something is lost, or a topic does not build or boot, so that nobody can tell; else 0.

    Of a strict one, 1 too where it is not judged.
    """
    return 1 if found.found or (strict and found.together is None) else 0
