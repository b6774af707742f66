# SPDX-License-Identifier: GPL-2.0-only
"""The lines of a C source -> the conditions of the configuration under which an ``#if`` lets them be compiled.

Pure, and no preprocessor is asked: what an ``#if`` asks of anything but the configuration is not known, and left out of
the condition. So what it says is necessary, and may not be enough.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kseries.model.conditions import ALWAYS, NEVER, Condition, all_of, any_of

_DIRECTIVE = re.compile(r"\s*#\s*(?P<word>ifdef|ifndef|if|elifdef|elifndef|elif|else|endif)\b(?P<rest>.*)", re.DOTALL)
_OPTION = re.compile(
    r"(?:(?:IS_(?:ENABLED|BUILTIN|REACHABLE)|defined)\s*\(\s*CONFIG_(?P<asked>\w+)\s*\)|defined\s+CONFIG_(?P<defined>\w+)"
    r"|CONFIG_(?P<alone>\w+))"
)
_NAME = re.compile(r"CONFIG_(?P<option>\w+)")
_NUMBER = re.compile(r"(?P<number>[01])[uUlL]*")
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*|/\*.*", re.DOTALL)
_SAYS_NOTHING = re.compile(r"\s*(?:/\*|\*(?:[ /]|$)|//|$)")
"""A line of a comment, or an empty one."""
_MODULE = "_MODULE"
"""What the macro of an option ends in that is =m (include/linux/kconfig.h)."""
_DEEPEST = 50


@dataclass(frozen=True)
class Outcomes:
    """What has to be so where an expression is true, and where it is false; ``exact`` where nothing else has to be."""

    holds: Condition = ALWAYS
    fails: Condition = ALWAYS
    exact: bool = False

    @property
    def contrary(self) -> "Outcomes":
        return Outcomes(self.fails, self.holds, self.exact)


_UNKNOWN = Outcomes()


@dataclass(frozen=True)
class Need:
    """What the lines of one branch need: ``branch`` is the line of the directive that opens it."""

    condition: Condition
    exact: bool
    """Whether they are compiled wherever that holds, if their file is."""
    branch: int


def needs(source: str) -> Mapping[int, Need]:
    """By its number, what each line inside of an ``#if`` needs, comments and directives aside."""
    found: dict[int, Need] = {}
    branches: list[_Branches] = []
    for first, last, line in _lines(source):
        directive = _DIRECTIVE.match(line)
        if directive is None:
            if branches and not _SAYS_NOTHING.match(line):
                found |= dict.fromkeys(range(first, last + 1), _together(branches))
        elif directive["word"] == "endif":
            branches = branches[:-1]
        elif directive["word"].startswith("if"):
            branches.append(_Branches(_outcomes(directive["word"], directive["rest"]), first))
        elif branches:
            branches[-1].next(_outcomes(directive["word"], directive["rest"]), first)
    return found


def conditions(source: str) -> Mapping[int, Condition]:
    """The same of those lines of which the configuration decides."""
    return {line: need.condition for line, need in needs(source).items() if need.condition != ALWAYS}


class _Branches:
    """The branches of one ``#if``: what the present one needs, and what was false in those before."""

    def __init__(self, first: Outcomes, line: int) -> None:
        self.now, self._before = first.holds, first.fails
        self.exact, self.line = first.exact, line

    def next(self, outcomes: Outcomes, line: int) -> None:
        """Go on to the next one."""
        self.now, self._before = all_of((self._before, outcomes.holds)), all_of((self._before, outcomes.fails))
        self.exact, self.line = self.exact and outcomes.exact, line


def _together(branches: list[_Branches]) -> Need:
    return Need(all_of(one.now for one in branches), all(one.exact for one in branches), branches[-1].line)


def _lines(source: str) -> Iterator[tuple[int, int, str]]:
    """The lines of a source, continued ones as one, with the numbers of the first and the last."""
    whole, first = "", 1
    for number, line in enumerate(source.split("\n"), 1):
        whole += line
        if line.endswith("\\"):
            whole = whole[:-1] + " "
            continue
        yield first, number, whole
        whole, first = "", number + 1


def _outcomes(word: str, rest: str) -> Outcomes:
    """Of a directive that opens a branch; of ``else``, which asks for nothing more."""
    said = _COMMENT.sub(" ", rest).strip()
    if word == "else":
        return Outcomes(ALWAYS, NEVER, exact=True)
    if word in ("if", "elif"):
        return expression(said)
    name = _NAME.fullmatch(said)
    if name is None:
        return _UNKNOWN
    outcomes = _of_option(name["option"])
    return outcomes.contrary if word in ("ifndef", "elifndef") else outcomes


def expression(said: str, deep: int = 0) -> Outcomes:
    """What has to be so for the expression of an ``#if`` to be true, and to be false."""
    said = said.strip()
    if deep > _DEEPEST:
        return _UNKNOWN
    for operator, joined in (("||", _any), ("&&", _all)):
        parts = _split(said, operator)
        if len(parts) > 1:
            return joined([expression(part, deep + 1) for part in parts])
    if said.startswith("!") and _is_one(said[1:].strip()):
        return expression(said[1:], deep + 1).contrary
    if said.startswith("(") and _is_one(said):
        return expression(said[1:-1], deep + 1)
    if number := _NUMBER.fullmatch(said):
        known = Outcomes(ALWAYS, NEVER, exact=True)
        return known if number["number"] == "1" else known.contrary
    option = _OPTION.fullmatch(said)
    return _of_option(option["asked"] or option["defined"] or option["alone"]) if option else _UNKNOWN


def _all(parts: list[Outcomes]) -> Outcomes:
    exact = all(one.exact for one in parts)
    return Outcomes(all_of(one.holds for one in parts), any_of(one.fails for one in parts), exact)


def _any(parts: list[Outcomes]) -> Outcomes:
    return _all([one.contrary for one in parts]).contrary


def _of_option(name: str) -> Outcomes:
    return _UNKNOWN if name.endswith(_MODULE) else Outcomes(name, f"!{name}", exact=True)


def _split(said: str, operator: str) -> list[str]:
    """What stands between an operator outside of all parentheses."""
    parts, depth, begun = [], 0, 0
    for at, letter in enumerate(said):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and said.startswith(operator, at):
            parts.append(said[begun:at])
            begun = at + len(operator)
    return [*parts, said[begun:]]


def _is_one(said: str) -> bool:
    """Whether nothing stands behind the parenthesis that an operand begins with, or behind its name."""
    if not said.startswith("("):
        return _OPTION.fullmatch(said) is not None or _NUMBER.fullmatch(said) is not None or said.startswith("!")
    depth = 0
    for at, letter in enumerate(said):
        depth += (letter == "(") - (letter == ")")
        if depth == 0:
            return at == len(said) - 1
    return False
