# SPDX-License-Identifier: GPL-2.0-only
"""kseries bundle: a finding as a script and its files, for a host without kseries."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from kseries.app import bundle, bundlewriting, rundir
from kseries.cli import report, target
from kseries.inputs import Target
from kseries.model.errors import InputError
from kseries.model.sanitize import line, printable, shortened, word
from kseries.report.bundle import SCRIPT
from kseries.report.live import Progress

_SHOWN = 200


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "bundle",
        help="a finding as a script, for who has no kseries",
        description="Make a folder of one script and its files (patches, .config, make and QEMU lines, initramfs)"
        " that shows a finding on a host without kseries.",
    )
    parser.add_argument("run", metavar="RUN", help="a directory that --out named, its result.json, or an id of runs")
    parser.add_argument("finding", metavar="FINDING", help="its number in the reports: 1, 2, ..")
    parser.add_argument(
        "target", metavar="TARGET", nargs="?", help="the series, where it is elsewhere now (default: as the run had it)"
    )
    parser.add_argument(
        "-o",
        "--output",
        metavar="PLACE",
        type=Path,
        help="a folder, or FILE.tar.gz (default: kseries-bundle-FINDING)",
    )
    parser.add_argument(
        "--with-source", action="store_true", help="the kernel, too, some 240 MB: it then needs no network"
    )
    parser.add_argument(
        "--unboxed", action="store_true", help="build without a box: the patches may then do all that you may"
    )
    parser.set_defaults(command=command)


def command(args: argparse.Namespace) -> int:
    """Exit 0 once the bundle is there."""
    run, _ = rundir.read(report.place(args.run))
    number, _ = bundle.finding(run, args.finding)
    place = args.output if args.output is not None else Path(f"kseries-bundle-{number}")
    bundlewriting.check(place)
    given = _parsed(bundle.words(run, args.target), unboxed=args.unboxed)
    tell = Progress(sys.stderr)
    loaded, options = _loaded(given, args.target), target.options(given)
    with bundle.files(run, number, loaded, options, tell, with_source=args.with_source) as made:
        bundlewriting.write(place, made)
    print(told(place))
    return 0


def told(place: Path) -> str:
    """What there is to do with a bundle, in a line."""
    shown = printable(str(place))
    if bundlewriting.is_packed(place):
        return f"{shown}: unpack it, read {SCRIPT} and README, and run it"
    return f"{shown}: read {SCRIPT} and README, and run: sh {shlex.quote(word(str(place / SCRIPT)))}"


def _loaded(given: argparse.Namespace, named: str | None) -> Target:
    """The series; where it is gone from where the run had it, what to do. Raises InputError."""
    try:
        return target.load(given)
    except InputError as error:
        if named is not None:
            raise
        what = str(error).partition("\n")[0]
        raise InputError(f"{what}\n  where the series is elsewhere now, {bundle.NAME_IT}") from error


class _Words(argparse.ArgumentParser):
    """Reads the words of a result, which somebody else may have written."""

    def error(self, message: str) -> NoReturn:
        raise InputError(
            f"the command line in the result is none of this kseries: {shortened(line(message), _SHOWN)}\n"
            "  run the series again"
        )


def _parsed(words: Sequence[str], *, unboxed: bool) -> argparse.Namespace:
    """What the words of a run ask for. Raises InputError."""
    parser = _Words(add_help=False, allow_abbrev=False)
    target.add_series_arguments(parser)
    target.add_kernel_arguments(parser)
    return parser.parse_args([*words, *(["--unboxed"] if unboxed else [])])
