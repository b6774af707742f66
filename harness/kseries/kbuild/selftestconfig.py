# SPDX-License-Identifier: GPL-2.0-only
"""The options that targets of kselftest ask for (tools/testing/selftests/TARGET/config), as a fragment that wants them.

They stand before the other fragments, so that whoever asks for something else has that. What is asked for as a module
is built in where Kconfig allows it (modules.py), whether or not a target asks for support of modules, too: most of its
tests load none. They are written as additions to an architecture's own configuration (defconfig), which ours is not:
what they depend on is asked for, too. Of an option that cannot be had it is told that it is not there, as of any
that is wanted.
"""

import re
from collections.abc import Iterable, Iterator

from kseries.kbuild import fragment, needed
from kseries.probes.targets import PLACE, Target
from kseries.sources import TreeStore

_OPTION = re.compile(r'CONFIG_(?P<name>\w+)=(?P<value>[ymn]|-?\d+|0x[0-9a-fA-F]+|"[^"\\]*")\s*(?:#.*)?', re.ASCII)
_HEAD = re.compile(rf"^# ({PLACE}/[^\n]+/config)$\n", re.MULTILINE)
_UPTO = re.compile(r"^$", re.MULTILINE)
"""Behind each of them stands an empty line."""
_SUPPORT = "MODULES"
"""Asked for beside modules, it has all of them stay modules."""
_UNSET = re.compile(r"# CONFIG_(?P<name>\w+) is not set\s*", re.ASCII)


def path(target: str) -> str:
    """Where the options of a target stand."""
    return f"{PLACE}/{target}/config"


def of(wanted: Iterable[Target], trees: TreeStore, tree: str, others: str, arch: str) -> dict[str, str]:
    """For each of these targets that has options which no fragment of ``others`` names, a fragment of them.

    ``arch`` is the architecture's folder below arch/.
    """
    taken = {one.name for entry in fragment.entries(others) for one in entry.choices}
    definers = needed.definers(trees, tree)
    found: dict[str, str] = {}
    for target in dict.fromkeys(one.target for one in wanted):
        text = (trees.file(tree, path(target)) or b"").decode(errors="replace")
        options = {name: value for name, value in _options(text) if name not in taken and name != _SUPPORT}
        taken |= options.keys()
        if options:
            asked = (name for name, value in options.items() if value != "n")
            more = [name for name in needed.of(asked, definers, arch, frozenset({_SUPPORT})) if name not in taken]
            options |= dict.fromkeys(more, "y")
            taken |= options.keys()
            found[target] = _fragment(target, options)
    return found


def options(text: str) -> tuple[str, ...]:
    """The options of a fragment, as CONFIG_X=y."""
    return tuple(f"CONFIG_{one.name}={one.value}" for entry in fragment.entries(text) for one in entry.choices)


def told(config: str) -> dict[str, tuple[str, ...]]:
    """The options of each such fragment in a whole configuration, by the path that they are from."""
    parts = _HEAD.split(config)[1:]
    return {path: options(_UPTO.split(text, maxsplit=1)[0]) for path, text in zip(parts[::2], parts[1::2], strict=True)}


def _options(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        if (found := _OPTION.fullmatch(line.strip())) is not None:
            yield found["name"], found["value"]
        elif (found := _UNSET.fullmatch(line)) is not None:
            yield found["name"], "n"


def _fragment(target: str, options: dict[str, str]) -> str:
    lines = (f"#: wanted\n{fragment.assignment(name, value)}\n" for name, value in options.items())
    return "".join((f"# {path(target)}\n", *lines))
