# SPDX-License-Identifier: GPL-2.0-only
"""kseries evaluate: one job from standard input, its observation to standard output. For programs, not for people."""

import argparse
import sys

import msgspec

from kseries.app import evaluation
from kseries.model import Job, Outcome
from kseries.model.errors import InputError
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
    parser.set_defaults(command=command)


def command(args: argparse.Namespace) -> int:
    data = sys.stdin.buffer.read(_LIMIT + 1)
    try:
        job = msgspec.json.decode(data if len(data) <= _LIMIT else b"", type=Job)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        said = shortened(line(str(error)), _SHOWN)
        raise InputError(
            f"standard input is no job: {said}\n  it is the JSON of a job (docs/how-it-works.md)"
        ) from error
    if not (job.conditions.boxed or args.unboxed):
        raise InputError("the job is to be done without a box\n  whoever trusts all that it builds adds --unboxed")
    seen = evaluation.evaluate(job, Progress(sys.stderr))
    sys.stdout.buffer.write(msgspec.json.encode(seen) + b"\n")
    return 3 if seen.outcome is Outcome.INFRA_ERROR else 0
