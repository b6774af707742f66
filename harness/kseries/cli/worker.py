# SPDX-License-Identifier: GPL-2.0-only
"""kseries worker: give this host to a cluster."""

import argparse
import os
import socket
import sys

from kseries.cache.runs import INTERRUPTED_STATUS
from kseries.cli import cluster, target
from kseries.host import extras, signals
from kseries.model.errors import InputError
from kseries.model.sanitize import line, shortened

_NAME = 64
"""Characters of a host's name."""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "worker",
        help="give this host to a cluster",
        description="Give this host to the cluster of a Dask scheduler until you end it: kseries run --cluster then has"
        " states evaluated here, by this user, in this user's cache.",
    )
    parser.add_argument("address", metavar="ADDRESS", help="the scheduler's: tls://HOST:PORT, or tcp:// on this host")
    parser.add_argument(
        "-j", "--jobs", metavar="N", type=target.up_to(4096), default=os.cpu_count() or 1, help="make's jobs"
    )
    parser.add_argument("--name", default=None, help="what reports call this host (default: its host name)")
    cluster.add_access_arguments(parser)
    parser.set_defaults(command=command)


def command(args: argparse.Namespace) -> int:
    """Ends with Ctrl-C or SIGTERM alone."""
    access = cluster.access(args.address, args)
    extras.require("cluster")
    from kseries.cluster import giving, security

    name = args.name or socket.gethostname()
    if line(name) != name or len(name) > _NAME:
        raise InputError(
            f"--name: {shortened(line(name), _NAME)} is not a name\n  it is a line of at most {_NAME} characters"
        )
    gift = giving.Gift(access, name, args.jobs, security.of(access), _say)
    try:
        signals.run(giving.give(gift))
    except KeyboardInterrupt:
        _say(f"{args.address} has this host no longer")
    return INTERRUPTED_STATUS


def _say(words: str) -> None:
    print(line(words), file=sys.stderr, flush=True)
