# SPDX-License-Identifier: GPL-2.0-only
"""kseries promise: what a series promises, as contracts to edit and keep."""

import argparse
import sys
from pathlib import Path

from kseries.app import promise, rundir, session, setup
from kseries.cli import report, target
from kseries.judge.drafts import Drafts
from kseries.model import RunResult
from kseries.model.errors import InputError
from kseries.report import contractfile, partial, places
from kseries.report.live import Progress


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "promise",
        help="what a series promises, as contracts to keep",
        description="Run a series without contracts, and write down what it promises: contracts to edit and keep.",
    )
    target.add_arguments(parser, needed=False)
    target.add_kernel_arguments(parser, unbooted=False)
    target.add_recording_argument(parser)
    parser.add_argument(
        "--from", metavar="RUN", dest="run_of", help="in TARGET's place: a run, as kseries report takes it"
    )
    target.add_out_argument(parser, "the run's result, reports and logs", "kseries-promise")
    target.add_worker_arguments(parser)
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="default: standard output")
    parser.set_defaults(command=command)


def command(args: argparse.Namespace) -> int:
    """Exit 0 where nothing could be inferred, too, and 3 where a state could not be had that might tell more."""
    if (args.target is None) == (args.run_of is None):
        raise InputError("this is about a TARGET, or about a finished run: --from RUN\n  name one of them")
    if args.output is not None:
        places.check(args.output)
    result = _run(args) if args.run_of is None else _finished(args.run_of)
    drafted = promise.drafted(result, tuple(args.contract))
    _write(args, drafted, result)
    return 3 if session.exit_status(result) == 3 else 0


def _run(args: argparse.Namespace) -> RunResult:
    loaded, tell = target.load(args), Progress(sys.stderr)
    options = target.booted(args)
    setup.require((options,), tell)
    result = promise.run(loaded, options, tell)
    if result.partial:
        raise KeyboardInterrupt
    return result


def _finished(place: str) -> RunResult:
    """A run that is there. What a part did not come to may pass what the others seem to ask for."""
    result = rundir.read(report.place(place))[0]
    if result.partial:
        raise InputError(
            f"{place} is of a run {partial.why(result)}\n  finish it with the same kseries run, then ask again"
        )
    return result


def _write(args: argparse.Namespace, drafted: Drafts, result: RunResult) -> None:
    if not drafted.contracts:
        told = "; ".join(drafted.left) or "no check goes with what it brings of what a kernel shows"
        print(f"nothing can be inferred of {result.series.name}: {told}", file=sys.stderr)
        return
    text = contractfile.render(drafted, result)
    if args.output is None:
        sys.stdout.write(text)
    else:
        places.write(args.output, text.encode())
