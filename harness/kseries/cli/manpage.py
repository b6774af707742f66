# SPDX-License-Identifier: GPL-2.0-only
"""docs/kseries.1: the man page, by argparse-manpage. The sections that no parser knows are in docs/kseries.1.include.

python -m kseries.cli.manpage > docs/kseries.1
"""

import argparse
from collections.abc import Iterator

from argparse_manpage.manpage import Manpage

from kseries import __version__
from kseries.cli import manual
from kseries.cli.parser import commands
from kseries.host import paths

_HEAD = """\
.\\" SPDX-License-Identifier: GPL-2.0-only
.\\" Made from the parser: python -m kseries.cli.manpage > docs/kseries.1
"""
_MODEL = "run"
"""The command in which the options stand that many commands have."""
_SHARED = "target"
"""The argument by which a command is known to have many of them."""


class _OneLine(argparse.HelpFormatter):
    """What is broken into lines here could begin one with a dot or an apostrophe, which roff takes for a request."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=100000)

    def add_usage(self, usage: str | None, actions: object, groups: object, prefix: str | None = "") -> None:
        super().add_usage(usage, actions, groups, "")  # type: ignore[arg-type]


def text(parser: argparse.ArgumentParser) -> str:
    """The page, in roff. The parser serves nothing else after that: it is cut down to what the page shows of it."""
    about = parser.description or ""
    parser.description = None  # what the section of that name says is in the file
    parser.formatter_class = _OneLine
    _leave_what_is_shown(parser)
    data = {
        "description": about[:1].lower() + about[1:],
        "project_name": parser.prog,
        "version": __version__,
        "manual_title": "User Commands",
        "include": str(paths.project("docs", "kseries.1.include")),
    }
    page = Manpage(parser, data, format="single-commands-section")
    page.date = ""  # the same text on each day
    return _HEAD + "".join(f"{line}\n" for line in _paragraphs(str(page)))


def _leave_what_is_shown(parser: argparse.ArgumentParser) -> None:
    """Of each command a short usage, and of what it has in common with ``_MODEL`` the names."""
    shown = commands(parser)
    (found,) = (one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    for name in [*found.choices]:
        if name not in shown:
            del found.choices[name]
    found._choices_actions.clear()  # a command's description says what its help does
    model = {_identity(action) for action in shown[_MODEL]._actions}
    for name, command in shown.items():
        for action in command._actions:
            action.help = manual.anywhere(action)
        command.formatter_class = _OneLine
        command.usage = " ".join(_usage(command))
        if name != _MODEL and any(action.dest == _SHARED for action in command._actions):
            _refer(command, model)


def _usage(command: argparse.ArgumentParser) -> Iterator[str]:
    yield f"{command.prog} [OPTION]..."
    formatter = command._get_formatter()
    for action in command._get_positional_actions():
        yield formatter._format_args(action, action.dest)


def _refer(command: argparse.ArgumentParser, model: set[tuple[object, ...]]) -> None:
    """Name what a command takes as ``_MODEL`` does, and describe it no second time."""
    names = []
    for action in command._actions:
        if _identity(action) in model and "--help" not in action.option_strings:
            names.append(action.option_strings[-1] if action.option_strings else str(action.metavar))
            action.help = argparse.SUPPRESS
    command.description = f"{command.description}\n\nThese are as in kseries {_MODEL}: {', '.join(names)}."


def _identity(action: argparse.Action) -> tuple[object, ...]:
    """What two arguments have in common that are one to whoever reads of them."""
    return (*action.option_strings, action.metavar, manual.anywhere(action))


def _paragraphs(page: str) -> Iterator[str]:
    """The lines of a page, with a request for each empty line that parts two texts; one before a request is none."""
    lines = page.splitlines()
    for line, following in zip(lines, [*lines[1:], "."], strict=True):
        if line:
            yield line
        elif following and not following.startswith("."):
            yield ".PP"


if __name__ == "__main__":
    from kseries.cli import _parser

    print(text(_parser()), end="")
