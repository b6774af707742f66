# SPDX-License-Identifier: GPL-2.0-only
"""kseries plan: the states of a run, without building any."""

import argparse
import sys

import msgspec

from harness import resources, session
from harness.cli import target
from harness.model import Plan, State
from harness.render.live import Progress
from harness.trees import TreeStore


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "plan", help="the states of a run", description="Make the source trees of a run and show them; build nothing."
    )
    target.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print the plan as JSON")
    parser.set_defaults(command=command)


def command(args: argparse.Namespace) -> int:
    with session.room():
        trees = TreeStore(resources.cache("trees.git"))
        made = session.plan(target.load(args), target.options(args), trees, Progress(sys.stderr))
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(made), indent=2).decode())
    else:
        print(_text(made))
    return 0


def _text(plan: Plan) -> str:
    wide = max(len(state.id) for state in plan.states)
    rows = [f"  {state.id.ljust(wide)}  {_tree(state)}" for state in plan.states]
    distinct = len({state.tree for state in plan.states if state.tree is not None})
    heading = f"{plan.series}: {len(plan.patches)} patches on {plan.base.name} (Linux {plan.base.version})"
    return "\n".join([heading, *rows, f"{len(plan.states)} states, {distinct} kernels to build and boot"])


def _tree(state: State) -> str:
    if state.tree is None:
        return f"conflict in {', '.join(state.conflicts)}"
    return f"{state.tree[:12]}" + (f"  = {state.same_as}" if state.same_as else "")
