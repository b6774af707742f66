# SPDX-License-Identifier: GPL-2.0-only
"""docs/completion: what completes our command line in a shell, by shtab of the parser.

python -m kseries.cli.shells bash > docs/completion/kseries.bash
python -m kseries.cli.shells zsh > docs/completion/_kseries
python -m kseries.cli.shells fish > docs/completion/kseries.fish
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import shtab

from kseries import arch as archs
from kseries.app.setup import known_probes
from kseries.cli import manual
from kseries.cli.parser import commands
from kseries.host.extras import EXTRAS
from kseries.inputs import variants
from kseries.plan import scenarios
from kseries.publish import registry

_FOLDERS = ("DIR",)
_FILES = ("FILE", "FRAGMENT", "TARGET", "OTHER", "RUN", "OLD", "NEW", "T", "U", "BASE")
"""What an argument is called that names a folder, or a file or a folder. Some may be something else, too."""
_OF_ZSH = re.compile(r"[][:]")
"""What means something to zsh in the name of an argument: behind a colon stands what it is to call."""
_WORDS: Mapping[str, Callable[[], Iterable[str]]] = {
    "arch": archs.known,
    "probe": known_probes,
    "scenario": lambda: scenarios.SCENARIOS,
    "variant": variants.ours,
    "format": lambda: registry.OURS,
    "report": lambda: registry.OURS,
    "publish": lambda: registry.OURS,
    "to": lambda: registry.OURS,
    "names": lambda: EXTRAS,
}
"""Arguments that the parser takes as any text, since they may be a list, or one of somebody else's."""


def text(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script of a shell. The parser serves nothing else after that: it takes words for choices."""
    for command in commands(parser).values():
        command.description = None  # the few words of its help fit beside its name
        for action in command._actions:
            _mark(action)
    return shtab.complete(parser, shell).rstrip("\n") + "\n"


def _mark(action: argparse.Action) -> None:
    """Tell shtab what an argument may be."""
    if action.metavar in _FOLDERS:
        action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    elif action.metavar in _FILES or action.type is Path:
        action.complete = shtab.FILE  # type: ignore[attr-defined]
    elif action.choices is not None:
        action.choices = [*action.choices]  # a dictionary is of commands to shtab
    elif action.dest in _WORDS:
        action.choices = [*_WORDS[action.dest]()]
    action.help = manual.anywhere(action)
    if isinstance(action.metavar, str):
        action.metavar = _OF_ZSH.sub(" ", action.metavar).strip()


if __name__ == "__main__":
    from kseries.cli import _parser

    print(text(_parser(), *sys.argv[1:]), end="")
