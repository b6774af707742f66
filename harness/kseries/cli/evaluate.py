# SPDX-License-Identifier: GPL-2.0-only
"""kseries evaluate: one job from standard input, its observation to standard output. For programs, not for people."""

import argparse
import contextlib
import sys

import msgspec

from kseries.app import attached, evaluation
from kseries.cli import target
from kseries.host import signals
from kseries.model import Job, Outcome
from kseries.model.attached import Line, kind_of
from kseries.model.errors import InputError, KseriesError
from kseries.model.sanitize import line, shortened
from kseries.report.live import Progress

NAME = "evaluate"
"""--help does not list it."""

_LIMIT = 16 << 20
"""Bytes of a job: it has the configuration in it, and an id for each patch."""
_SHOWN = 300
"""Characters of what is wrong with one."""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        NAME,
        description="Read a job as JSON, build, boot and ask it, and print as JSON what was seen. Exit 0, or 3 where "
        "this host is why nothing was. The trees lie in the cache, and the logs will, by their SHA-256.",
    )
    parser.add_argument(
        "--unboxed", action="store_true", help="do a job that asks for no box: what it builds may do all that you may"
    )
    parser.add_argument(
        "--attached",
        action="store_true",
        help="the job is one line; print a line for each step; end when standard input does",
    )
    parser.add_argument("--until-built", action="store_true", help="with --attached: build it, and boot nothing")
    parser.add_argument("--jobs", metavar="N", type=target.up_to(4096), help="make -jN (default: one for each CPU)")
    parser.set_defaults(command=command)


def command(args: argparse.Namespace) -> int:
    if args.attached:
        return _attached(args)
    if args.until_built:
        raise InputError("--until-built is for who follows the build\n  add --attached")
    job = _job(sys.stdin.buffer.read(_LIMIT + 1), args)
    seen = evaluation.evaluate(job, Progress(sys.stderr), args.jobs)
    sys.stdout.buffer.write(msgspec.json.encode(seen) + b"\n")
    return _status(seen.outcome)


def _attached(args: argparse.Namespace) -> int:
    """The lines of model/attached.py; an error is one of them, too."""
    lines = attached.Lines(sys.stdout.buffer)
    try:
        job = _job(sys.stdin.buffer.readline(_LIMIT + 1), args)
        with contextlib.ExitStack() as held:
            with signals.ended_with(sys.stdin.fileno()) as ended:
                if args.until_built:
                    attached.prepare(job, lines, args.jobs)
                    return 0
                seen = held.enter_context(attached.evaluated(job, lines, args.jobs))
            lines.write(_line(seen))
            if seen.logs is not None and not seen.is_stored:
                ended.wait()  # who reads them holds our standard input open meanwhile
    except KseriesError as error:
        lines.write(Line(error=str(error), kind=kind_of(error)))
        return error.exit_status
    return _status(seen.observation.outcome)


def _line(seen: attached.Seen) -> Line:
    told = msgspec.Raw(msgspec.json.encode(seen.observation))
    return Line(observation=told, logs=str(seen.logs) if seen.logs is not None else None, program=seen.program)


def _job(data: bytes, args: argparse.Namespace) -> Job:
    try:
        job = msgspec.json.decode(data if len(data) <= _LIMIT else b"", type=Job)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        said = shortened(line(str(error)), _SHOWN)
        raise InputError(
            f"standard input is no job: {said}\n  it is the JSON of a job (docs/how-it-works.md)"
        ) from error
    if not (job.conditions.boxed or args.unboxed):
        raise InputError("the job is to be done without a box\n  whoever trusts all that it builds adds --unboxed")
    return job


def _status(outcome: Outcome) -> int:
    return 3 if outcome is Outcome.INFRA_ERROR else 0
