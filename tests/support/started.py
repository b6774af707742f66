# SPDX-License-Identifier: GPL-2.0-only
"""The programs that the code starts, as its syntax shows them: what a list or a tuple begins with that is a command."""

import ast
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from kseries.host import paths

_STARTS = frozenset({"run", "_run", "feeding", "reading"})
"""What starts a program outside of the box: processes.run, feeding and reading, and doctor's own."""


def programs() -> set[str]:
    """Those that this host has, beside what packages of Python's have put there; some words that are the name of a
    program by accident are among them.
    """
    return {name for name in words() if name.islower() and _of_host(shutil.which(name))}


def _of_host(found: str | None) -> bool:
    return found is not None and not Path(found).is_relative_to(sys.prefix)


def words() -> set[str]:
    """What any command line could begin with; of a tool for an architecture, what stands behind the prefix."""
    return {_first(node.elts[0]) for node in _nodes() if isinstance(node, (ast.List, ast.Tuple)) and node.elts} - {""}


def outside() -> set[str]:
    """Those that are started outside of the box, where that is seen at once."""
    calls = (node for node in _nodes() if isinstance(node, ast.Call) and node.args and _name(node.func) in _STARTS)
    argvs = (call.args[0] for call in calls)
    firsts = (argv.elts[0] if isinstance(argv, (ast.List, ast.Tuple)) and argv.elts else argv for argv in argvs)
    return {_first(word) for word in firsts} - {""}


def _nodes() -> Iterator[ast.AST]:
    for module in paths.project("harness", "kseries").rglob("*.py"):
        yield from ast.walk(ast.parse(module.read_text()))


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _first(word: ast.expr) -> str:
    last = word.values[-1] if isinstance(word, ast.JoinedStr) and word.values else word
    return last.value if isinstance(last, ast.Constant) and isinstance(last.value, str) else ""
