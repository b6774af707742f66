# SPDX-License-Identifier: GPL-2.0-only
"""kseries plan: the states of a run and what they would cost, without building any."""

import argparse
import sys

import msgspec

from harness import resources, session
from harness.cli import target
from harness.errors import InfraError
from harness.model import Forecast, Plan
from harness.render import json, planned
from harness.render.live import Progress
from harness.trees import TreeStore


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "plan",
        help="the states of a run",
        description="Make the source trees of a run and say what it would build; build nothing.",
    )
    target.add_arguments(parser)
    target.add_kernel_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print the plan as JSON")
    parser.set_defaults(command=command)


def command(args: argparse.Namespace) -> int:
    loaded = target.load(args)
    options = target.options(args).of(loaded)
    tell = Progress(sys.stderr)
    with session.room(), session.at_work(tell):
        trees = TreeStore(resources.cache("trees.git"))
        made = session.plan(loaded, options, trees, tell)
        costs, why_not = _costs(made, options, trees)
    if args.json:
        both = msgspec.to_builtins(made) | {"forecast": msgspec.to_builtins(costs)}
        print(json.document(both))
    else:
        print(planned.render(made, costs, why_not))
    return 0


def _costs(made: Plan, options: session.Options, trees: TreeStore) -> tuple[tuple[Forecast, ...], str]:
    """What the plan would cost, or why nobody knows: a host that cannot build can plan."""
    try:
        return session.forecast(made, options, trees), ""
    except InfraError as error:
        return (), str(error).splitlines()[0]
