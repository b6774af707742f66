# SPDX-License-Identifier: GPL-2.0-only
"""What a state is asked: the options that try and bisect have in common."""

import argparse

from kseries.bisect.answer import Asked, Question


def add_arguments(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--check", metavar="ID", help="bad is what fails this check (probe.name), or breaks this contract"
    )
    which.add_argument("--build", action="store_true", help="bad is what does not build")
    which.add_argument("--boot", action="store_true", help="bad is what does not boot")


def of(args: argparse.Namespace) -> Question:
    if args.check is not None:
        return Question(asked=Asked.CHECK, id=args.check)
    return Question(asked=Asked.BUILD if args.build else Asked.BOOT if args.boot else Asked.PROMISES)
