# SPDX-License-Identifier: GPL-2.0-only
"""docs/command-line.md: every command and option, told by the parser itself.

python -m kseries.cli.manual > docs/command-line.md
"""

import argparse
import re
from collections.abc import Iterator

from kseries.cli.parser import commands, shown

_OF_THIS_HOST = re.compile(r"\s*\(default(?: here)?: %\(default\)s\)")
_HOSTS = ("arch", "jobs", "workers")
"""Options whose defaults are another on another machine."""


def text(parser: argparse.ArgumentParser) -> str:
    """The page, in Markdown."""
    return "\n".join(_page(parser)) + "\n"


def _page(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield "# The command line"
    yield ""
    yield "Made from the parser: `python -m kseries.cli.manual > docs/command-line.md`. What lies behind the options is"
    yield "told in the [reference](reference.md)."
    for name, command in commands(parser).items():
        yield ""
        yield f"## kseries {name}"
        yield ""
        yield command.description or ""
        yield ""
        yield "| word | meaning |"
        yield "|---|---|"
        for action in shown(command):
            yield f"| {_word(action)} | {_cell(_meaning(action))} |"


def _word(action: argparse.Action) -> str:
    metavar = str(action.metavar or ("{" + ",".join(action.choices) + "}" if action.choices else ""))
    if not action.option_strings:
        return f"`{_cell(metavar)}`"
    takes = f" {metavar}" if action.nargs != 0 and metavar else ""
    return _cell(", ".join(f"`{option}{takes}`" for option in action.option_strings))


def _meaning(action: argparse.Action) -> str:
    return anywhere(action).replace("%(default)s", str(action.default))


def anywhere(action: argparse.Action) -> str:
    """The help of an argument, without a default that is another on another machine."""
    told = action.help or ""
    return _OF_THIS_HOST.sub("", told) if action.dest in _HOSTS else told


def _cell(words: str) -> str:
    return words.replace("|", "\\|")


if __name__ == "__main__":
    from kseries.cli import _parser

    print(text(_parser()), end="")
