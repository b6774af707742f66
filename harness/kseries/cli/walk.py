# SPDX-License-Identifier: GPL-2.0-only
"""How kseries bisect walks a history: the options, and the answers that somebody has already."""

import argparse
from pathlib import Path

from kseries.bisect import replay
from kseries.bisect.replay import Log
from kseries.cli.parser import Parser
from kseries.inputs import Walk


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of git bisect start, and the paths behind a ``--``."""
    assert isinstance(parser, Parser)
    parser.rest = "paths"
    parser.set_defaults(paths=[])
    parser.add_argument(
        "--first-parent", action="store_true", help="over history: along first parents alone, as of git bisect"
    )
    parser.add_argument(
        "--replay", metavar="FILE", type=Path, help="over history: go on from the answers of a git bisect log"
    )


def log_of(args: argparse.Namespace) -> Log | None:
    """The answers that are given. Raises InputError."""
    return replay.read(args.replay) if args.replay is not None else None


def of(args: argparse.Namespace, log: Log | None) -> Walk:
    """What is asked; a log's own options hold where none are given."""
    return Walk(
        first_parent=args.first_parent or (log is not None and log.first_parent),
        paths=tuple(args.paths) or (log.paths if log is not None else ()),
        replayed=log is not None,
    )


def options(args: argparse.Namespace) -> tuple[str, ...]:
    """Those that only a history has, as they were given."""
    given = (("--first-parent", args.first_parent), ("--replay", args.replay), ("-- PATH", args.paths))
    return tuple(name for name, value in given if value)
