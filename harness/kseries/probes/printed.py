# SPDX-License-Identifier: GPL-2.0-only
"""What commands printed, out of what came through the probes' channel: for people to read. Its checks are ktap's."""

import re
from collections.abc import Collection, Mapping

LOG = "commands.log"
"""Of a state: what its commands printed, one after the other."""
_BEGINS = re.compile(r" {4}# Subtest: (?P<name>\S+)")
_ENDS = re.compile(r"(?:not )?ok [0-9]+ \S")
_INDENT = " " * 4
"""What init puts before each line of a probe (guests/init/init.c, INDENT)."""


def of(text: str, names: Collection[str]) -> dict[str, str]:
    """The lines of each of these probes that has begun, as far as init has passed them on."""
    found: dict[str, list[str]] = {}
    lines: list[str] | None = None
    for line in text.split("\n"):  # a carriage return, or a form feed, is a command's own
        if lines is None:
            begun = _BEGINS.fullmatch(line)
            if begun is not None and begun["name"] in names:
                lines = found.setdefault(begun["name"], [])
        elif _ENDS.match(line):
            lines = None
        elif line.startswith(_INDENT):
            lines.append(f"{line.removeprefix(_INDENT)}\n")
    return {name: "".join(said) for name, said in found.items()}


def log(printed: Mapping[str, str]) -> str:
    """A log of all; empty where there is none."""
    return "".join(f"--- {name}\n{said}\n" for name, said in printed.items())
