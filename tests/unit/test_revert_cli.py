# SPDX-License-Identifier: GPL-2.0-only
"""kseries revert and kseries pick as they are typed, on tiny kernels that QEMU boots."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kseries.cli import main
from tests.support.conditional import Source, files, has
from tests.support.gitrepo import Repository

CONTRACT = """id = "feature"
title = "It works."
when = "X_FEATURE"
checks = ["capabilities.works"]
"""
# As exit-on-missing: b is the flag, c the annotation, d honours and advertises, e counts and needs b to build.
SPLIT = Source(
    fails={"works": "!C", "stays": "0"},
    caps={"X_FEATURE": "D"},
    errors=(("D && !B", "d needs b"), ("E && !B", "e needs b")),
    needs={"works": "D"},
)
PATCHES: tuple[tuple[str, Mapping[str, str]], ...] = (
    ("lib: Report (the) kind", has("a")),
    ("lib: Add a flag", has("b")),
    ("lib: Annotate", has("c")),
    ("lib: Honour the flag", has("d")),
    ("Documentation: Tell of it", {"Documentation/x.rst": "x\n"}),
    ("lib: Count", has("e")),
)


class Linux:
    """A repository of tiny kernels, a cache, and what kseries says."""

    def __init__(self, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.repository = Repository(place / "linux")
        self._capsys = capsys
        (place / "feature.toml").write_text(CONTRACT)

    def series(self, source: Source = SPLIT, patches: tuple[tuple[str, Mapping[str, str]], ...] = PATCHES) -> None:
        self.repository.commit("base", files("abcde", source))
        self.repository.git("tag", "base")
        for subject, changed in patches:
            self.repository.commit(subject, changed)

    def kseries(self, command: str, *words: str) -> tuple[int, str, str]:
        kernel = ("base..main", "--tree", "linux", "--probe", "capabilities", "--contract", "feature.toml")
        status = main([command, *words, *kernel])
        said = self._capsys.readouterr()
        return status, said.out, said.err

    def json(self, command: str, *words: str) -> tuple[int, dict[str, Any]]:
        status, out, err = self.kseries(command, *words, "--json")
        assert out, err
        return status, json.loads(out)


@pytest.fixture
def linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Linux:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return Linux(tmp_path, capsys)


def tried(told: Mapping[str, Any]) -> dict[tuple[int, ...], str]:
    return {tuple(one["patches"]): one["answer"] for one in told["set"]["tried"]}


def test_a_silent_break_takes_its_partner_along(linux: Linux) -> None:
    linux.series()
    status, told = linux.json("revert", "3")
    print(json.dumps(told["set"]))
    assert (status, told["set"]["patches"], told["set"]["proved"]) == (0, [3, 4], True), told["set"]
    assert tried(told)[(3,)] == "broken" and tried(told)[(3, 4)] == "safe"
    print(tried(told), told["set"]["kernels"])
