# SPDX-License-Identifier: GPL-2.0-only
"""docs/command-line.md: every command and option, told by the parser itself.

python -m kseries.cli.manual > docs/command-line.md
"""

import argparse
import re
from collections.abc import Iterator

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
    (commands,) = (one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    shown = {action.dest for action in commands._choices_actions}
    for name, command in commands.choices.items():
        if name not in shown:
            continue
        yield ""
        yield f"## kseries {name}"
        yield ""
        yield command.description or ""
        yield ""
        yield "| word | meaning |"
        yield "|---|---|"
        for action in command._actions:
            yield f"| {_word(action)} | {_cell(_meaning(action))} |"


def _word(action: argparse.Action) -> str:
    metavar = str(action.metavar or ("{" + ",".join(action.choices) + "}" if action.choices else ""))
    if not action.option_strings:
        return f"`{_cell(metavar)}`"
    takes = f" {metavar}" if action.nargs != 0 and metavar else ""
    return _cell(", ".join(f"`{option}{takes}`" for option in action.option_strings))


def _meaning(action: argparse.Action) -> str:
    told = action.help or ""
    if action.dest in _HOSTS:
        told = _OF_THIS_HOST.sub("", told)
    return told.replace("%(default)s", str(action.default))


def _cell(words: str) -> str:
    return words.replace("|", "\\|")


if __name__ == "__main__":
    from kseries.cli import _parser

    print(text(_parser()), end="")
