# SPDX-License-Identifier: GPL-2.0-only
"""kseries completion: what a shell completes our command line with. shells.py makes the files that this prints."""

import argparse

from kseries.host import paths

FILES = {"bash": "kseries.bash", "zsh": "_kseries", "fish": "kseries.fish"}
"""The name that each shell looks for, in docs/completion."""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "completion",
        help="have your shell complete this command line",
        description="Print what a shell completes the command line of kseries with, for the shell to read:"
        ' eval "$(kseries completion bash)".',
    )
    parser.add_argument("shell", metavar="SHELL", choices=FILES, help=", ".join(FILES))
    parser.set_defaults(command=command)


def command(args: argparse.Namespace) -> int:
    print(paths.project("docs", "completion", FILES[args.shell]).read_text(), end="")
    return 0
