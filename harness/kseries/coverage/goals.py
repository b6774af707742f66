# SPDX-License-Identifier: GPL-2.0-only
"""What a series changes of a kernel's code -> under which conditions of the configuration it is compiled.

By the Makefiles of the tip, and by the ``#if`` lines around what changed. Both are read by their form: where one says
something that is not understood, the condition asks for less than is needed, and what was compiled the build tells.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import PurePosixPath

from kseries.coverage import ifs, leftout, makefiles
from kseries.coverage.source import Changed
from kseries.model.conditions import Condition, all_of, any_of

Reader = Callable[[str], str | None]
"""The text of a file of the tip; None where it is not there."""
Includers = Callable[[str, str], tuple[str, ...]]
"""The files of the tip that include one, as far as their text tells: of those below a folder, or of all ("")."""
INCLUDES = '^[ \t]*#[ \t]*include[ \t]*[<"]([^">]*/)?{name}[">]'
"""A line that includes a file of some name, as grep knows regular expressions."""

_MOST_INCLUDERS = 20
"""Of a header, that are looked at: those first whose folder is nearest."""
_MOST_HEADERS = 3
_INCLUDED = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"](?:[^">\n]*/)?([^">/\n]+)[">]', re.MULTILINE)
_MOST_LOOKS_NEAR = 50
"""At the files in a folder."""
_MOST_LOOKS = 4
"""At all files of a tree, each of which takes some ten seconds."""
_DEEPEST = 2
"""Headers in headers, until one is asked by whom it is included."""


@dataclass(frozen=True)
class Goal:
    """What is to be compiled: a file, or with it some changed lines that have a condition of their own."""

    file: str
    condition: Condition
    lines: tuple[int, ...] = ()


class Goals:
    """The conditions of one tree, for an architecture (its folder below arch/)."""

    def __init__(self, arch: str, reader: Reader, includers: Includers) -> None:
        self._arch = arch
        self._reader = cache(reader)
        self._includers = includers
        self._included = cache(self._including)
        self._looks = self._looks_near = 0

    def of(self, changes: Mapping[str, Changed]) -> tuple[Goal, ...]:
        """What some changes want of a configuration: all files first, then lines of them."""
        whole = self.whole(changes)
        return (*whole, *(one for goal in whole for one in self._of_lines(goal, changes[goal.file])))

    def whole(self, files: Iterable[str]) -> tuple[Goal, ...]:
        """Those of some changed files that are source of a kernel's code, for this architecture; headers come last."""
        ours = tuple(sorted(filter(self._is_ours, files), key=lambda path: path.endswith(".h")))
        return tuple(Goal(path, self.of_file(path, ours)) for path in ours)

    def _is_ours(self, path: str) -> bool:
        other = path.startswith("arch/") and not path.startswith(f"arch/{self._arch}/")
        return bool(leftout.of_kernel((path,))) and not other and self._reader(path) is not None

    def _of_lines(self, goal: Goal, changed: Changed) -> Iterator[Goal]:
        needs = ifs.conditions(self._reader(goal.file) or "")
        found: dict[Condition, list[int]] = {}
        for line in changed.come:
            if line in needs:
                found.setdefault(needs[line], []).append(line)
        for line in changed.gone:  # what stood between two lines with the same condition had that, too
            if line in needs and needs[line] == needs.get(line + 1):
                found.setdefault(needs[line], []).append(line)
        for condition, lines in found.items():
            yield Goal(goal.file, all_of((goal.condition, condition)), tuple(lines))

    def of_file(self, path: str, changed: tuple[str, ...] = (), deep: int = 0) -> Condition:
        """Under which condition a source is compiled, or a header included by one that is: one that is ``changed``,
        too, where there is any.
        """
        named, condition = self._by_makefile(path)
        if named or deep == _DEEPEST:
            return condition
        users = self._users(path, changed)
        return any_of(self.of_file(user, changed, deep + 1) for user in users) if users else condition

    def _users(self, path: str, changed: tuple[str, ...]) -> list[str]:
        """Files that include one: those that are changed, too, else those in its folder, else the nearest of all."""
        for users in self._ways_to_look(path, changed):
            found = sorted(users, key=lambda user: _distance(path, user))
            sources = filter(self._is_ours, (user for user in found if not user.endswith(".h")))
            headers = filter(self._is_ours, (user for user in found if user.endswith(".h")))
            if some := list(islice(sources, _MOST_INCLUDERS)) or list(islice(headers, _MOST_HEADERS)):
                return some
        return []

    def _ways_to_look(self, path: str, changed: tuple[str, ...]) -> Iterator[Iterable[str]]:
        name = PurePosixPath(path).name
        yield (one for one in changed if one != path and name in self._included(one))
        folder = str(PurePosixPath(path).parent)
        if not folder.startswith("include") and self._looks_near < _MOST_LOOKS_NEAR:
            self._looks_near += 1
            yield self._includers(path, folder)
        if self._looks < _MOST_LOOKS:
            self._looks += 1
            yield self._includers(path, "")

    def _including(self, path: str) -> frozenset[str]:
        """The names of the files that a file includes, without their folders."""
        return frozenset(_INCLUDED.findall(self._reader(path) or ""))

    def _by_makefile(self, path: str) -> tuple[bool, Condition]:
        """Whether a Makefile names the object of a source; and what it and those of the folders above ask for."""
        whole = PurePosixPath(path)
        targets = [str(whole.with_suffix(".o"))] if whole.suffix != ".h" else []
        named, conditions = False, list[Condition]()
        for folder in whole.parents:
            _, text = leftout.makefile(folder, self._reader)
            seen = [one.removeprefix(f"{folder}/") for one in targets]
            if told := [way for one in seen for way in makefiles.ways(text, one)]:
                named = named or targets[0].endswith(".o")
                conditions.append(any_of(all_of(way) for way in told))
                targets = []
            elif told := [way for one in seen[-1:] for way in makefiles.ways_below(text, one)]:
                conditions.extend(all_of(way) for way in told)  # one of them it is, and nobody knows which
                targets = []
            targets.append(f"{folder}/")
        return named, all_of(conditions)


def _distance(path: str, other: str) -> tuple[int, str]:
    """How far apart two files are, in folders."""
    own, theirs = PurePosixPath(path).parts, PurePosixPath(other).parts
    shared = next((at for at, (a, b) in enumerate(zip(own, theirs, strict=False)) if a != b), 0)
    return len(own) + len(theirs) - 2 * shared, other
