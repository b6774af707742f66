# SPDX-License-Identifier: GPL-2.0-only
"""An installed wheel does all but ``kseries test``, from any folder."""

import email
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from kseries import __version__
from kseries.host.extras import EXTRAS
from tests.support import packages, traps
from tests.support.commands import SECONDS
from tests.support.runs import SPLIT

pytestmark = pytest.mark.full("e2e")

PIP = ("-I", "-m", "pip", "--quiet", "--disable-pip-version-check")
VERSION = f"python{sys.version_info[0]}.{sys.version_info[1]}"


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kseries command of a wheel in a venv of its own; its dependencies are those of the tests."""
    return _installed(wheel, tmp_path_factory.mktemp("installed") / "venv")


def _installed(wheel: Path, venv: Path) -> Path:
    subprocess.run([sys.executable, "-I", "-m", "venv", venv], check=True, timeout=300)
    words: list[str | Path] = [venv / "bin" / "python", *PIP, "install", "--no-deps", wheel]
    subprocess.run(words, check=True, timeout=300, cwd=venv)
    _lend_dependencies(venv)
    return venv / "bin" / "kseries"


def _lend_dependencies(prefix: Path) -> None:
    outer = next(Path(entry) for entry in sys.path if entry.endswith("site-packages"))
    (prefix / "lib" / VERSION / "site-packages" / "tests-dependencies.pth").write_text(f"{outer}\n")


def _run(
    installed: Path, folder: Path, *words: str | Path, path: str = "/usr/bin:/bin", **env: str
) -> "subprocess.CompletedProcess[str]":
    """As a user's shell would: without PYTHONPATH and what else the tests have set."""
    theirs = {name: os.environ[name] for name in ("HOME", "XDG_CACHE_HOME") if name in os.environ}
    return subprocess.run(
        [installed, *words],
        cwd=folder,
        env={"PATH": path, **theirs, **env},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


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


def test_a_reporter_that_is_installed_beside_it_is_found(installed: Path, tmp_path: Path) -> None:
    site = installed.parents[1] / "lib" / VERSION / "site-packages"
    code = "from kseries.report.reporter import Document\nSAY = Document(lambda run: run.result.series.name, 'say')\n"
    packages.install(site, "saying", code, "say", "saying:SAY")
    for name, said in (("say", "exit-on-missing-split\n"), ("text", "exit-on-missing-split: 6 patches on ")):
        done = _run(installed, tmp_path, "report", SPLIT, "--format", name)
        assert done.returncode == 0 and done.stdout.startswith(said), done.stderr
    done = _run(installed, tmp_path, "report", SPLIT, "--format", "x")
    assert done.stderr.endswith("  there are: text, html, junit, json, mail, say\n"), "ours are told once"


def test_an_extra_that_is_missing_is_brought_by_pip(wheel: Path, installed: Path, tmp_path: Path) -> None:
    done = _run(installed, tmp_path, "extra", "cluster")
    assert done.returncode == 3
    assert done.stderr == "kseries: the extra cluster is not installed: pip install 'kseries[cluster]'\n"
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        told = email.message_from_bytes(archive.read(metadata))
    assert set(EXTRAS) <= set(told.get_all("Provides-Extra", ()))


def test_nothing_of_the_folder_that_it_is_called_in_is_imported_or_run(installed: Path, tmp_path: Path) -> None:
    tree, mark = tmp_path / "tree", tmp_path / "ran"
    for name, text in traps.modules(mark).items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    traps.programs(tree, mark)
    env = {**traps.VARIABLES, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    for words, status in ((("--version",), 0), (("doctor",), 0), (("try", "HEAD", "v1..v2"), 128)):
        done = _run(installed, tree, *words, path=":.:/usr/bin:/bin:", **env)
        assert not mark.exists(), (words, mark.read_text())
        assert done.returncode == status, done.stdout + done.stderr


def test_it_is_found_through_a_link_as_pipx_makes_one(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "kseries").symlink_to(installed)
    assert _run(tmp_path / "kseries", tmp_path, "--version").stdout == f"kseries {__version__}\n"


def test_where_it_is_installed_for_a_user_the_python_is_on_path(wheel: Path, tmp_path: Path) -> None:
    """As pip install --user does it, which puts no python beside it."""
    prefix = tmp_path / ".local"
    words: list[str | Path] = [sys.executable, *PIP, "install", "--no-deps", "--prefix", prefix, wheel]
    subprocess.run(words, check=True, timeout=300, cwd=tmp_path)
    _lend_dependencies(prefix)
    path = f"{Path(sys.base_prefix) / 'bin'}:/usr/bin:/bin"
    done = _run(prefix / "bin" / "kseries", tmp_path, "--version", path=path, HOME=str(tmp_path))
    assert (done.returncode, done.stdout) == (0, f"kseries {__version__}\n"), done.stderr


@pytest.mark.parametrize(("words", "failure"), [(("runs",), 3), (("try", "HEAD", "v1..v2"), 129)])
def test_what_keeps_it_from_its_work_is_no_finding_and_no_answer(
    wheel: Path, tmp_path: Path, words: tuple[str, ...], failure: int
) -> None:
    command = _installed(wheel, tmp_path / "venv")
    package = tmp_path / "venv" / "lib" / VERSION / "site-packages" / "kseries"
    (package / "model" / "sanitize.py").unlink()
    damaged = _run(command, tmp_path, *words)
    assert damaged.returncode == failure and "kseries.model.sanitize" in damaged.stderr
    for python in (tmp_path / "venv" / "bin").glob("python*"):
        python.unlink()
    assert _run(command, tmp_path, *words).returncode == failure
    shutil.rmtree(package)
    (package / "start").mkdir(parents=True)
    gone = _run(command, tmp_path, *words)
    assert gone.returncode == failure and "install it again" in gone.stderr
