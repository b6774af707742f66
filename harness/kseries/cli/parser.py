# SPDX-License-Identifier: GPL-2.0-only
"""A parser of command lines that tells what is wrong in two lines, as every other error is told."""

import argparse
import difflib
from collections.abc import Iterator
from typing import Any, NoReturn

from kseries.model.errors import InputError
from kseries.model.sanitize import line, shortened

_ALIKE = 0.75
"""How much of an option has to be there of one that somebody may have meant: --kunit is no --wait."""
_MOST = 3
"""Options that begin alike and are shown."""
_SAID = 300
"""Characters of words that no parser takes: a shell may have made them of ``*``."""


class Parser(argparse.ArgumentParser):
    """As Python's, but that an error comes without all options there are (``--help`` lists them), that an option is
    written out, so that none which is added changes what another command line means, and that no value is empty.
    """

    rest: str | None = None
    """Where what follows a ``--`` goes, if it is for another parser."""
    rest_of: str | None = None
    """The command whose options those are, if they are options."""
    may_be_empty: tuple[str, ...] = ()
    """Where an empty value goes that means something."""

    def __init__(self, **how: Any) -> None:
        super().__init__(**{"allow_abbrev": False, **how})

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As Python's, up to a ``--`` whose rest is another's. What a command does not know is its error, and not that
        of all commands.
        """
        rest: list[str] | None = None
        if self.rest is not None and args is not None and "--" in args:
            at = args.index("--")
            args, rest = args[:at], list(args[at + 1 :])
        found, unknown = super().parse_known_args(args, namespace)
        if rest is not None:
            setattr(found, str(self.rest), rest)
        if unknown and self._subparsers is None:
            self._refuse(unknown)
        return found, unknown

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        """Raises InputError for an empty one, mostly a variable of a shell that is not set: it would be as if nothing
        was said, or the current folder.
        """
        of_a_command = isinstance(action, argparse._SubParsersAction)  # which asks its own parser
        if not arg_string and not of_a_command and action.dest not in self.may_be_empty:
            said = "the option" if action.option_strings else "it"
            leave = "" if action.required else f", or leave {said} out"
            raise InputError(f"{_name(action)}: it is empty\n  name one{leave}")
        return super()._get_value(action, arg_string)

    def _refuse(self, unknown: list[str]) -> NoReturn:
        """Say what is not known, and exit with 2."""
        words = shortened(line(" ".join(unknown)), _SAID)
        hints = "".join(self._hints(unknown))
        self.exit(2, f"{self.prog}: unrecognized arguments: {words}\n  {hints}see {self.prog} --help\n")

    def _hints(self, unknown: list[str]) -> Iterator[str]:
        """What may be meant, each with what parts it from the next one."""
        options = [word.partition("=")[0] for word in unknown if word.startswith("-")]
        if options and (alike := _alike(options[0], self._shown())):
            yield f"did you mean {' or '.join(alike)}? "
        if options and self.rest_of is not None:
            yield f"options of {self.rest_of} follow a --; "
        if all(word.endswith(".patch") for word in unknown) and any(one.dest == "target" for one in self._actions):
            yield "TARGET is one: of several patches name the folder; "

    def _shown(self) -> list[str]:
        """The long options that ``--help`` lists."""
        return [word for one in shown(self) for word in one.option_strings if word.startswith("--")]

    def error(self, message: str) -> NoReturn:
        """Say it, and exit with 2."""
        self.exit(2, f"{self.prog}: {message}\n  see {self.prog} --help\n")


def shown(command: argparse.ArgumentParser) -> list[argparse.Action]:
    """The arguments that ``--help`` lists."""
    return [one for one in command._actions if one.help != argparse.SUPPRESS]


def commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The commands that ``--help`` lists; those that kseries starts for itself have no help."""
    (found,) = (one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    listed = {action.dest for action in found._choices_actions}
    return {name: command for name, command in found.choices.items() if name in listed}


def _name(action: argparse.Action) -> str:
    """An argument as whoever typed it knows it."""
    return "/".join(action.option_strings) or str(action.metavar or action.dest)


def _alike(word: str, options: list[str]) -> list[str]:
    """The options that begin with a word, else the one that looks like it."""
    begun = [option for option in options if option.startswith(word)] if word.startswith("--") else []
    return begun[:_MOST] or difflib.get_close_matches(word, options, n=1, cutoff=_ALIKE)


def nearest(word: str, words: list[str]) -> str:
    """What somebody may have meant who has mistyped one of some words, as an end of a sentence; or all of them."""
    alike = difflib.get_close_matches(word, words, n=1)
    return f"did you mean {alike[0]}?" if alike else f"there are: {', '.join(words)}"
