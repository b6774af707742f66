# SPDX-License-Identifier: GPL-2.0-only
"""kseries try: one state, answered in the language of git bisect run."""

import argparse
import sys
from pathlib import Path

from kseries.app import single
from kseries.bisect import pick
from kseries.bisect.answer import Answer, Tried
from kseries.cli import question, target
from kseries.inputs import Walk
from kseries.judge import evidence
from kseries.model.sanitize import printable
from kseries.report import json, unset
from kseries.report.live import Progress

NAME = "try"
# git-bisect(1): 125 is "cannot be tested", 1 to 127 are bad, and anything above 127 ends the bisection.
STATUSES = {2: 128, 3: 129}
"""By our usual exit statuses, those that say nothing of a commit."""
_ANSWERS = {Answer.GOOD: 0, Answer.BAD: 1, Answer.UNTESTABLE: 125}
_SHOWN = 8


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        NAME,
        help="build, boot and probe one state",
        description="Build, boot and probe one state: exit 0 good, 1 bad, 125 untestable, 128 and more: no answer.",
    )
    parser.add_argument("state", metavar="STATE", help=pick.FORMS)
    target.add_series_arguments(parser)
    parser.add_argument("--onto", metavar="REV", help="make reverts from this commit of --tree, which has the series")
    target.add_kernel_arguments(parser)
    target.add_recording_argument(parser)
    question.add_arguments(parser)
    parser.add_argument(
        "--out", metavar="DIR", type=Path, help="put the state's logs into DIR/states (default: nowhere)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(command=command, walk=Walk())


def command(args: argparse.Namespace) -> int:
    tell = Progress(sys.stderr)
    with single.state_runner(target.load(args), target.options(args), args.out, tell, args.onto) as series:
        state = series.state(args.state)
        tried = series.ask(question.of(args), state)
        conflict = series.conflict(state) if state.tree is None else ""
    if args.json:
        print(json.document(tried))
    else:
        print(_text(tried) + (f"\n{printable(conflict)}" if conflict else ""))
    return _ANSWERS[tried.answer]


def _text(tried: Tried) -> str:
    more = [f"  and {len(tried.why) - _SHOWN} more"] if len(tried.why) > _SHOWN else []
    lines = [f"{tried.result.id}: {tried.answer}", *(f"  {evidence.line(why)}" for why in tried.why[:_SHOWN]), *more]
    lines += [f"  {one}" for one in unset.of_one(tried.result.config_dropped, tried.result.config_wanted)]
    promised = (contract for contract in tried.result.contracts if contract.advertised is not False)
    untested = sorted({name for contract in promised for name in contract.untested})
    if tried.answer is Answer.GOOD and untested:
        lines.append(f"  not tested: {', '.join(untested)}")
    return printable("\n".join(lines))
