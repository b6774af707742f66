# SPDX-License-Identifier: GPL-2.0-only
"""kseries test: the project's own tests, in a clone."""

import argparse
import os
import sys

from harness import resources
from harness.errors import InfraError, InputError


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "test",
        help="the project's own tests",
        description="Run lint, types, and the unit, guest and e2e tests (tox.ini).",
    )
    parser.add_argument("--yes", action="store_true", help="install missing Debian packages without asking")
    parser.add_argument("words", metavar="-- PYTEST ARGS", nargs="*", help="run pytest alone, with these arguments")
    parser.set_defaults(command=command)


def command(args: argparse.Namespace) -> int:
    """Hand over to tox; with arguments, to pytest. Does not return where it can do so."""
    top = resources.project()
    if not (top / "tox.ini").exists():
        raise InputError("kseries test needs a clone of the project, not an installed kseries")
    words = ["pytest", *args.words] if args.words else ["tox", "run", "-c", str(top / "tox.ini")]
    os.chdir(top)
    try:
        os.execv(sys.executable, [sys.executable, "-m", *words])
    except OSError as error:
        raise InfraError(f"cannot start {words[0]}: {error.strerror}") from error
