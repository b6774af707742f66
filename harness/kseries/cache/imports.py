# SPDX-License-Identifier: GPL-2.0-only
"""Which modules of a package a module is made of: those that it imports, and those that these import."""

import ast
from collections.abc import Iterator
from pathlib import Path


def closure(package: Path, start: str) -> frozenset[Path]:
    """The files that ``start``, a path below ``package``, imports from it, however indirectly; itself included.

    Imports within functions count, and so does the __init__.py of every package on the way to a module. A package that
    lists its own folder, by its __path__, may import all of it.
    """
    seen: set[Path] = set()
    todo = {package / "__init__.py", package / start}
    while todo:
        path = todo.pop()
        seen.add(path)
        todo |= set(_imported(package, path)) - seen
    return frozenset(seen)


def _imported(package: Path, path: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Name) and node.id == "__path__":
            yield from path.parent.glob("*.py")
            continue
        else:
            continue
        for name in names:
            top, *parts = name.split(".")
            if top == package.name:
                yield from _files(package, parts)


def _files(package: Path, parts: list[str]) -> Iterator[Path]:
    """The files that importing a module runs; what is no module is a name in one."""
    for length in range(1, len(parts) + 1):
        place = package.joinpath(*parts[:length])
        yield from (file for file in (place / "__init__.py", place.with_suffix(".py")) if file.is_file())
