# SPDX-License-Identifier: GPL-2.0-only
"""The wheel and the sdist: a registry takes them, and nothing that is needed stays behind."""

import email
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from pathlib import Path

import pytest

from kseries.cli.completion import FILES
from tests.support.commands import TOP, git

_PLACES = {
    "docs/kseries.1": "share/man/man1/kseries.1",
    f"docs/completion/{FILES['bash']}": "share/bash-completion/completions/kseries",
    f"docs/completion/{FILES['zsh']}": "share/zsh/site-functions/_kseries",
    f"docs/completion/{FILES['fish']}": "share/fish/vendor_completions.d/kseries.fish",
}
"""Where man(1) looks (manpath(5)), bash-completion, zsh (its site-functions) and fish, below the prefix."""


@pytest.fixture(scope="module")
def unpacked(distribution: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one folder in the sdist."""
    (sdist,) = distribution.glob("kseries-*.tar.gz")
    home = tmp_path_factory.mktemp("sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(home, filter="data")
    (folder,) = home.iterdir()
    return folder


def contents(wheel: Path) -> dict[str, int]:
    """Each file of a wheel, and the CRC of its bytes."""
    with zipfile.ZipFile(wheel) as archive:
        return {one.filename: one.CRC for one in archive.infolist()}


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def test_a_registry_takes_them(distribution: Path) -> None:
    words: list[str | Path] = [
        sys.executable,
        "-I",
        "-m",
        "twine",
        "--no-color",
        "check",
        "--strict",
        *distribution.iterdir(),
    ]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and done.stdout.count("PASSED") == 2, done.stdout + done.stderr


@pytest.mark.skipif(not (TOP / ".git").exists(), reason="an unpacked sdist, of which git knows nothing")
def test_the_sdist_has_each_file_of_a_clone_and_no_other(unpacked: Path) -> None:
    ours = git("-C", TOP, "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    theirs = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if not path.is_dir()}
    assert theirs == {*ours, "PKG-INFO"}
    for name in ("kseries", "harness/kseries/start/installed", ".ci/run"):
        assert (unpacked / name).stat().st_mode & 0o777 == 0o755, name


def test_the_wheel_of_the_sdist_is_that_of_the_clone(wheel: Path, unpacked: Path, tmp_path: Path) -> None:
    words: list[str | Path] = [sys.executable, "-I", "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path]
    subprocess.run(words, check=True, timeout=300, cwd=unpacked)
    (again,) = tmp_path.glob("*.whl")
    assert contents(again) == contents(wheel)


def test_the_wheel_has_the_project_and_nothing_of_its_tests(wheel: Path) -> None:
    folders = {name.split("/")[0] for name in contents(wheel)}
    assert folders == {"kseries", *(f"kseries-{metadata(wheel)['Version']}.{kind}" for kind in ("data", "dist-info"))}
    clone = {
        str(path.relative_to(TOP))
        for folder in ("guests", "kernels", "reports", "testcases")
        for path in (TOP / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert clone <= {name.removeprefix("kseries/data/") for name in contents(wheel)}


def test_the_man_page_and_the_completions_go_where_they_are_looked_for(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for file, place in _PLACES.items():
            (name,) = (name for name in archive.namelist() if name.endswith(f".data/data/{place}"))
            assert archive.read(name) == (TOP / file).read_bytes()


def test_the_license_comes_along(wheel: Path) -> None:
    told = metadata(wheel)
    assert told["License-Expression"] == "GPL-2.0-only"
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(f"licenses/{told['License-File']}"))
        assert b"GNU GENERAL PUBLIC LICENSE" in archive.read(name)
