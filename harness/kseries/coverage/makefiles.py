# SPDX-License-Identifier: GPL-2.0-only
"""A kbuild Makefile as text: on which options it depends whether an object, or a folder, is built. Pure.

make is not asked, since what it would run is the series' own. What is read is the form that
Documentation/kbuild/makefiles.rst describes: lists (``obj-y``, ``foo-$(CONFIG_X)``, ``foo-objs``) and conditionals on
one option. A condition of another form is passed over, as if it held: of it nothing is told.
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass

from kseries.coverage.options import contrary

Way = tuple[str, ...]
"""Options all of which have to be as named: ``X`` for CONFIG_X=y, ``!X`` for its contrary."""

_LIST = re.compile(
    r"(?P<list>[\w./+-]*?)-(?:(?P<always>y|objs)|(?P<module>m)"
    r"|\$\((?:subst (?:m,y|y,\s*\$\(CONFIG_(?P<within>\w+)\)),\s*\$\()?CONFIG_(?P<option>\w+)\)+)"
    r"\s*[+:?]?=\s*(?P<names>.*)"
)
_PREFIXED = re.compile(r"\$\(addprefix\s+(?P<prefix>[^\s,()]+)\s*,(?P<names>[^()]*)\)")
_CONDITION = re.compile(r"(?P<word>ifeq|ifneq)\s*\(\s*\$\(CONFIG_(?P<option>\w+)\)\s*,\s*(?P<value>\w?)\s*\)")
_DEFINED = re.compile(r"(?P<word>ifdef|ifndef)\s+CONFIG_(?P<option>\w+)")
_TOP = frozenset({"obj", "lib", "core", "drivers", "libs", "net", "virt", "head", "subdir"})
"""Lists of what becomes part of a kernel; every other list is that of a composite object."""
_MODULES = "MODULES"
_DEEPEST = 8
"""Composite objects of composite objects; two of them that name each other have no end."""


@dataclass(frozen=True)
class Entry:
    """One line of a list: what is added, and the options on which that depends."""

    list: str
    needs: Way
    names: tuple[str, ...]


def entries(text: str) -> tuple[Entry, ...]:
    """The lines of all lists in a Makefile."""
    return tuple(_entries(text))


def _entries(text: str) -> Iterator[Entry]:
    conditions: list[_Branch] = []
    for line in _lines(text):
        word = line.split(maxsplit=1)[0] if line else ""
        if word in ("ifeq", "ifneq", "ifdef", "ifndef"):
            conditions.append(_Branch(_condition(line)))
        elif word == "else" and conditions:
            conditions[-1] = conditions[-1].next(_condition(line.removeprefix("else").strip()))
        elif word == "endif" and conditions:
            conditions.pop()
        elif entry := _LIST.match(line):
            own = (entry["option"],) if entry["option"] else (_MODULES,) if entry["module"] else ()
            within = (entry["within"],) if entry["within"] else ()  # whose m makes a module of it
            needs = (*(one for condition in conditions for one in condition.needs), *within, *own)
            yield Entry(entry["list"], needs, tuple(entry["names"].split()))


@dataclass(frozen=True)
class _Branch:
    """One branch of a conditional: what it asks for itself, and what has to be so for those before to have failed.

    Of one that asks for several things, or is not understood, it is not known which of them failed.
    """

    own: Way
    before: Way = ()

    @property
    def needs(self) -> Way:
        return (*self.before, *self.own)

    def next(self, own: Way) -> "_Branch":
        return _Branch(own, (*self.before, *map(contrary, self.own if len(self.own) == 1 else ())))


def _lines(text: str) -> Iterator[str]:
    """Its lines without comments, continued ones as one, and names with the prefix that they are given."""
    for line in text.replace("\\\n", " ").split("\n"):
        yield _PREFIXED.sub(_prefixed, line.partition("#")[0].strip())


def _prefixed(found: re.Match[str]) -> str:
    return " ".join(found["prefix"] + name for name in found["names"].split())


def _condition(line: str) -> Way:
    """What a conditional asks for; nothing where it is of a form that we do not read."""
    if defined := _DEFINED.match(line):
        return (defined["option"],) if defined["word"] == "ifdef" else (contrary(defined["option"]),)
    asked = _CONDITION.match(line)
    if asked is None or asked["value"] not in ("y", ""):
        return ()
    wanted = (asked["word"] == "ifeq") == (asked["value"] == "y")
    return (asked["option"] if wanted else contrary(asked["option"]),)


def ways(text: str, name: str) -> tuple[Way, ...]:
    """Each way in which a Makefile has an object (``bar.o``) or a folder (``bar/``) become part of the kernel.

    None where it does not name it.
    """
    return tuple(dict.fromkeys(_ways(entries(text), name, _DEEPEST)))


def ways_below(text: str, folder: str) -> tuple[Way, ...]:
    """Each way in which something below a folder (``bar/``) becomes part of the kernel that a Makefile names itself."""
    inside = (name for one in entries(text) for name in map(_plain, one.names) if name.startswith(folder))
    return tuple(dict.fromkeys(way for name in inside for way in ways(text, name)))


def _ways(known: tuple[Entry, ...], name: str, deepest: int) -> Iterator[Way]:
    for entry in known if deepest else ():
        if name not in map(_plain, entry.names):
            continue
        if entry.list in _TOP:
            yield entry.needs
        else:
            yield from ((*way, *entry.needs) for way in _ways(known, f"{entry.list}.o", deepest - 1))


def _plain(name: str) -> str:
    """A name as the list means it: ``./bar.o`` is ``bar.o``, and a folder keeps its slash."""
    return posixpath.normpath(name) + ("/" if name.endswith("/") else "")
