# SPDX-License-Identifier: GPL-2.0-only
"""The lines of a C source -> the conditions of the configuration under which an ``#if`` lets them be compiled.

Pure, and no preprocessor is asked: what an ``#if`` asks of anything but the configuration is not known, and left out of
the condition. So what it says is necessary, and may not be enough.
"""

import re
from collections.abc import Iterator, Mapping

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

Outcomes = tuple[Condition, Condition]
"""What has to be so where an expression is true, and where it is false."""
_UNKNOWN: Outcomes = (ALWAYS, ALWAYS)


def conditions(source: str) -> Mapping[int, Condition]:
    """By its number, what each line inside of an ``#if`` needs, comments and directives aside."""
    found: dict[int, Condition] = {}
    branches: list[_Branches] = []
    for first, last, line in _lines(source):
        directive = _DIRECTIVE.match(line)
        if directive is None:
            needs = all_of(one.now for one in branches)
            if needs != ALWAYS and not _SAYS_NOTHING.match(line):
                found |= dict.fromkeys(range(first, last + 1), needs)
        elif directive["word"] == "endif":
            branches = branches[:-1]
        elif directive["word"].startswith("if"):
            branches.append(_Branches(_outcomes(directive["word"], directive["rest"])))
        elif branches:
            branches[-1].next(_outcomes(directive["word"], directive["rest"]))
    return found


class _Branches:
    """The branches of one ``#if``: what the present one needs, and what was false in those before."""

    def __init__(self, first: Outcomes) -> None:
        self.now, self._before = first

    def next(self, outcomes: Outcomes) -> None:
        """Go on to the next one."""
        holds, fails = outcomes
        self.now, self._before = all_of((self._before, holds)), all_of((self._before, fails))


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
    if word in ("if", "elif"):
        return expression(said)
    name = _NAME.fullmatch(said)
    if word == "else" or name is None:
        return _UNKNOWN
    outcomes = _of_option(name["option"])
    return _swapped(outcomes) if word in ("ifndef", "elifndef") else outcomes


def expression(said: str, deep: int = 0) -> Outcomes:
    """What has to be so for the expression of an ``#if`` to be true, and to be false."""
    said = said.strip()
    if deep > _DEEPEST:
        return _UNKNOWN
    for operator in ("||", "&&"):
        parts = _split(said, operator)
        if len(parts) > 1:
            each = [expression(part, deep + 1) for part in parts]
            holds, fails = (one[0] for one in each), (one[1] for one in each)
            return (any_of(holds), all_of(fails)) if operator == "||" else (all_of(holds), any_of(fails))
    if said.startswith("!") and not said.startswith("!="):
        return _swapped(expression(said[1:], deep + 1)) if _is_one(said[1:].strip()) else _UNKNOWN
    if said.startswith("(") and _is_one(said):
        return expression(said[1:-1], deep + 1)
    if number := _NUMBER.fullmatch(said):
        return (ALWAYS, NEVER) if number["number"] == "1" else (NEVER, ALWAYS)
    option = _OPTION.fullmatch(said)
    return _of_option(option["asked"] or option["defined"] or option["alone"]) if option else _UNKNOWN


def _of_option(name: str) -> Outcomes:
    return _UNKNOWN if name.endswith(_MODULE) else (name, f"!{name}")


def _swapped(outcomes: Outcomes) -> Outcomes:
    return outcomes[1], outcomes[0]


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
