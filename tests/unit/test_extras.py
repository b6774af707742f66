# SPDX-License-Identifier: GPL-2.0-only
"""Packages that only some need: what a clone and a wheel know of them, and what is said where they are missing."""

import re
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

from kseries import cli
from kseries.host import extras, paths
from kseries.host.extras import EXTRAS, Extra
from kseries.model.errors import InfraError

TOP = paths.project()
_PIN = re.compile(r"^([\w.-]+)==(\S+) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE)


def pins(lock: Path) -> dict[str, str]:
    """The version of each package of a lock file, every line of which is one of a package's or a remark."""
    text = lock.read_text()
    assert re.fullmatch(r"(( *#|-r ).*\n)*", _PIN.sub("", text)), lock.name
    return {name: version for name, version, _ in _PIN.findall(text)}


def test_a_lock_file_and_the_wheel_and_the_code_have_the_same_extras() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(project) - {"dev"} == set(EXTRAS)
    for name in EXTRAS:
        for needed in project[name]:
            package, least = needed.split(">=")
            version = pins(TOP / f"requirements-{name}.lock")[package]
            assert [*map(int, version.split("."))] >= [*map(int, least.split("."))], needed


def test_one_venv_can_hold_all_that_the_lock_files_pin() -> None:
    versions = defaultdict(set)
    for lock in TOP.glob("requirements*.lock"):
        for name, version in pins(lock).items():
            versions[name].add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}
    assert {"distributed", "kcidb-io", "pytest", "msgspec"} <= versions.keys(), "nothing was looked at"


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXTRAS, "cluster", Extra("kseries_no_such_module", EXTRAS["cluster"].purpose))
    monkeypatch.setitem(EXTRAS, "pytest", Extra("pytest", EXTRAS["pytest"].purpose))


@pytest.mark.usefixtures("lacking")
def test_what_is_missing_is_told_in_one_line_that_brings_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    extras.require("pytest")
    with pytest.raises(InfraError) as error:
        extras.require("cluster")
    assert str(error.value) == f"the extra cluster is not installed: {TOP / 'kseries'} extra cluster"
    monkeypatch.setattr(paths, "project", lambda *parts: tmp_path.joinpath(*parts))
    with pytest.raises(InfraError) as error:
        extras.require("cluster")
    assert str(error.value) == "the extra cluster is not installed: pip install 'kseries[cluster]'"


@pytest.mark.usefixtures("lacking")
def test_the_command_lists_them_and_fails_where_one_that_is_named_is_not_there(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["extra"]) == 0
    rows = [row.split()[:2] for row in capsys.readouterr().out.splitlines()]
    assert rows[:2] == [["cluster", "-"], ["pytest", "there"]] and len(rows) == len(EXTRAS)
    assert cli.main(["extra", "pytest"]) == 0
    assert capsys.readouterr().out == f"pytest    there  {EXTRAS['pytest'].purpose}\n"
    assert cli.main(["extra", "pytest", "cluster"]) == 3
    assert capsys.readouterr().err.startswith("kseries: the extra cluster is not installed: ")
    assert cli.main(["extra", "dev"]) == 2
    assert capsys.readouterr().err == "kseries: there is no extra dev\n  there are: cluster, pytest, publish\n"
