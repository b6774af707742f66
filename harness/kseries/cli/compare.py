# SPDX-License-Identifier: GPL-2.0-only
"""kseries compare: what changed between two runs."""

import argparse
import sys
from datetime import datetime
from pathlib import Path

from kseries.app import rundir, session
from kseries.cache.runs import Kept, Stage
from kseries.cli import report, runs, target
from kseries.host import paths
from kseries.judge import compare
from kseries.judge.compare import Comparison
from kseries.model import RunResult
from kseries.model.errors import InputError
from kseries.report import comparisons, partial, places
from kseries.sources import TreeStore, versions

_FORMATS = ("text", "json", "html")


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "compare",
        help="what changed between two runs",
        description="Tell what changed from one finished run to another; exit 1 when something got worse.",
    )
    target.add_strict_argument(parser)
    parser.add_argument("old", metavar="OLD", nargs="?", help="a run (default: the last of NEW's series before it)")
    parser.add_argument("new", metavar="NEW", help="a run, as kseries report takes it")
    parser.add_argument("--format", choices=_FORMATS, default="text", help="default: %(default)s")
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, help="default: standard output")
    parser.set_defaults(command=command)


def command(args: argparse.Namespace) -> int:
    new, place = whole(report.place(args.new))
    old, _ = whole(report.place(args.old) if args.old is not None else before(new, place))
    told = between(old, new)
    said = {"text": comparisons.render, "html": comparisons.html}.get(args.format)
    data = f"{said(told, old, new) if said is not None else comparisons.json(told)}\n".encode()
    if args.output is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        places.write(args.output, data)
    return 1 if told.worse or (args.strict and not session.judged(new)) else 0


def whole(run: Path) -> tuple[RunResult, Path]:
    """The result of a run that came to its end, and its directory. Raises InputError for another, or none.

    What a run did not come to, interrupted or for its budget, would look gone, or new in the other one.
    """
    result, place = rundir.read(run)
    if result.partial:
        raise InputError(f"{place} is of a run {partial.why(result)}, and a part\n  run the series again to compare it")
    return result, place


def before(new: RunResult, place: Path) -> Path:
    """The last run of the same series, architecture and variant that is not the one at ``place``. Raises InputError.

    One that was interrupted is no whole one, nor is one that its budget did not do for.
    """
    replaced = False
    for run in runs.known().all():
        like = (run.series, run.arch, run.stage) == (new.series.name, new.arch, Stage.ENDED)
        if not like or (new.began and run.began >= datetime.fromisoformat(new.began)):
            continue
        if Path(run.out).resolve() == place.resolve():
            replaced = replaced or run.result is Kept.REPLACED
        elif run.result is Kept.THERE and _is_whole(rundir.read(Path(run.out))[0], new.variant.label):
            return Path(run.out)
    if replaced:
        raise InputError(
            f"the run of {new.series.name} before it was replaced: both wrote to {place}\n"
            "  give each run a folder of its own with --out, or name another: kseries compare OLD NEW"
        )
    raise InputError(f"there is no other run of {new.series.name}\n  name one: kseries compare OLD NEW")


def _is_whole(result: RunResult, variant: str) -> bool:
    return not result.partial and result.variant.label == variant


def between(old: RunResult, new: RunResult) -> Comparison:
    """What changed, patches matched with the help of the sources where the cache still has them. Raises InputError."""
    if old.arch != new.arch:
        raise InputError(f"one run is of {old.arch}, the other of {new.arch}\n  compare two of one architecture")
    store = paths.cache("trees.git")
    trees = TreeStore(store) if (store / "HEAD").exists() else None
    return compare.compare(old, new, versions.match(old.series.patches, new.series.patches, trees))
