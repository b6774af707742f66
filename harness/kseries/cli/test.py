# SPDX-License-Identifier: GPL-2.0-only
"""kseries test: the project's own tests, in a clone."""

import argparse
import os
import sys

from kseries.cli import parser as parsers
from kseries.host import paths
from kseries.model.errors import InfraError, InputError, in_words
from kseries.model.sanitize import line

PARTS = {
    "demo": "the bundled series of exit-on-missing as a whole, on both architectures",
    "demo-7.3": "the same series for 7.3, on both architectures",
    "series": "the other bundled series, and Debian's queue",
    "promises": "series without any contract: what is inferred of ours, and nothing of eleven harmless ones",
    "e2e": "the rest of the command line on real kernels: bisection, shell, hostile series, interrupts",
    "history": "bisecting histories with merges, and made-up ones of which kernels answer now so, now so",
    "host-tests": "tests that drive a guest from outside, in runs and in a pytest of one's own, on both architectures",
    "releases": "6.1, 6.12, 7.2 and 7.3 as they are, and with a line more",
    "userland": "commands, a shell and kselftest's scripts in a userland of Debian's packages",
    "subsystems": "kernels that test themselves with KUnit, and the series that only this shows",
    "cluster": "hosts with a network each and TLS between them: the tiny kernel, and the split series of the demo",
    "guest": "every ending of a boot, and a sample of wrong kernels for each architecture",
    "faults": "every fault at every stage, every program that hangs",
    "identical": "incremental builds against clean ones, on the real kernel",
    "mutants-x86_64": "all wrong kernels of x86-64, and twenty boots of good ones",
    "mutants-arm64": "the same of arm64",
    "mutants-7.3": "wrong kernels of 7.3, and twenty boots of good ones",
    "fuzz": "the parsers of what strangers write, ten minutes each",
}
"""What ``--full`` runs, and what each of it is about; docs/testing.md says when to run which."""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "test",
        help="the project's own tests",
        description="Run lint, types, and the short tests of everything (tox.ini); with --full the long ones.",
        epilog="parts: " + "; ".join(f"{name}: {about}" for name, about in PARTS.items()),
    )
    assert isinstance(parser, parsers.Parser)
    parser.rest = "rest"
    parser.add_argument("--yes", action="store_true", help="install missing Debian packages without asking")
    parser.add_argument(
        "--full", metavar="PART", nargs="*", choices=PARTS, help="run the long tests: these parts, or all of them"
    )
    parser.add_argument(
        "words", metavar="-- PYTEST ARGS", nargs="*", help="run pytest alone, or the parts, with these arguments"
    )
    parser.set_defaults(command=command, rest=[])


def command(args: argparse.Namespace) -> int:
    """Hand over to tox; with arguments and no parts, to pytest. Does not return where it can do so."""
    if args.words:
        word = line(args.words[0])
        part = word if word in PARTS else "PART"
        cure = f"--full {part} runs a part, and -- {word} has pytest take it"
        raise InputError(f"{word}: no option of kseries test\n  {cure}")
    top = paths.project()
    if not (top / "tox.ini").exists():
        raise InputError("kseries test needs a clone of the project, not an installed kseries")
    words = ["tox", "run", "-c", str(top / "tox.ini"), *_chosen(args.full)]
    if args.rest:
        words = ["pytest", *args.rest] if args.full is None else [*words, "--", *args.rest]
    os.chdir(top)
    # The tests run in the environment that we run in: a second one like it would take a minute to make. Of PYTHONPATH
    # neither tox nor pytest imports anything; the programs that the tests start find the clone there.
    env = {**os.environ, "KSERIES_PYTHON": sys.executable, "KSERIES_DEPENDENCIES": "", "PYTHONPATH": str(top)}
    try:
        os.execve(sys.executable, [sys.executable, "-I", "-m", *words], env)
    except OSError as error:
        raise InfraError(f"cannot start {words[0]}: {in_words(error)}") from error


def _chosen(parts: list[str] | None) -> list[str]:
    """The environments of tox.ini, where they are not those that it runs by itself."""
    return [] if parts is None else ["-e", ",".join(parts or PARTS)]
