# SPDX-License-Identifier: GPL-2.0-only
"""The command line: one file per command, exit statuses and errors in one place."""

import argparse
import contextlib
import importlib
import os
import sys
import traceback
from collections.abc import Sequence

from kseries import __version__
from kseries.cache.runs import INTERRUPTED_STATUS
from kseries.cli import complaint, parser
from kseries.host import signals, surroundings
from kseries.model.errors import TRACEBACK, InfraError, InputError, KseriesError, in_words
from kseries.model.sanitize import line, shortened

_COMMANDS = {
    name: name.replace("-", "_")
    for name in (
        *("demo", "run", "plan", "promise", "try", "bisect", "merge", "revert", "pick", "shell"),
        *("report", "publish", "b4-check", "bundle", "watch", "compare", "runs", "gc", "doctor", "extra", "completion"),
        *("worker", "test", "evaluate", "lend"),
    )
} | {"try": "try_state"}
"""The module of each, in the order of --help. Only that of the command at hand is imported: all take half a second."""
_OWN = ("evaluate", "lend")
"""What kseries starts for itself; --help does not list them."""

_SAID = 300
"""Characters of an error that nobody foresaw: what it holds may be long."""


def main(words: Sequence[str] | None = None) -> int:
    """Run a command: 0 nothing found, 1 findings, 2 wrong input, 3 infrastructure, 130 Ctrl-C.

    An internal error is 3 too, as no patch has caused it: Python's own 1 would be read as findings. ``kseries try``
    alone has statuses of its own.
    """
    signals.handle()
    words = sys.argv[1:] if words is None else list(words)
    if words[:1] != ["try"]:
        return _main(words)
    from kseries.cli import try_state

    try:
        status = _main(words)
    except SystemExit as usage:  # argparse has said why
        return try_state.STATUSES.get(int(usage.code or 0), 0)
    return try_state.STATUSES.get(status, status)


def _main(words: Sequence[str]) -> int:
    try:
        _check_command(words)
        args = _parser(*words[:1]).parse_args(words)
        surroundings.settle()
        status = int(args.command(args))
        sys.stdout.flush()  # or Python tries at our exit, when nobody asks for the status any more
        return status
    except KseriesError as error:
        return complaint.of(error)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output went away, as `| head` does
        return 141
    except OSError as error:
        if (unwritten := _print_what_can_be()) and not error.filename:
            return complaint.said(f"cannot write to standard output: {unwritten.strerror}", InfraError.exit_status)
        where = f": {error.filename}" if error.filename else ""
        return complaint.said(f"{in_words(error)}{where}", InfraError.exit_status)
    except KeyboardInterrupt:
        with contextlib.suppress(OSError):  # as in complaint.py
            print("\nkseries: interrupted; run it again to go on, finished states are cached", file=sys.stderr)
        return INTERRUPTED_STATUS
    except Exception as error:
        _print_what_can_be()
        return complaint.said(_of_ours(error), InfraError.exit_status)


def _of_ours(error: Exception) -> str:
    """What is said of an error that nobody foresaw: for a user what it is, for who mends it where."""
    if os.environ.get(TRACEBACK):
        return "".join(["internal error in kseries:\n", *traceback.format_exception(error)]).rstrip()
    said = shortened(line(repr(error)), _SAID)
    head = "internal error in kseries, not caused by your patches"
    return f"{head}: {said}\n  {TRACEBACK}=1 in the environment shows where"


def _print_what_can_be() -> OSError | None:
    """Flush standard output; what it does not take would be tried again at our exit, and change the status.

    Returns why it does not.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return error
    return None


def _check_command(words: Sequence[str]) -> None:
    """Raise InputError for a command that there is not, with the one that may be meant."""
    if words and not words[0].startswith("-") and words[0] not in _COMMANDS:
        shown = [name for name in _COMMANDS if name not in _OWN]
        said = line(shortened(words[0], _SAID))
        raise InputError(f"no such command: {said}\n  {parser.nearest(words[0], shown)}")


def _parser(word: str = "") -> argparse.ArgumentParser:
    """The parser of the command that a word names, or else of all commands."""
    top = parser.Parser(
        prog="kseries", description="Is every patch of a kernel series safe to land, to bisect through, and to revert?"
    )
    top.add_argument("--version", action="version", version=f"kseries {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in () if word == "--version" else [word] if word in _COMMANDS else _COMMANDS:
        importlib.import_module(f"kseries.cli.{_COMMANDS[name]}").register(commands)
    return top
