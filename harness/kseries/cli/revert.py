# SPDX-License-Identifier: GPL-2.0-only
"""kseries revert: what else has to go with some patches, so that the kernel that is left keeps its promises."""

import argparse

from kseries.cli import patchset
from kseries.model import SetKind


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "revert",
        help="what else has to go with a patch",
        description="Find a minimal set of patches to revert together: what is left builds, boots, keeps or withdraws"
        " every promise, and loses no check of base's. Exit 0 where it is proved, 1 where none is.",
    )
    patchset.add_arguments(parser, "the patches to take out: 3, or 2,4, or 2..4")
    parser.set_defaults(command=command)


def command(args: argparse.Namespace) -> int:
    return patchset.run(args, SetKind.REVERT)
