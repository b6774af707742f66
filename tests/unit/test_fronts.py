# SPDX-License-Identifier: GPL-2.0-only
"""One module is the front to each of what all use: whoever needs it goes through that."""

import ast

from kseries.host import paths

PACKAGE = paths.project("harness", "kseries")
MODULES = {str(path.relative_to(PACKAGE)): ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")}


def _moves(node: ast.AST) -> bool:
    """True for a call that gives a file another name: path.rename(other), path.replace(other), os.replace(a, b)."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    of = ast.unparse(node.func.value)
    if node.func.attr == "rename":
        return of != "files"
    return node.func.attr == "replace" and (of == "os" or (len(node.args) == 1 and not node.keywords))


def test_one_module_puts_files_in_the_place_of_others() -> None:
    moving = {name for name, module in MODULES.items() if any(map(_moves, ast.walk(module)))}
    assert moving == {"host/files.py", "host/turns.py"}, "a ticket, which holds nothing, is the only other"
