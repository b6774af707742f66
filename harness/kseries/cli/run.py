# SPDX-License-Identifier: GPL-2.0-only
"""kseries run: validate one series."""

import argparse
import contextlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from kseries.app import clusters, premises, reports, rundir, session, setup
from kseries.app.options import Options
from kseries.cli import budget, compare, patchset, report, reporting, target
from kseries.evaluate.deadline import Deadline
from kseries.inputs import knownissues, variants
from kseries.model import RunResult
from kseries.model.errors import InputError
from kseries.report import comparisons, json, partial, places, verdicts
from kseries.report.live import Progress
from kseries.report.reporter import FinishedRun


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "run", help="validate a series", description="Build, boot and probe every state of a series, and judge them."
    )
    target.add_arguments(parser)
    target.add_kernel_arguments(parser, several=True)
    target.add_recording_argument(parser)
    target.add_run_arguments(parser)
    reporting.add_argument(parser)
    reporting.add_publish_arguments(parser)
    budget.add_argument(parser)
    parser.add_argument(
        "--variant",
        metavar="V",
        action="append",
        default=[],
        help="a matrix and a verdict of its own: NAME=arch:A,config:FILE,config:auto,make:W=1,boot:no, or one of"
        f" {', '.join(variants.ours())}",
    )
    parser.add_argument(
        "--revert-sets",
        action="store_true",
        help="build kernels to find what has to go with a patch that cannot alone",
    )
    patchset.add_most(parser, "with --revert-sets: kernels for each such patch (default: %(default)s)")
    parser.add_argument(
        "--known-issues",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="checks that are known to fail for another reason (TOML): shown, and not counted",
    )
    parser.add_argument("--json", action="store_true", help="print result.json instead of the report")
    parser.add_argument("--baseline", metavar="RUN", help="compare with this run; exit 1 when something got worse")
    parser.set_defaults(command=command)


def command(args: argparse.Namespace) -> int:
    deadline = budget.of(args)
    issues = knownissues.read(args.known_issues)
    loaded = target.load(args)
    asked_for = target.each(args, variants.each(args.variant, loaded.variants))
    wanted = tuple(replace(options, known_issues=issues) for options in asked_for)
    asked = [
        *reports.BESIDE,
        *map(reports.asked, args.report),
        *(reports.asked(one, "--publish") for one in args.publish),
    ]
    reports.check(asked, tuple(options.out for options in wanted))
    setup.require(wanted, Progress(sys.stderr))
    baseline = compare.whole(report.place(args.baseline))[0] if args.baseline is not None else None
    if baseline is not None and [baseline.arch] != [options.arch for options in wanted]:
        raise InputError(f"--baseline is a run of {baseline.arch}\n  compare one variant: --arch {baseline.arch}")
    if not args.json:
        asked.append(reports.ON_TERMINAL)
    results, failed = [], 0
    with _own(args.out), clusters.alike():
        for options in _in_time(wanted, deadline):
            result = session.run(loaded, options, Progress(sys.stderr))
            results.append(result)
            finished = FinishedRun(result, options.out, reporting.links(args.url, options.out, len(wanted) > 1))
            failed = reporting.worst([failed, reporting.make(finished, asked)])
            if not args.json:
                print(f"\nthe whole result: {options.out / 'result.json'}; to read: {options.out / 'report.html'}\n")
            if result.interrupted:
                break
    if args.json:
        print(json.render(results[0]) if len(results) == 1 else json.render_all(results))
    elif len(results) > 1:
        print(verdicts.render(results))
    if results[-1].interrupted:
        raise KeyboardInterrupt
    worse = _worse(args, wanted[0].out, baseline, results[0]) if baseline is not None else False
    return reporting.worst([*map(session.exit_status, results), int(worse), failed])


@contextlib.contextmanager
def _own(out: Path) -> Iterator[None]:
    """Have what --out names from the first variant, each of which has a folder in it, to the last."""
    with contextlib.ExitStack() as held:
        with premises.room(out):
            held.enter_context(rundir.own(out))
        yield


def _in_time(wanted: Sequence[Options], deadline: Deadline) -> Iterator[Options]:
    """The options of each run as it begins: it has as much of what is left as each of those after it, which have what
    it leaves.
    """
    for number, options in enumerate(wanted):
        left = len(wanted) - number
        yield replace(options, deadline=deadline.shared(left) if len(wanted) > 1 else deadline)


def _worse(args: argparse.Namespace, out: Path, baseline: RunResult, result: RunResult) -> bool:
    """Tell what changed since another run, on the terminal and beside the report; whether anything is worse.

    Of a run that its budget has made a part nothing is told: what it has not tried would look gone, or worse.
    """
    if result.partial:
        (out / "compare.html").unlink(missing_ok=True)  # of an earlier run
        print(f"not compared with {args.baseline}: {partial.how_far(result)}", file=sys.stderr)
        return False
    told = compare.between(baseline, result)
    places.write(out / "compare.html", comparisons.html(told, baseline, result).encode())
    print(comparisons.render(told, baseline, result), file=sys.stderr if args.json else sys.stdout)
    return bool(told.worse)
