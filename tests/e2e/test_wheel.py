# SPDX-License-Identifier: GPL-2.0-only
"""An installed wheel does all but ``kseries test``, from any folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import SECONDS, TOP


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kseries command of a wheel in a venv of its own; its dependencies are those of the tests."""
    home = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    wheel = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(home), str(TOP)]
    subprocess.run(wheel, check=True, timeout=300, cwd=home)
    subprocess.run([sys.executable, "-m", "venv", home / "venv"], check=True, timeout=300)
    (file,) = home.glob("kseries-*.whl")
    python = home / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "--quiet", "install", "--no-deps", file], check=True, timeout=300, cwd=home)
    site = next((home / "venv" / "lib").glob("python3*/site-packages"))
    outer = next(Path(entry) for entry in sys.path if entry.endswith("site-packages"))
    (site / "tests-dependencies.pth").write_text(f"{outer}\n")
    return home / "venv" / "bin" / "kseries"


def _run(installed: Path, folder: Path, *words: str | Path) -> "subprocess.CompletedProcess[str]":
    """As a user's shell would: without PYTHONPATH and what else the tests have set."""
    theirs = {name: os.environ[name] for name in ("HOME", "XDG_CACHE_HOME") if name in os.environ}
    return subprocess.run(
        [installed, *words],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", **theirs},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.mark.full("e2e")
def test_it_builds_boots_and_judges(installed: Path, new_series: Path, tmp_path: Path) -> None:
    done = _run(installed, tmp_path, "run", new_series)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[1/1] prefix-1: booting" in done.stderr or "prefix-1: ok" in done.stderr
    assert "bisectable: yes    revert-safe: yes" in done.stdout


@pytest.mark.full("demo")
def test_it_knows_the_bundled_series(installed: Path, tmp_path: Path) -> None:
    done = _run(installed, tmp_path, "demo", "--out", "out")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "out" / "exit-on-missing-squashed" / "result.json").exists()


def test_kseries_test_says_that_it_needs_a_clone(installed: Path, tmp_path: Path) -> None:
    done = _run(installed, tmp_path, "test")
    assert done.returncode == 2
    assert done.stderr == "kseries: kseries test needs a clone of the project, not an installed kseries\n"
