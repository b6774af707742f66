# SPDX-License-Identifier: GPL-2.0-only
"""kseries doctor: what this host can do, and what is missing."""

import argparse

from kseries import arch as archs
from kseries.app import doctor
from kseries.app.doctor import Item
from kseries.host import paths
from kseries.model.sanitize import line
from kseries.report import json


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "doctor",
        help="what this host can do, and what is missing",
        description="Look at what a run needs of this host; exit 0 when a run is possible, else 3.",
    )
    parser.add_argument("--arch", metavar="A", default=archs.default(), help="architecture (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(command=command)


def command(args: argparse.Namespace) -> int:
    items = tuple(doctor.examine(archs.get(args.arch), paths.cache()))
    possible = doctor.possible(items)
    if args.json:
        print(json.document({"possible": possible, "items": items}))
    else:
        print(_text(items, possible))
    return 0 if possible else 3


def _text(items: tuple[Item, ...], possible: bool) -> str:
    wide = max(len(item.name) for item in items)
    lines = [f"{_mark(item):<9}{item.name:<{wide}}  {line(item.said)}" for item in items]
    install = doctor.packages(items)
    if install:
        lines += ["", f"On Debian: apt-get install --no-install-recommends {' '.join(install)}"]
    lines += ["", "A run is possible." if possible else "A run is NOT possible: see MISSING above."]
    return "\n".join(lines)


def _mark(item: Item) -> str:
    return "ok" if item.ok else "MISSING" if item.needed else "missing"
