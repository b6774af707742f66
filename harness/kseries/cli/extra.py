# SPDX-License-Identifier: GPL-2.0-only
"""kseries extra: the packages that only some need. The launcher of a clone has fetched those that are named by now."""

import argparse

from kseries.host import extras
from kseries.host.extras import EXTRAS
from kseries.model.errors import InputError
from kseries.model.sanitize import line, shortened

_NAME = 60


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "extra",
        help="packages that only some need",
        description="List the extras: packages that only some commands need. In a clone, fetch those that are named.",
    )
    parser.add_argument("names", metavar="NAME", nargs="*", help=", ".join(EXTRAS))
    parser.set_defaults(command=command)


def command(args: argparse.Namespace) -> int:
    for name in args.names:
        if name not in EXTRAS:
            raise InputError(f"there is no extra {shortened(line(name), _NAME)}\n  there are: {', '.join(EXTRAS)}")
    for name in args.names:
        extras.require(name)
    for name in args.names or EXTRAS:
        print(f"{name:<8}  {'there' if extras.there(name) else '-':<5}  {EXTRAS[name].purpose}")
    return 0
