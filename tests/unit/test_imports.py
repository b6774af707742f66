# SPDX-License-Identifier: GPL-2.0-only
"""Which modules a result depends on."""

from pathlib import Path

import pytest

import kseries
from kseries.cache import imports, store

PACKAGE = Path(kseries.__file__).parent

FILES = {
    "__init__.py": "",
    "start.py": "import os\nfrom pkg import near\nfrom pkg.deep.low import name\n",
    "near.py": "def late():\n    import pkg.late\n",
    "late.py": "from pkg import start\n",
    "deep/__init__.py": "from pkg import beside\n",
    "deep/low.py": "name = 1\n",
    "deep/name.py": "",
    "listed/__init__.py": "import pkgutil\nfound = [*pkgutil.iter_modules(__path__)]\n",
    "listed/some.py": "from pkg import far\n",
    "far.py": "",
    "beside.py": "",
    "os.py": "",
    "apart.py": "from pkg import start\n",
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    top = tmp_path / "pkg"
    for name, text in FILES.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)
    return top


def test_closure_follows_every_form_of_import_and_ends_in_a_circle(package: Path) -> None:
    found = {str(path.relative_to(package)) for path in imports.closure(package, "start.py")}
    assert found == {"__init__.py", "start.py", "near.py", "late.py", "deep/__init__.py", "deep/low.py", "beside.py"}


def test_a_package_that_lists_its_folder_may_import_all_of_it(package: Path) -> None:
    found = {str(path.relative_to(package)) for path in imports.closure(package, "listed/__init__.py")}
    assert found == {"__init__.py", "listed/__init__.py", "listed/some.py", "far.py"}


def test_a_module_apart_reaches_what_it_imports(package: Path) -> None:
    assert package / "apart.py" not in imports.closure(package, "start.py")
    assert imports.closure(package, "apart.py") == imports.closure(package, "start.py") | {package / "apart.py"}


def test_a_result_depends_on_what_builds_boots_and_reads_and_not_on_what_judges_or_prints() -> None:
    found = {str(path.relative_to(PACKAGE)) for path in store.evaluators()}
    assert found >= {str(path.relative_to(PACKAGE)) for path in (PACKAGE / "evaluate").glob("*.py")}
    assert found >= {
        "arch/arm64.py",
        "evaluate/engine.py",
        "kbuild/worker.py",
        "guest/qemu.py",
        "probes/ktap.py",
        "arch/x86_64.py",
        "model/observed.py",
        "host/processes/boxed.py",
    }
    assert not found & {
        "judge/judging.py",
        "plan/scenarios.py",
        "app/session.py",
        "report/html.py",
        "cli/run.py",
        "inputs/mbox.py",
    }
