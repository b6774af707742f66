# SPDX-License-Identifier: GPL-2.0-only
"""kseries watch: judge the series that are posted somewhere, as they come."""

import argparse
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from kseries.app import reports, rundir, setup
from kseries.app.options import Options
from kseries.cli import parser as parsers
from kseries.cli import reporting, run, target
from kseries.inputs import knownissues
from kseries.model.errors import InfraError, InputError
from kseries.model.sanitize import line, printable
from kseries.report import json
from kseries.report.live import Progress
from kseries.sources import kernels
from kseries.watch import listing, sources, watching
from kseries.watch.choosing import Picks
from kseries.watch.order import Order
from kseries.watch.publishing import Publisher
from kseries.watch.queue import FILE, Queue
from kseries.watch.work import Watcher

_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_EVERY = 60.0
_PATIENCE = 3600.0
_SINCE = 14 * 86400.0
_OURS = ("tree", "base", "prerequisite", "reroll", "out", "budget", "publish", "baseline", "json")
"""What of kseries run the watch says itself, for each series."""
_EXAMPLE = "kseries watch ~/Maildir --tree ~/linux --once -- --config auto"


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "watch",
        help="judge the series that are posted somewhere",
        description="Look for series in a mailbox, find their bases, judge the newest version of each, and have a page"
        " of them. Options of kseries run follow a --, for all of its runs.",
        epilog=f"as in: {_EXAMPLE}",
    )
    assert isinstance(parser, parsers.Parser)
    parser.rest, parser.rest_of = "run_words", "kseries run"
    parser.add_argument("source", metavar="SOURCE", nargs="*", help=f"{sources.FORMS}; several, too")
    parser.add_argument(
        "--tree", metavar="T", action="append", default=[], help="as of kseries run; several: each series has its own"
    )
    _add_choice(parser)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--once", action="store_true", help="end when nothing is left to be done: for cron")
    how.add_argument(
        "--every", metavar="TIME", type=_seconds, default=_EVERY, help="look for mails so often (default: 60s)"
    )
    parser.add_argument("--budget", metavar="TIME", help="for the whole answer of a series, as of kseries run: 20m")
    parser.add_argument(
        "--wait", metavar="TIME", type=_seconds, default=_PATIENCE, help="for mails that are missing (default: 1h)"
    )
    parser.add_argument(
        "--since", metavar="TIME", type=_seconds, default=_SINCE, help="pass over what is older (default: 14d; 0: none)"
    )
    parser.add_argument("--queue", metavar="DIR", type=Path, default=Path("kseries-watch"), help="default: %(default)s")
    parser.add_argument("--out", metavar="DIR", type=Path, help="where the page goes (default: page/ in the queue)")
    parser.add_argument(
        "--publish", metavar="NAME[=WHERE]", action="append", default=[], help="as --to of kseries publish"
    )
    parser.add_argument(
        "--url", metavar="PREFIX", type=reporting.prefix, help="what is published leads to runs below this"
    )
    parser.add_argument("--list-queue", action="store_true", help="print the queue, and do nothing")
    parser.add_argument("--json", action="store_true", help="with --list-queue: print JSON")
    parser.set_defaults(command=command, run_words=[])


def _add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--path", metavar="GLOB", action="append", default=[], help="series that touch such a file: 'virt/kvm/*'"
    )
    parser.add_argument(
        "--list", metavar="ADDRESS", action="append", default=[], dest="lists", help="series that went to this list"
    )
    parser.add_argument(
        "--subject", metavar="REGEX", action="append", default=[], help="series with such a subject, tags and all"
    )


