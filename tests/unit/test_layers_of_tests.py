# SPDX-License-Identifier: GPL-2.0-only
"""What tests share is in tests/support: a test module can be changed or moved without a look at the others."""

import ast
from collections.abc import Iterator

import pytest

from kseries.host import paths

TOP = paths.project()


def imported(source: str, folder: tuple[str, ...]) -> Iterator[str]:
    """The full names of what the source of a module in a folder imports: modules, and what it takes from them."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            beside = ".".join(folder[: len(folder) + 1 - node.level]) if node.level else ""
            start = ".".join(filter(None, (beside, node.module)))
            yield from (start, *(f"{start}.{alias.name}" for alias in node.names))


def runs_by_itself(name: str) -> bool:
    """Whether a name is of a test module or a conftest, which pytest alone imports."""
    first, *parts = name.split(".")
    return first == "tests" and any(part.startswith("test_") or part == "conftest" for part in parts)


def test_no_module_imports_a_test_module_or_a_conftest() -> None:
    modules = [path for folder in ("tests", "benchmarks") for path in (TOP / folder).rglob("*.py")]
    assert len(modules) > 100
    found = {
        f"{module.relative_to(TOP)} imports {name}"
        for module in modules
        for name in imported(module.read_text(), module.relative_to(TOP).parts[:-1])
        if runs_by_itself(name)
    }
    assert found == set()


@pytest.mark.parametrize(
    "line",
    [
        "import tests.unit.test_build",
        "from tests.unit import test_build",
        "from tests.unit.test_build import ARCH",
        "from tests.e2e.conftest import typed",
        "from . import test_build",
        "from .test_build import ARCH",
        "from ..e2e.conftest import typed",
    ],
)
def test_every_form_of_such_an_import_is_seen(line: str) -> None:
    assert any(map(runs_by_itself, imported(line, ("tests", "unit"))))
