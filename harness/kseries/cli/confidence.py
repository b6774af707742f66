# SPDX-License-Identifier: GPL-2.0-only
"""kseries bisect --confidence: a search whose kernels answer now so, now so."""

import argparse
import sys

import msgspec

from kseries import inputs
from kseries.app import flakiness, single
from kseries.bisect import confidence
from kseries.bisect.answer import Asked, Question
from kseries.bisect.ends import Ends
from kseries.bisect.search import Asked as Answered
from kseries.bisect.search import Settings
from kseries.bisect.staterunner import StateRunner
from kseries.cache.flakes import Family
from kseries.cli import question, target
from kseries.model.errors import InputError
from kseries.model.sanitize import shortened
from kseries.report import json, searches
from kseries.report.live import Progress

_LEAST, _MOST = 0.5, 0.999999
_BOOTS = 300
_MOST_BOOTS = 100_000
_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is asked of a search with a confidence."""
    parser.add_argument(
        "--confidence",
        metavar="C",
        type=_share,
        help="a bad kernel may pass now and then: boot again what tells most, until one commit or patch is the first"
        " bad one with this probability, such as 0.99",
    )
    parser.add_argument(
        "--boots",
        metavar="N",
        type=target.up_to(_MOST_BOOTS),
        help=f"with --confidence: the most boots (default: {_BOOTS})",
    )


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not _LEAST <= share <= _MOST:
        raise argparse.ArgumentTypeError(f"{shortened(text, _SHOWN)} is no probability from {_LEAST} to {_MOST}")
    return share


def check(args: argparse.Namespace) -> None:
    """Raise InputError for what does not go with a confidence."""
    if args.confidence is None and args.boots is not None:
        raise InputError("--boots: it bounds a search with a confidence\n  add --confidence 0.99, or drop it")
    if args.confidence is not None and args.replay is not None:
        raise InputError("--replay: a log says good or bad, and not of how many boots\n  drop it, or --confidence")
    if args.confidence is not None and args.build:
        raise InputError("--build: what does not build fails each time\n  drop it, or --confidence")


def command(args: argparse.Namespace, wanted: inputs.Target) -> int:
    """Exit 1 when a first bad patch or commit was found, or several of which it is one."""
    asked, tell = question.of(args), Progress(sys.stderr)

    def told(event: Answered) -> None:
        if not args.json:
            print(searches.line_of(event), flush=True)

    with single.state_runner(wanted, target.options(args), args.out, tell) as runner:
        settings = _settings(args, runner, asked, tell)
        found = confidence.run(runner, asked, settings, args.prove, told)
    print(json.document(found) if args.json else searches.render(found))
    return 1


def _settings(args: argparse.Namespace, runner: StateRunner, asked: Question, tell: Progress) -> Settings:
    boots = args.boots if args.boots is not None else _BOOTS
    settings = Settings(confidence=args.confidence, boots=boots, ends=Ends.within(boots))
    if asked.asked is not Asked.CHECK:
        return settings
    setup = runner.setup
    family = Family.of(runner.base.version, setup.accel.name, setup.conditions)
    known = flakiness.rate(asked.id, family, tell, confidence.trees(runner))
    rates = settings.rates.with_memory(known.failed, known.boots)
    return msgspec.structs.replace(settings, rates=rates)