def command(args: argparse.Namespace) -> int:
    """0 when all that could be judged was, 3 where a source, a run or a publication failed; 130 after Ctrl-C.

    What was found is no matter of its exit status: the page tells it.
    """
    if args.list_queue:
        return _list(args)
    if args.json:
        raise InputError("--json: print the queue with it: --list-queue --json")
    order = _order(args)
    setup.require((order.options,), Progress(sys.stderr))
    rundir.create(args.queue, "--queue")
    if args.out is not None:
        rundir.create(args.out)
    with watching.alone(order.queue, lambda: _say("waiting for a run of a watch that was killed to end")):
        watcher = Watcher(order, _say)
        watcher.begin()
        while True:
            began = time.monotonic()
            watcher.round()
            if args.once:
                return InfraError.exit_status if watcher.failed else 0
            time.sleep(max(0.0, args.every - (time.monotonic() - began)))


def _list(args: argparse.Namespace) -> int:
    if not (args.queue / FILE).is_file():
        raise InputError(f"no queue: {args.queue / FILE}\n  --queue names the folder of one")
    queue = Queue(args.queue, _say)
    queue.look()
    items = tuple(queue.items.values())
    print(json.document({"series": items}) if args.json else listing.render(items))
    return 0


def _order(args: argparse.Namespace) -> Order:
    """What a command line asks for. Raises InputError."""
    if not args.source:
        raise InputError(f"which SOURCE?\n  {sources.FORMS}")
    if not args.tree:
        raise InputError("on which trees? name them with --tree\n  each series is judged on the one that has its base")
    if args.url is not None and not args.publish:
        raise InputError("--url: of nothing that is published\n  add --publish")
    return Order(
        queue=args.queue.resolve(),
        sources=tuple(sources.of(one) for one in args.source),
        trees=tuple(map(_lasting, args.tree)),
        picks=Picks.of(args.path, args.lists, args.subject),
        options=_options(args.run_words, args.budget),
        words=tuple(args.run_words),
        quick_words=tuple(target.without_booted(args.run_words)),
        page=(args.out or args.queue / "page").resolve(),
        publisher=Publisher(_places(args.publish), args.url),
        budget=args.budget,
        patience=args.wait,
        since=args.since or None,
        look=_EVERY if args.once else args.every,
    )


def _places(publish: Sequence[str]) -> tuple[str, ...]:
    """Where answers go, which each takes them: found out before anything is judged. Raises InputError, InfraError."""
    asked = [reports.asked(words, "--publish") for words in publish]
    for one in asked:
        if one.of_one_run:
            raise InputError(
                f"--publish {one.name}={line(str(one.to))} is one file, and series would take each other's place\n"
                f"  --publish {one.name} writes one into the folder of each run"
            )
    reports.check(asked, ())
    return tuple(publish)


def _lasting(tree: str) -> str:
    """A --tree as the queue keeps it, which may be gone on with from another folder. Raises InputError."""
    if kernels.is_debians(tree):
        return tree
    if not Path(tree).exists():
        raise InputError(f"no such kernel tree: {tree}\n  --tree names a git repository, as of kseries run")
    return str(Path(tree).resolve())


def _options(words: Sequence[str], budget: str | None) -> Options:
    """What all runs have. Raises InputError for what is wrong with them, or is not theirs to say."""
    top: argparse.ArgumentParser = parsers.Parser()
    commands = top.add_subparsers()
    run.register(commands)
    parser = commands.choices["run"]
    parser.prog = "kseries run"
    args = parser.parse_args(["SERIES", *words])
    for name in _OURS:
        if getattr(args, name, None) != parser.get_default(name):
            option = "-v" if name == "reroll" else f"--{name}"
            raise InputError(f"-- {option}: the watch says that itself, for each series\n  leave it out behind the --")
    if budget is not None:
        parser.parse_args(["SERIES", *words, "--budget", budget])
    knownissues.read(args.known_issues)  # by each run again
    args.variant = []  # which each run has by itself
    return target.each(args)[0]


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d{1,9}(?:\.\d+)?)([smhd]?)", text, re.ASCII)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text} is no time such as 60s, 20m, 1h or 14d")
    return float(found[1]) * _SECONDS[found[2]]


def _say(words: str) -> None:
    print(f"kseries: {printable(words)}", file=sys.stderr, flush=True)
