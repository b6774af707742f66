# SPDX-License-Identifier: GPL-2.0-only
"""Why Kconfig has not kept an option, by what its definition says it depends on. Pure: Kconfig's text, and a .config.

Documentation/kbuild/kconfig-language.rst. Nothing of a tree runs for it: of what a macro ($(...)) comes to nothing is
told, nor of what stands around the line that reads a Kconfig file (``source``).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kseries.kbuild import fragment
from kseries.model.sanitize import few, line, shortened

_ENTRY = re.compile(
    r"(?P<what>config|menuconfig|choice|menu|if|comment|source|rsource|osource|orsource|mainmenu)\b(.*)"
)
_ENDS = {"endif": "if", "endmenu": "menu", "endchoice": "choice"}
_DEPENDS = re.compile(r"(?:depends\s+on|visible\s+if)\s+(?P<terms>.+)")
_PROMPT = re.compile(
    r"""(?:bool|tristate|int|hex|string|prompt)\s+(?P<quote>["']).*(?P=quote)(?:\s+if\s+(?P<terms>.+))?"""
)
_TOKEN = re.compile(r"""\$\((?:[^()]|\([^()]*\))*\)|"[^"]*"|'[^']*'|&&|\|\||!=|<=|>=|[()!=<>]|[\w./-]+""")
_COMMENT = re.compile(r"""("[^"]*"|'[^']*')|(?<!\S)#.*""")
"""And what is quoted, in which a # begins none."""
_ARCH = re.compile(r"arch/[^/]+/")
"""Not arch/Kconfig, which all of them read."""
_SHOWN = 150
"""Characters of a dependency that are told."""
_LONGEST = 4000
"""Characters of a line that are looked at."""
_LARGEST = 1 << 20
"""Characters of a file that are: the largest of 7.3 has 122168 (lib/Kconfig.debug)."""
_DEEPEST = 100
"""Menus, ifs and choices in one another, after which a file is no kernel's, and left."""
_MOST = 3
"""Parts of it that are told."""


@dataclass
class Definition:
    """An entry that defines an option: what has to hold for it to be set, and whether it can be asked for."""

    line: int
    terms: list[str] = field(default_factory=list)
    prompt: bool = False
    choice: bool = False
    """It is one of several of which one can be set."""


def why(option: str, files: Mapping[str, str], arch: str, config: str) -> str:
    """Why a .config has not got an option (``CONFIG_X=y``), in a line.

    ``files`` are the tree's Kconfig files that define it, by their paths, and ``arch`` is the architecture's folder.
    """
    name, _, asked = option.removeprefix("CONFIG_").partition("=")
    own, others = defining(name, files, arch)
    found = [(path, one) for path in own for one in definitions(files[path], name)]
    if not found:
        return f"only {few(others)} defines it" if others else "no Kconfig file of this tree defines it"
    values = {f"CONFIG_{one.name}": one.value for entry in fragment.entries(config) for one in entry.choices}
    if asked == "n":
        return "something else selects it, or it can not be unset"
    unmet = [(path, one, false) for path, one in found if (false := list(_false(one, values)))]
    if len(unmet) < len(found):  # there is a definition of which all holds
        return _beyond([one for _, one in found], values.get(f"CONFIG_{name}"))
    path, one, false = unmet[0]
    more = f", and {len(false) - _MOST} more" if len(false) > _MOST else ""
    return f"{line(path)}:{one.line}: its dependencies are not met: {', '.join(false[:_MOST])}{more}"


def _beyond(found: Sequence[Definition], value: str | None) -> str:
    """Of an option whose dependencies are met, as far as they can be told."""
    if not any(one.prompt for one in found):
        return "it can not be asked for: only what selects it sets it"
    if any(one.choice for one in found):
        return "another one of its choice is set"
    if value not in (None, "n"):
        return f"it is {shortened(line(str(value)), _SHOWN)}: nothing more is known"
    return "what it depends on seems to be set: nothing more is known"


# --- what a Kconfig file says -------------------------------------------------------------------


def defining(name: str, files: Mapping[str, str], arch: str) -> tuple[list[str], list[str]]:
    """Which of a tree's Kconfig files define an option, and which of other architectures do."""
    entry = re.compile(rf"config\s+{re.escape(name)}\b")  # to look is a hundred times faster than to read
    found = sorted(path for path, text in files.items() if entry.search(text) and any(definitions(text, name)))
    own = [path for path in found if _ARCH.match(path) is None or path.startswith(f"arch/{arch}/")]
    return own, [path for path in found if path not in own]


def definitions(text: str, name: str) -> Iterator[Definition]:
    """The entries of a Kconfig file that define an option, with what its menus, ifs and choices around it ask for."""
    around: list[tuple[str, list[str]]] = []
    current: Definition | None = None
    terms: list[str] = []
    for number, said in _statements(text):
        if said in _ENDS:
            yield from _wanted(current)
            current, terms = None, []
            if any(what == _ENDS[said] for what, _ in around):
                while around.pop()[0] != _ENDS[said]:
                    pass
        elif found := _ENTRY.fullmatch(said):
            yield from _wanted(current)
            current, terms = None, []
            what, rest = found["what"], found[2].strip()
            if len(around) == _DEEPEST:
                return
            if what in ("if", "menu", "choice"):
                terms = [rest] if what == "if" else terms
                around.append((what, terms))
            elif what in ("config", "menuconfig") and rest == name:
                above = [one for _, asked in around for one in asked]
                current = Definition(number, above, choice=any(kind == "choice" for kind, _ in around))
                terms = current.terms
        elif depends := _DEPENDS.fullmatch(said):
            terms.append(depends["terms"])
        elif current is not None and (prompt := _PROMPT.fullmatch(said)):
            current.prompt = True
            terms.extend([prompt["terms"]] if prompt["terms"] else [])
    yield from _wanted(current)


def needs(one: Definition) -> tuple[str, ...]:
    """The options that have to be set for a definition's, and that nothing else can stand for."""
    parts = (part for terms in one.terms if " if " not in terms for part in _conjuncts(_TOKEN.findall(terms)))
    names = (part[0] for part in parts if len(part) == 1 and re.fullmatch(r"\w+", part[0]))
    return tuple(dict.fromkeys(name for name in names if name not in ("y", "n", "m")))


def _wanted(current: Definition | None) -> tuple[Definition, ...]:
    return (current,) if current is not None else ()


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a Kconfig file that say something, with their numbers: no comments, no help, and none in two."""
    lines = iter(enumerate(text[:_LARGEST].expandtabs().split("\n"), 1))
    help_of: int | None = None
    in_help = False
    for number, raw in lines:
        if not raw.strip():
            continue
        if in_help:
            indent = len(raw) - len(raw.lstrip())
            help_of = indent if help_of is None else help_of
            if indent > 0 and indent >= help_of:
                continue
            in_help = False
        said = raw
        while said.endswith("\\") and (more := next(lines, None)) is not None:
            said = " ".join((said[:_LONGEST].rstrip(" \\"), more[1].strip()))
        said = _COMMENT.sub(r"\1", said[:_LONGEST]).strip()
        if said in ("help", "---help---"):
            in_help, help_of = True, None
        elif said:
            yield number, said


# --- whether it holds ---------------------------------------------------------------------------


def _false(one: Definition, values: Mapping[str, str]) -> Iterator[str]:
    """The parts of what a definition depends on that do not hold, in words."""
    for terms in dict.fromkeys(one.terms):
        depends, _, when = terms.partition(" if ")  # of "depends on", since 7.0
        if when and _value(when, values) is not True:
            continue
        for part in _conjuncts(_TOKEN.findall(depends)):
            if _Expression(part, values).value() is False:
                yield _in_words(part)


def _conjuncts(tokens: Sequence[str]) -> Iterator[list[str]]:
    """What stands between the && of an expression that are in no parentheses; all of it, where a || is beside them."""
    depth, parts = 0, [list[str]()]
    for token in tokens:
        depth += (token == "(") - (token == ")")
        if depth == 0 and token == "||":
            yield list(tokens)
            return
        if depth == 0 and token == "&&":
            parts.append([])
        else:
            parts[-1].append(token)
    yield from parts


def _in_words(part: Sequence[str]) -> str:
    match part:
        case [name] if name not in ("y", "n", "m"):
            return f"CONFIG_{shortened(line(name), _SHOWN)} is not set"
        case ["!", name]:
            return f"CONFIG_{shortened(line(name), _SHOWN)} is set"
        case _:
            return f"'{shortened(line(re.sub(r'(?<=[(!]) | (?=[)])', '', ' '.join(part))), _SHOWN)}'"


def _value(text: str, values: Mapping[str, str]) -> bool | None:
    return _Expression(_TOKEN.findall(text), values).value()


class _Expression:
    """An expression of Kconfig, of which a value is true (y or m), false (n) or not known (None)."""

    def __init__(self, tokens: Sequence[str], values: Mapping[str, str]) -> None:
        self._tokens = list(tokens)
        self._values = values

    def value(self) -> bool | None:
        """None too of what is no expression."""
        try:
            found = self._or()
        except (IndexError, RecursionError):
            return None
        return None if self._tokens else found

    def _or(self) -> bool | None:
        found = [self._and()]
        while self._tokens[:1] == ["||"]:
            self._tokens.pop(0)
            found.append(self._and())
        return True if True in found else None if None in found else False

    def _and(self) -> bool | None:
        found = [self._not()]
        while self._tokens[:1] == ["&&"]:
            self._tokens.pop(0)
            found.append(self._not())
        return False if False in found else None if None in found else True

    def _not(self) -> bool | None:
        token = self._tokens.pop(0)
        if token == "!":
            found = self._not()
            return None if found is None else not found
        if token == "(":
            found = self._or()
            return found if self._tokens.pop(0) == ")" else None
        return self._compared(token)

    def _compared(self, token: str) -> bool | None:
        left = self._text(token)
        if self._tokens[:1] in (["="], ["!="]):
            equal = self._tokens.pop(0) == "="
            right = self._text(self._tokens.pop(0))
            return None if left is None or right is None else (left == right) is equal
        if self._tokens[:1] and self._tokens[0] in ("<", ">", "<=", ">="):
            del self._tokens[:2]
            return None
        return None if left is None else left in ("y", "m")

    def _text(self, token: str) -> str | None:
        """The value of a symbol or a constant: a symbol that the .config does not have is n."""
        if token.startswith("$") or token in ("&&", "||", ")"):
            return None
        if token in ("y", "m", "n") or token[0] in "\"'":
            return token.strip("\"'")
        return self._values.get(f"CONFIG_{token}", "n").strip('"')
