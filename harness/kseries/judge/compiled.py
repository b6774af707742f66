# SPDX-License-Identifier: GPL-2.0-only
"""Which changed lines are part of the tip's kernel, by which options, or why not: as the build itself has noted it.

A line is compiled where the line table has code of it, or where the compiler noted that it read the file and no ``#if``
around the line is left open. Where an ``#if`` asks for something that is not known, the line table has to have code of
a line in the same branch; else nobody knows.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from kseries.coverage import ifs
from kseries.coverage.ifs import Need
from kseries.model import ChangedLines, Coverage, LeftOut
from kseries.model.conditions import ALWAYS, NEVER, Condition, holds, literals, options, unmet

_Answer = tuple[bool | None, tuple[str, ...], str]
"""Whether lines are compiled, the options by which that is so, and what else there is to say (ChangedLines)."""


def of_left_out(left: LeftOut, lines: Iterable[int]) -> tuple[ChangedLines, ...]:
    """Lines of a file that no kernel of the run is made of."""
    why = f"for {left.arch} only" if left.arch else "" if left.options else "no object is made of it"
    return _grouped(left.file, dict.fromkeys(lines, (False, left.options, why)))


def of_unbuilt(path: str, lines: Iterable[int], why: str) -> tuple[ChangedLines, ...]:
    """Lines of which nobody knows."""
    return _grouped(path, dict.fromkeys(lines, (None, (), why)))


def of_file(
    path: str, lines: Iterable[int], text: str, built: Coverage, of_whole: Condition = ALWAYS
) -> tuple[ChangedLines, ...]:
    """Lines of a file with this text in the tip, which the build may have read. Makefiles ask ``of_whole`` for it."""
    if built.read is None:
        return of_unbuilt(path, lines, "nobody has noted what the build read")
    if path not in built.read:
        return of_unbuilt(path, lines, "no note of the build names the file")
    branches = _Branches(ifs.needs(text), frozenset(built.code.get(path, ())), frozenset(built.options))
    return _grouped(path, {line: branches.of(line, branches.that_hold(of_whole)) for line in lines})


@dataclass(frozen=True)
class _Branches:
    """What the lines of a file need, those that have code, and the options that are set."""

    needs: Mapping[int, Need]
    code: frozenset[int]
    enabled: frozenset[str]

    def of(self, line: int, by: tuple[str, ...]) -> _Answer:
        """What is known of a line of a file that is compiled by some options."""
        need = self.needs.get(line)
        if need is None or line in self.code or self._has_code(need):
            return True, (*by, *self.that_hold(need.condition if need else ALWAYS)), ""
        if need.condition == NEVER:
            return False, (), "an #if that is never true"
        if modules := [one for one in options(need.condition) if f"{one}_MODULE" in self.enabled]:
            return None, (), f"CONFIG_{modules[0]} is =m"  # of which IS_ENABLED() holds, and #ifdef does not
        if valued := [one for one in options(need.condition) if f"{one}=" in self.enabled]:
            return None, (), f"CONFIG_{valued[0]} has a value of its own"  # of which #ifdef holds, and #if may not
        if not holds(need.condition, self.enabled):
            return False, unmet(need.condition, self.enabled), ""
        if need.exact:
            return True, (*by, *self.that_hold(need.condition)), ""
        return None, (), "an #if asks for more than the configuration"

    def that_hold(self, condition: Condition) -> tuple[str, ...]:
        """What a condition names that is so."""
        return tuple(one for one in literals(condition) if holds(one, self.enabled))

    def _has_code(self, need: Need) -> bool:
        """Whether another line of the same branch has code."""
        return any(line in self.needs and self.needs[line].branch == need.branch for line in self.code)


def _grouped(path: str, answers: Mapping[int, _Answer]) -> tuple[ChangedLines, ...]:
    return tuple(_ranges(path, answers))


def _ranges(path: str, answers: Mapping[int, _Answer]) -> Iterator[ChangedLines]:
    """Neighbouring lines of which the same is known as one."""
    numbered = enumerate(sorted(answers))
    for (_, (compiled, by, why)), found in itertools.groupby(numbered, lambda one: (one[1] - one[0], answers[one[1]])):
        lines = [line for _, line in found]
        yield ChangedLines(file=path, first=lines[0], last=lines[-1], compiled=compiled, options=by, why=why)
