# SPDX-License-Identifier: GPL-2.0-only
"""kseries bisect: the first bad patch of a series or commit of a history, and what its revert would do."""

import argparse
import sys

from kseries import inputs
from kseries.app import shell, single
from kseries.bisect import bisection, blame, history, manual
from kseries.bisect.answer import Question
from kseries.bisect.bisection import Step
from kseries.bisect.history import Asks, CommitStep
from kseries.bisect.replay import Log
from kseries.cli import cluster, confidence, question, target, walk
from kseries.host import files
from kseries.model.errors import InputError
from kseries.report import bisections, histories, json
from kseries.report.live import Progress

_PROVE = 3
"""How often each kernel of a proof is booted."""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "bisect",
        help="find the patch or the commit that breaks a check",
        description="Run git bisect over a series, or over a history with merges, with the probes as the judge; then"
        " try to revert what it found. Exit 1 where a bad patch or commit is found, 0 where the tip is good. Paths"
        " follow a --: over history, only commits that touch them are looked at.",
        epilog="as in: kseries bisect v6.12..topic --tree ~/linux -- virt/kvm",
    )
    target.add_series_arguments(parser)
    target.add_kernel_arguments(parser)
    question.add_arguments(parser)
    cluster.add_arguments(parser)
    walk.add_arguments(parser)
    parser.add_argument(
        "--manual", action="store_true", help="ask you at each step; what you answered is there when you come back"
    )
    confidence.add_arguments(parser)
    parser.add_argument(
        "--prove",
        metavar="N",
        type=target.up_to(blame.MOST_BOOTS, least=0),
        help="boot what was found, what it stands on, and the tip without it N times each: is it to blame? 0: do not"
        f" (default: {_PROVE} over history, and with --confidence as many as that takes)",
    )
    target.add_out_argument(parser, "git's log and the logs of states")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(command=command)


def command(args: argparse.Namespace) -> int:
    """Exit 1 when a first bad patch or commit was found, 0 when the tip is good."""
    if args.manual:
        return _manual(args)
    confidence.check(args)
    log = walk.log_of(args)
    args.walk = walk.of(args, log)
    found = target.load(args)
    if args.confidence is not None:
        return confidence.command(args, found)
    if found.history is not None:
        return _history(args, found, log)
    if options := walk.options(args):
        raise InputError(f"{options[0]}: {args.target} is no history\n  it goes with GOOD..BAD, commits of --tree")
    return _series(args, found)


def _series(args: argparse.Namespace, wanted: inputs.Target) -> int:
    def told(step: Step) -> None:
        if not args.json:
            print(bisections.line_of(step), flush=True)

    with single.state_runner(wanted, target.options(args), args.out, Progress(sys.stderr)) as series:
        found = bisection.run(series, question.of(args), told, prove=args.prove or 0)
        log = args.out / "bisect.log"
        if found.log:
            log.write_text(found.log)
        patches = series.patches
        found = bisections.with_commands(found, series.series.patches)
    if args.json:
        print(json.document(found))
    else:
        print(bisections.render(found, patches, log))
    return 1 if found.suspects else 0


def _history(args: argparse.Namespace, wanted: inputs.Target, given: Log | None) -> int:
    log = args.out / "bisect.log"

    def told(event: Asks | CommitStep) -> None:
        said = histories.line_of(event)
        if said is not None and not args.json:
            print(said, flush=True)

    def kept(text: str) -> None:
        files.write(log, text.encode())

    with single.state_runner(wanted, target.options(args), args.out, Progress(sys.stderr)) as commits:
        prove = _PROVE if args.prove is None else args.prove
        found = history.run(commits, question.of(args), told, kept, given, prove=prove)
    print(json.document(found) if args.json else histories.render(found, log))
    return 1 if found.suspects is not None else 0


def _manual(args: argparse.Namespace) -> int:
    """Exit 1 when a first bad patch was found, 0 when the bisection is left for later."""
    shell.check_terminal()
    if args.json or args.prove or args.confidence or question.of(args) != Question():
        raise InputError(
            "--manual asks you: it goes with neither --json nor --confidence, --prove, --check, --build or --boot"
        )
    args.walk = walk.of(args, None)
    wanted = target.load(args)
    if wanted.history is not None or walk.options(args):
        raise InputError("--manual asks of the patches of a series\n  over history: git bisect, and kseries try COMMIT")
    tell = Progress(sys.stderr)
    with single.state_runner(wanted, target.options(args), args.out, tell) as series:
        found = manual.run(series, input, print, lambda state: shell.run(series, state, tell))
    return 1 if found else 0
