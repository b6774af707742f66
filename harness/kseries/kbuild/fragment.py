# SPDX-License-Identifier: GPL-2.0-only
"""A config fragment as text: the options that it asks for, and the markers that say more of one. Pure.

A marker is a line that begins with ``#:``, which Kconfig takes for a comment (scripts/kconfig/confdata.c)::

    #: wanted
    CONFIG_A=y
    #: or CONFIG_B=y

``wanted`` stands before an option without which there is less to see, and no mistake; all others are needed. ``or``
stands behind one and is what is asked for instead where the tree's Kconfig does not define it: of several the first
that is defined, and where none is, the option itself.
"""

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from kseries.model.errors import InputError
from kseries.model.sanitize import shortened

_OPTION = re.compile(r"(?:CONFIG_(?P<name>\w+)=(?P<value>.*)|# CONFIG_(?P<unset>\w+) is not set)")
_WANTED = "#: wanted"
KUNIT = "# KUnit: "
"""What a comment of ours begins with that names the suites for whose sake there are the options behind it."""
_OR = re.compile(r"#: or CONFIG_(?P<name>\w+)=(?P<value>.*)")
_LIKE_A_MARKER = re.compile(r"#[\s:]*(?:wanted|or\s+CONFIG_\w+\s*=\s*\S*)\s*|#:.*", re.IGNORECASE)

_SHOWN = 100
"""Characters of a line that an error repeats."""


@dataclass(frozen=True)
class Option:
    """A line that asks for an option, by its name without CONFIG_; ``value`` is n where it is to be unset."""

    line: int
    name: str
    value: str


@dataclass(frozen=True)
class Entry:
    """An option that a fragment asks for, and behind it what is asked for instead."""

    choices: tuple[Option, ...]
    wanted: bool

    def chosen(self, defined: Set[str]) -> Option:
        """What is asked of a tree whose Kconfig defines these; of an option without alternatives nothing else is."""
        return next((one for one in self.choices if one.name in defined), self.choices[0])


def entries(text: str) -> Iterator[Entry]:
    """The options of a fragment, or of a .config, in their order."""
    wanted, choices = False, list[Option]()
    for number, line in enumerate(text.split("\n")):
        if choices and (other := _OR.fullmatch(line)):
            choices.append(Option(number, other["name"], other["value"]))
            continue
        if choices:
            yield Entry(tuple(choices), wanted)
            wanted, choices = False, []
        if found := _OPTION.fullmatch(line):
            choices = [Option(number, found["name"] or found["unset"], found["value"] or "n")]
        wanted = line == _WANTED or (wanted and bool(choices))
    if choices:
        yield Entry(tuple(choices), wanted)


def suites(text: str) -> dict[str, str]:
    """The suites that options are there for, as ``KUNIT`` names them, by the option."""
    found: dict[str, str] = {}
    names = ""
    for line in text.split("\n"):
        if line.startswith(KUNIT):
            names = line.removeprefix(KUNIT)
        elif names and (option := _OPTION.fullmatch(line)):
            found.setdefault(option["name"] or option["unset"], names)
        elif line != _WANTED:
            names = ""
    return found


def alternatives(text: str) -> frozenset[str]:
    """The options of which a tree's Kconfig has to say whether it defines them."""
    return frozenset(one.name for entry in entries(text) if len(entry.choices) > 1 for one in entry.choices)


def resolve(text: str, defined: Set[str]) -> str:
    """A fragment for a tree whose Kconfig defines these of its ``alternatives``, line for line."""
    lines = text.split("\n")
    for entry in entries(text):
        chosen = entry.chosen(defined)
        for other in (one for one in entry.choices if one != chosen):
            lines[other.line] = "#"
        if chosen != entry.choices[0]:
            lines[chosen.line] = f"CONFIG_{chosen.name}={chosen.value}"
    return "\n".join(lines)


def assignment(name: str, value: str) -> str:
    """The line of a fragment that asks for an option."""
    return f"# CONFIG_{name} is not set" if value == "n" else f"CONFIG_{name}={value}"


def check(fragment: Path | str, text: str) -> None:
    """Raise InputError for a line that Kconfig passes over with a warning, as it means an option, and none would be
    set; and for a marker that is mistyped, or marks nothing.
    """
    lines = text.split("\n")
    for number, said in enumerate(lines):
        if wrong := _wrong(lines, number):
            raise InputError(f"{fragment}:{number + 1}: {wrong[0]}: {shortened(said, _SHOWN)}\n  {wrong[1]}")


def _wrong(lines: Sequence[str], number: int) -> tuple[str, str] | None:
    """What is wrong with a line, and what to do."""
    said, before, behind = lines[number], lines[number - 1] if number else "", "".join(lines[number + 1 : number + 2])
    if said == _WANTED:
        return None if _OPTION.fullmatch(behind) else ("this marks no option", "it stands right before one")
    if _OR.fullmatch(said):
        well = _OPTION.fullmatch(before) or _OR.fullmatch(before)
        return None if well else ("this is no option's alternative", "it stands right behind one")
    if _LIKE_A_MARKER.fullmatch(said):
        return "no marker", "there are '#: wanted' before an option and '#: or CONFIG_X=VALUE' behind one"
    if said.strip() and not said.startswith("#") and not _OPTION.fullmatch(said):
        return "no option", "a line is CONFIG_X=VALUE, from its beginning and without spaces, or begins with #"
    return None
