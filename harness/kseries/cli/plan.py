# SPDX-License-Identifier: GPL-2.0-only
"""kseries plan: the states of a run and what they would cost, without building any."""

import argparse
import sys
from pathlib import Path

import msgspec

from kseries.app import offers, planning, premises, setup
from kseries.app.options import Options
from kseries.cli import target
from kseries.host import paths
from kseries.model import Forecast, Plan
from kseries.model.errors import InfraError, InputError
from kseries.report import json, places, plans, rebased
from kseries.report.live import Progress
from kseries.sources import TreeStore


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "plan",
        help="the states of a run",
        description="Make the source trees of a run and say what it would build; build nothing."
        " With --apply, say of every patch whether it applies.",
    )
    target.add_arguments(parser)
    target.add_kernel_arguments(parser)
    target.add_recording_argument(parser)
    parser.add_argument(
        "--apply", action="store_true", help="what becomes of each patch on the base; exit 1 where one does not apply"
    )
    parser.add_argument("--html", metavar="FILE", type=Path, help="with --apply: write that as a page, too")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(command=command)


def command(args: argparse.Namespace) -> int:
    if args.apply:
        return _apply(args)
    if args.html is not None:
        raise InputError("--html goes with --apply\n  the states of a plan are printed: as text, or with --json")
    loaded = target.load(args)
    options = target.options(args).of(loaded)
    tell = Progress(sys.stderr)
    with premises.room(), premises.at_work(tell):
        trees = TreeStore(paths.cache("trees.git"))
        made = planning.plan(loaded, options, trees, tell)
        costs, why_not = _costs(made, options, trees, tell)
        ways = offers.offered(made, options, trees)
    if args.json:
        more = {"forecast": msgspec.to_builtins(costs), "offers": msgspec.to_builtins(ways)}
        print(json.document(msgspec.to_builtins(made) | more))
    else:
        print(plans.render(made, costs, why_not, ways))
    return 0


def _apply(args: argparse.Namespace) -> int:
    """Exit 1 where a patch does not apply."""
    loaded = target.load(args)
    tell = Progress(sys.stderr)
    with premises.room(), premises.at_work(tell):
        told = planning.rebased(loaded, target.options(args), TreeStore(paths.cache("trees.git")), tell)
    print(json.document(told) if args.json else rebased.render(told))
    if args.html is not None:
        places.write(args.html, rebased.html(told).encode())
    return 0 if told.whole else 1


def _costs(made: Plan, options: Options, trees: TreeStore, tell: Progress) -> tuple[tuple[Forecast, ...], str]:
    """What the plan would cost, or why nobody knows: a host that cannot build can plan."""
    try:
        return setup.forecast(made, options, trees, tell), ""
    except InfraError as error:
        return (), str(error).splitlines()[0]
