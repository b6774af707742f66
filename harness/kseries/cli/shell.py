# SPDX-License-Identifier: GPL-2.0-only
"""kseries shell: a person at the console of a state."""

import argparse
import sys
from pathlib import Path

from kseries.app import shell, single
from kseries.bisect import pick
from kseries.cli import target
from kseries.inputs import Walk
from kseries.report.live import Progress


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "shell",
        help="a console in a state's guest",
        description="Build a state, boot it, and give you a shell in it: busybox, the probes, dmesg. exit ends it.",
    )
    parser.add_argument("state", metavar="STATE", help=pick.FORMS)
    target.add_series_arguments(parser)
    parser.add_argument("--onto", metavar="REV", help="make reverts from this commit of --tree, which has the series")
    target.add_kernel_arguments(parser, unbooted=False)
    parser.add_argument("--sockets", metavar="DIR", type=Path, help="QMP and a gdb stub, as DIR/qmp and DIR/gdb")
    parser.set_defaults(command=command, walk=Walk())


def command(args: argparse.Namespace) -> int:
    """Exit 0 once the guest has ended, whatever it did."""
    shell.check_terminal()
    shell.check_sockets(args.sockets)
    tell = Progress(sys.stderr)
    with single.state_runner(target.load(args), target.booted(args), None, tell, args.onto) as series:
        shell.run(series, series.state(args.state), tell, files=args.add, sockets=args.sockets)
    return 0
