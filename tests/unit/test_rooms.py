# SPDX-License-Identifier: GPL-2.0-only
"""The rooms of the package: each imports of those below it alone (docs/rooms.md)."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from kseries.host import paths

PACKAGE = paths.project("harness", "kseries")
ROOMS = (
    "model",
    "arch",
    "host",
    "sources",
    "cache",
    "probes",
    "hosttest",
    "solver",
    "inputs",
    "kbuild",
    "guest",
    "plan",
    "coverage",
    "evaluate",
    "cluster",
    "judge",
    "bisect",
    "report",
    "publish",
    "app",
    "watch",
    "cli",
    "start",
)
"""From the lowest on."""


def imported(module: Path) -> Iterator[str]:
    """The rooms that a module imports of, or from."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            if match := re.fullmatch(r"kseries\.(\w+)(\..*)?", name):
                yield match[1]


def test_each_room_is_there_and_no_module_is_beside_them() -> None:
    found = {path.parent.name for path in PACKAGE.glob("*/*.py")}
    assert found == {*ROOMS}
    assert [path.name for path in PACKAGE.glob("*.py")] == ["__init__.py"]


def test_no_import_runs_upward() -> None:
    upward = [
        f"{module.relative_to(PACKAGE)} imports {room}"
        for module in PACKAGE.glob("*/**/*.py")
        for room in imported(module)
        if room != "__version__" and ROOMS.index(room) > ROOMS.index(module.relative_to(PACKAGE).parts[0])
    ]
    assert upward == []


def test_the_map_has_each_room_in_its_order() -> None:
    page = paths.project("docs", "rooms.md").read_text()
    assert tuple(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == ROOMS


def test_the_map_names_modules_and_folders_that_are_there() -> None:
    page = paths.project("docs", "rooms.md").read_text()
    for name in re.findall(r"`([\w./*]+[/.][\w./*]*)`", page):
        found = list(paths.project().glob(name.rstrip("/"))) or [*PACKAGE.glob(name), *PACKAGE.glob(f"*/{name}")]
        assert found, name
