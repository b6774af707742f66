# SPDX-License-Identifier: GPL-2.0-only
"""The lines of a C source -> the conditions of the configuration under which an ``#if`` lets them be compiled.

Pure, and no preprocessor is asked: what an ``#if`` asks of anything but the configuration is not known, and left out of
the condition. So what it says is necessary, and may not be enough.
"""

import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

from kseries.model.conditions import ALWAYS, NEVER, Condition, all_of, any_of, holds, unmet

_DIRECTIVE = re.compile(r"\s*#\s*(?P<word>ifdef|ifndef|if|elifdef|elifndef|elif|else|endif)\b(?P<rest>.*)", re.DOTALL)
_DEFINE = re.compile(r"\s*#\s*define\s+(?P<name>\w+)")
_OPTION = re.compile(
    r"(?:(?:IS_(?:ENABLED|BUILTIN|REACHABLE)|defined)\s*\(\s*CONFIG_(?P<asked>\w+)\s*\)|defined\s+CONFIG_(?P<defined>\w+)"
    r"|CONFIG_(?P<alone>\w+))"
)
_NAME = re.compile(r"CONFIG_(?P<option>\w+)")
_NUMBER = re.compile(r"(?P<number>[01])[uUlL]*")
_COMMENT = re.compile(r""""(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|//[^\n]*|/\*.*?(?:\*/|\Z)""", re.DOTALL)
"""And what is quoted, in which none begins."""
_MODULE = "_MODULE"
"""What the macro of an option ends in that is =m (include/linux/kconfig.h)."""
_DEEPEST = 50
_MOST = 200
"""Branches in one another, or of one ``#if``, from which on nothing is known: a kernel's own are some ten."""


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
_TRUE = Outcomes(ALWAYS, NEVER, exact=True)


@dataclass(frozen=True)
class Need:
    """What the lines of one branch need: ``branch`` is the line of the directive that opens it."""

    condition: Condition
    exact: bool
    """Whether they are compiled wherever that holds, if their file is."""
    branch: int


def needs(source: str) -> Mapping[int, Need]:
    """By its number, what each line inside of an ``#if`` needs; a directive needs what stands around it."""
    found: dict[int, Need] = {}
    branches: list[_Branch] = []
    lines = list(_lines(source))
    for at, (first, last, line) in enumerate(lines):
        directive = _DIRECTIVE.match(line)
        word = directive["word"] if directive is not None else ""
        before = branches[-1] if branches and word.startswith(("el", "end")) else None
        around = branches[:-1] if before is not None else branches
        if around:
            found |= dict.fromkeys(range(first, last + 1), around[-1].need)
        if directive is None or word == "endif":
            branches = around
        elif word.startswith("if") or before is not None:
            outcomes = _TRUE if _guards(directive, lines[at + 1 : at + 2]) else _outcomes(word, directive["rest"])
            branches = [*around, _Branch.of(around, before, outcomes, first)]
    return found


def conditions(source: str) -> Mapping[int, Condition]:
    """The same of those lines that say something, and of which the configuration decides."""
    said = {number for first, last, line in _lines(source) for number in range(first, last + 1) if line.strip()}
    directives = {first for first, _, line in _lines(source) if _DIRECTIVE.match(line)}
    return {
        line: need.condition
        for line, need in needs(source).items()
        if need.condition != ALWAYS and line in said and line not in directives
    }


def hidden(source: str, options: Set[str]) -> Mapping[int, str]:
    """The lines that an ``#if`` leaves out where these options are set, each with the first of those that would have to
    be other than they are (conditions.py).
    """
    asked = (
        (line, unmet(needed, options)) for line, needed in conditions(source).items() if not holds(needed, options)
    )
    return {line: names[0] for line, names in asked if names}


@dataclass(frozen=True)
class _Branch:
    """One branch of an ``#if``: what its lines need, and what was false in it and those before."""

    need: Need
    fails: Condition
    exact: bool
    """Whether all that its ``#if`` has asked so far is understood."""
    count: int = 1

    @classmethod
    def of(cls, around: "list[_Branch]", before: "_Branch | None", outcomes: Outcomes, line: int) -> "_Branch":
        """A branch behind another one of the same ``#if``, or the first."""
        count = before.count + 1 if before is not None else 1
        if len(around) >= _MOST or count > _MOST:
            return cls(Need(ALWAYS, exact=False, branch=line), ALWAYS, exact=False, count=count)
        fails, exact = (before.fails, before.exact) if before is not None else (ALWAYS, True)
        exact = exact and outcomes.exact
        outer = around[-1].need if around else Need(ALWAYS, exact=True, branch=0)
        condition = all_of((outer.condition, fails, outcomes.holds))
        return cls(Need(condition, outer.exact and exact, line), all_of((fails, outcomes.fails)), exact, count)


def _lines(source: str) -> Iterator[tuple[int, int, str]]:
    """The lines of a source without comments, continued ones as one, with the numbers of the first and the last."""
    whole, first = "", 1
    for number, line in enumerate(_COMMENT.sub(_blank, source).split("\n"), 1):
        whole += line
        if line.endswith("\\"):
            whole = whole[:-1] + " "
            continue
        yield first, number, whole
        whole, first = "", number + 1
    if whole:
        yield first, number, whole


def _blank(found: re.Match[str]) -> str:
    """In the place of a comment as many lines; what is quoted stays."""
    return found[0] if found[0][0] in "\"'" else " " + "\n" * found[0].count("\n")


def _guards(directive: re.Match[str], following: list[tuple[int, int, str]]) -> bool:
    """Whether an ``#ifndef`` keeps a header from being read twice: the first time it holds."""
    name = directive["rest"].strip()
    defined = _DEFINE.match(following[0][2]) if following else None
    return directive["word"] == "ifndef" and defined is not None and defined["name"] == name


def _outcomes(word: str, rest: str) -> Outcomes:
    """Of a directive that opens a branch; of ``else``, which asks for nothing more."""
    said = rest.strip()
    if word == "else":
        return _TRUE
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
    if deep > _DEEPEST or "?" in said:
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
        return _TRUE if number["number"] == "1" else _TRUE.contrary
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
