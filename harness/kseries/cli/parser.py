# SPDX-License-Identifier: GPL-2.0-only
"""A parser of command lines that tells what is wrong in two lines, as every other error is told."""

import argparse
import difflib
from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    """As Python's, but that an error comes without all options there are: ``--help`` lists them."""

    rest: str | None = None
    """Where what follows a ``--`` goes, if it is for another parser."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As Python's, up to a ``--`` whose rest is another's."""
        if self.rest is None or args is None or "--" not in args:
            return super().parse_known_args(args, namespace)
        at = args.index("--")
        found, unknown = super().parse_known_args(args[:at], namespace)
        setattr(found, self.rest, list(args[at + 1 :]))
        return found, unknown

    def error(self, message: str) -> NoReturn:
        """Say it, and exit with 2."""
        self.exit(2, f"{self.prog}: {message}\n  see {self.prog} --help\n")


def commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The commands that ``--help`` lists; those that kseries starts for itself have no help."""
    (found,) = (one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    listed = {action.dest for action in found._choices_actions}
    return {name: command for name, command in found.choices.items() if name in listed}


def nearest(word: str, words: list[str]) -> str:
    """What somebody may have meant who has mistyped one of some words, as an end of a sentence; or all of them."""
    alike = difflib.get_close_matches(word, words, n=1)
    return f"did you mean {alike[0]}?" if alike else f"there are: {', '.join(words)}"
