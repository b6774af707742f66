# SPDX-License-Identifier: GPL-2.0-only
"""kseries lend: states of a series for a pytest that asks for them by a socket. For the plugin, not for people."""

import argparse
import os
import socket

from kseries.app import lending, single
from kseries.cli import target
from kseries.cli.parser import Parser
from kseries.hosttest import control
from kseries.model.errors import KseriesError
from kseries.report.live import Progress

NAME = "lend"
"""--help does not list it."""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        NAME,
        description="Build and boot states for who has the other end of a socket, which is inherited, as pytest"
        " --kseries-target has it.",
    )
    parser.add_argument("wire", metavar="SOCKET", type=int, help="its descriptor")
    parser.add_argument("progress", metavar="PIPE", type=int, help="the descriptor of where progress goes")
    parser.add_argument("states", metavar="STATE,..", help="states, all, or nothing for the tip")
    target.add_arguments(parser)
    parser.add_argument("--onto", metavar="REV", help="make reverts from this commit of --tree, which has the series")
    target.add_kernel_arguments(parser, unbooted=False)
    assert isinstance(parser, Parser)
    parser.may_be_empty = ("states",)
    parser.set_defaults(command=command)


def command(args: argparse.Namespace) -> int:
    """Exit 0 once the other end is closed; what there is to say before that goes through the socket, errors too."""
    with socket.socket(fileno=args.wire) as wire, os.fdopen(args.progress, "w", errors="backslashreplace") as progress:
        try:
            _lend(args, wire, Progress(progress))
        except KseriesError as error:
            wire.sendall(control.line("refused", text=str(error)))
            return error.exit_status
    return 0


def _lend(args: argparse.Namespace, wire: socket.socket, tell: Progress) -> None:
    options = target.booted(args)
    names = tuple(name for name in args.states.split(",") if name)
    with single.state_runner(target.load(args), options, None, tell, args.onto) as series:
        lending.run(series, lending.states(series, names, options, tell), wire, tell)
