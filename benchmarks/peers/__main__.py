# SPDX-License-Identifier: GPL-2.0-only
"""The command line: what is missing is measured, in rounds by turns, and the tables are printed."""

import argparse
import sys
from pathlib import Path

from benchmarks.peers import boots, clean, onetree, ours, series, table
from benchmarks.peers.pieces import BOOT, CLEAN, KSERIES, ONE_TREE, REST, WAYS, Pieces
from kseries.host import signals
from kseries.model.errors import KseriesError


def main() -> None:
    """Do what the words say."""
    args = _arguments()
    work = args.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    pieces = Pieces(args.into or work / "peers.json")
    names = (args.only,) if args.only else series.NAMES
    if not args.show:
        signals.handle()
        for name in names:
            _measure(series.prepared(name, work, args.states), work, pieces, args)
    print(table.markdown(pieces, names))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("work", metavar="DIR", type=Path, help="holds all that is made, some 25 GB")
    parser.add_argument("--only", choices=series.NAMES, help="one of the two series")
    parser.add_argument("--way", choices=WAYS, action="append", help="one of the ways; may be given again")
    parser.add_argument("--rounds", type=int, default=3, help="of all states behind base (default: 3)")
    parser.add_argument("--states", type=int, help="to try it: of (a) and (b) the first so many alone")
    parser.add_argument("--into", metavar="FILE", type=Path, help="where figures are kept (default: DIR/peers.json)")
    parser.add_argument("--show", action="store_true", help="print the tables of what was measured before")
    args = parser.parse_args()
    if args.states is not None and args.states < 1:
        parser.error(f"--states {args.states}: base is one")
    if len(str(args.work.resolve()).split()) != 1:
        parser.error(f"{args.work}: neither make nor vng takes a path with blanks")
    return args


def _measure(one: series.Series, work: Path, pieces: Pieces, args: argparse.Namespace) -> None:
    tree = onetree.prepared(one, work)
    mine = ours.Ours(one, tree)
    asked = args.way or WAYS
    if {ONE_TREE, KSERIES, BOOT} & {*asked}:
        tree.begun(pieces)
    if KSERIES in asked:
        mine.begun(pieces)
    if BOOT in asked:
        boots.run(tree, pieces)
    ways = [(way, run) for way, run in ((ONE_TREE, tree.run), (KSERIES, mine.run)) if way in asked]
    for number in range(1, args.rounds + 1):
        for way, run in ways:
            if not pieces.has(one.name, way, REST, number):
                run(pieces, number)
    if CLEAN in asked:
        clean.run(one, pieces)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except (KseriesError, LookupError, ConnectionError) as error:
        sys.exit(str(error))
