# SPDX-License-Identifier: GPL-2.0-only
"""Functions of a C source that run only where a parameter of the boot asks for it. Pure, and by the form of the text.

Two cases are known: the function that is itself called for a parameter (``__setup()`` and ``early_param()``,
include/linux/init.h), and one that is static, and called nowhere but below an ``if`` on a variable that such a
function, or ``module_param()`` (include/linux/moduleparam.h), sets. Of any other nothing is told.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from kseries.coverage.source import Function

_HANDLER = re.compile(r'^\s*(?:__setup|early_param)\s*\(\s*"(?P<name>[\w.-]+=?)"\s*,\s*(?P<function>\w+)\s*\)')
_MODULE = re.compile(
    r"^\s*(?:module_param\s*\(\s*(?P<name>\w+)|module_param_named\s*\(\s*(?P<other>\w+)\s*,\s*(?P<variable>\w+))\s*,"
)
_IF = re.compile(r"\s*if\s*\((?P<asks>.*)\)\s*\{?\s*")
_NO_CODE = re.compile(r'"[^"]*"|\breturn\b')
_TABS = re.compile(r"[\t ]*")
_MOST = 20_000
"""Lines of a source that are read; no file of the kernel that people write has more."""
_LONGEST = 500
"""Characters of a line that is read."""
_MOST_VARIABLES = 100


def of_functions(source: str, functions: Sequence[Function], wanted: frozenset[str]) -> Mapping[str, str]:
    """By its name, what a wanted function is called for: ``the boot parameter foo=``."""
    lines = [line if len(line) <= _LONGEST else "" for line in source.split("\n")[:_MOST]]
    handlers = {one["function"]: one["name"] for line in lines if (one := _HANDLER.match(line))}
    told = {name: f"the boot parameter {handlers[name]}" for name in wanted if name in handlers}
    variables = dict(_variables(lines, functions, handlers))
    others = [one for one in functions if one.name in wanted and one.name not in told]
    for function in others if variables else ():
        if asked := _asked(function, lines, functions, variables):
            told[function.name] = f"{asked}, without which nobody calls it"
    return told


def _variables(
    lines: Sequence[str], functions: Sequence[Function], handlers: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """The variables that one parameter sets and nothing else does, with that; none that is set from the beginning."""
    found: dict[str, dict[str, Function | None]] = {}
    for line in lines:
        if one := _MODULE.match(line):
            name = one["variable"] or one["name"]
            found.setdefault(name, {})[f"the module parameter {one['name'] or one['other']}"] = None
    for function in functions:
        if function.name in handlers:
            for line in lines[function.first : function.last]:
                if assigned := re.match(r"\s+(\w+) = (?:true|1);", line):
                    found.setdefault(assigned[1], {})[f"the boot parameter {handlers[function.name]}"] = function
    for name, by in list(found.items())[:_MOST_VARIABLES]:
        declared = [line for line in lines if re.match(rf"static (?:bool|int|unsigned int) {re.escape(name)}\b", line)]
        if len(declared) != 1 or re.search(r"=\s*(?!false\b|0\b)", declared[0]) or len(by) > 1:
            continue
        ((parameter, setter),) = by.items()
        if not _set_elsewhere(name, lines, setter):
            yield name, parameter


def _set_elsewhere(name: str, lines: Sequence[str], setter: Function | None) -> bool:
    """Whether a line outside a function may set a variable, give its address away, or declare another of its name."""
    name = re.escape(name)
    sets = re.compile(
        rf"\b{name}\s*(?:\+\+|--|(?:<<|>>|[-+*/%&|^])?=(?!=))|(?:\+\+|--|(?<!&)&)\s*{name}\b|\w[ *]+{name}\s*[;,)]"
    )
    return any(
        sets.search(_NO_CODE.sub("", line))
        for number, line in enumerate(lines, 1)
        if not (setter is not None and setter.has(number))
        and not line.startswith("static ")
        and not _MODULE.match(line)
    )


def _asked(
    function: Function, lines: Sequence[str], functions: Sequence[Function], variables: Mapping[str, str]
) -> str:
    """The one parameter without which nobody calls a function; empty where that cannot be told."""
    if not lines[function.first - 1].startswith("static "):
        return ""
    named = re.compile(rf"\b{re.escape(function.name)}\b")
    found = set()
    for number, line in enumerate(lines, 1):
        if function.name not in line or function.has(number) or not named.search(line):
            continue
        if line.startswith("static ") and "=" not in line:  # a declaration
            continue
        inside = next((one for one in functions if one.has(number)), None)
        called = re.search(rf"\b{re.escape(function.name)}\s*\(", line)
        found.add(_guard(lines[inside.first : number], variables) if inside is not None and called else "")
    return found.pop() if len(found) == 1 else ""


def _guard(lines: Sequence[str], variables: Mapping[str, str]) -> str:
    """The parameter that an ``if`` around the last of some lines of a function asks for."""
    deep = _depth(lines[-1])
    for line in reversed(lines[:-1]):
        if not line.strip() or _depth(line) >= deep:  # to a label at the margin it may come from anywhere
            continue
        deep = _depth(line)
        asked = _IF.fullmatch(line)
        if asked is None:
            return ""
        terms = {term.strip() for term in asked["asks"].split("&&")} if "||" not in asked["asks"] else set()
        if known := [variables[term] for term in terms if term in variables]:
            return known[0]
    return ""


def _depth(line: str) -> int:
    found = _TABS.match(line)
    return len(found[0].expandtabs(8)) if found is not None else 0
