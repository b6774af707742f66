# SPDX-License-Identifier: GPL-2.0-only
"""kseries pick: what else of a series has to come along with some patches, onto another kernel."""

import argparse

from kseries.cli import patchset
from kseries.model import SetKind


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "pick",
        help="what else has to come with a patch",
        description="Find a minimal set of patches to pick together: it builds, boots, keeps what it promises and what"
        " the patches bring, and loses no check of the base's. Exit 0 where it is proved, 1 where none is.",
    )
    patchset.add_arguments(parser, "the patches to bring along: 4, or 2,4, or 2..4")
    parser.add_argument(
        "--onto",
        metavar="BASE",
        help="the kernel to pick them onto, as --tree has it, or a revision of --tree (default: the series' own base)",
    )
    parser.set_defaults(command=command)


def command(args: argparse.Namespace) -> int:
    return patchset.run(args, SetKind.PICK)
