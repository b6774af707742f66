# SPDX-License-Identifier: GPL-2.0-only
"""Reverts that break what always worked, from the command line, on kernels that QEMU boots: found, with their partner.

The tiny kernel passes a check unless some patch is there and another is not: what each of them has is a header.
"""

import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.checked import having as has
from tests.support.checked import kernel, main
from tests.support.commands import typed
from tests.support.gitrepo import Repository
from tests.support.told import read_lines, read_one


@dataclass(frozen=True)
class Linux:
    """A repository of tiny kernels, and a cache."""

    repository: Repository
    place: Path

    def series(self, source: str, *patches: tuple[str, Mapping[str, str]]) -> None:
        self.repository.commit("base", kernel(source))
        self.repository.git("tag", "base")
        for subject, changed in patches:
            self.repository.commit(subject, changed)

    def kseries(self, command: str, *words: str) -> "subprocess.CompletedProcess[str]":
        kernel = ("--tree", str(self.repository.path), "--probe", "capabilities")
        return typed(self.place, command, *words, *kernel, XDG_CACHE_HOME=str(self.place / "cache"))

    def run(self, *words: str) -> tuple["subprocess.CompletedProcess[str]", dict[str, Any]]:
        done = self.kseries("run", "base..main", "--scenario", "prefixes,reverts", "--out", "out", *words)
        assert (self.place / "out" / "result.json").exists(), done.stderr
        result: dict[str, Any] = read_one((self.place / "out" / "result.json").read_text())
        return done, result


@pytest.fixture
def linux(tmp_path: Path) -> Linux:
    return Linux(Repository(tmp_path / "linux"), tmp_path)


def found(result: Mapping[str, Any], kind: str = "silent-break") -> list[tuple[str, int | None, int | None]]:
    return [(one["state"], one["patch"], one["partner"]) for one in result["findings"] if one["kind"] == kind]


def test_a_preparing_patch_is_found_with_the_patch_that_needs_it(linux: Linux) -> None:
    linux.series(
        main(("works", "C && !A"), ("stays", "0")),
        ("prepare", has("a", 1)),
        ("words", {"x.rst": "x\n"}),
        ("more words", {"y.rst": "y\n"}),
        ("convert", has("c", 1)),
        ("the rest", has("d", 1)),
    )
    done, result = linux.run()
    assert done.returncode == 1
    assert found(result) == [("without-1", 1, 4)]
    assert found(result, "undocumented-dependency") == [("without-1", 4, 1)]
    finding = next(one for one in result["findings"] if one["kind"] == "silent-break")
    assert finding["contract"] is None and finding["advice"] is None  # they are no neighbours
    assert read_lines(finding["evidence"]) == ["capabilities.works: fail"]
    assert result["verdict"] == {"bisectable": None, "revert_safe": False}
    searched = [state["id"] for state in result["searched"]]
    assert searched == ["prefix-1/without-1", "prefix-3/without-1", "prefix-4/without-1"]
    assert [one for one in result["couplings"] if one["kind"] == "behaviour"] == [
        {
            "kind": "behaviour",
            "patch": 4,
            "needs": 1,
            "state": "without-1",
            "contract": None,
            "evidence": finding["evidence"],
        }
    ]
    said = " ".join(done.stdout.split())
    assert (
        "SILENT-BREAK: Reverting 1/5 'prepare' breaks what works on the base and with the whole series,"
        " since 4/5 'convert' (prefix-4/without-1 is broken so, prefix-3/without-1 is not): capabilities.works: fail"
        in said
    )
    assert 'What would help in the changelog of 4/5: Depends-on: ("prepare")' in said
    assert "revert-safe: NO" in said
    told = {
        case.get("name")
        for case in ET.parse(linux.place / "out" / "junit.xml").iter("testcase")
        if case.find("failure") is not None
    }
    assert "works" in told and "stays" not in told
    for state, status, word in (
        ("without-1", 1, "bad"),
        ("prefix-4/without-1", 1, "bad"),
        ("prefix-3/without-1", 0, "good"),
        ("without-4", 0, "good"),
    ):
        tried = linux.kseries("try", state, "base..main")
        assert (tried.returncode, tried.stdout.split("\n")[0]) == (status, f"{state}: {word}"), tried.stderr


def test_neighbours_are_squashed_where_that_is_proved(linux: Linux) -> None:
    linux.series(main(("works", "B && !A")), ("prepare", has("a", 1)), ("convert", has("b", 1)), ("more", has("c", 1)))
    done, result = linux.run()
    assert found(result) == [("without-1", 1, 2)]
    advice = next(one["advice"] for one in result["findings"] if one["kind"] == "silent-break")
    assert advice == {"squash": [1, 2], "order": [], "verified": True}
    assert "Proved: squash 1/3 and 2/3" in done.stdout
    assert result["squashes"][0]["findings"] == []
    times = [(one.get("series"), one["state"], one["stage"]) for one in result["timeline"]]
    assert times[0] == (None, "base", "build")
    assert {(None, "base", "boot"), (None, "prefix-3", "boot"), ("squash-1+2", "without-1", "build")} <= {*times}
    assert all(0 < one["began"] <= one["ended"] <= result["seconds"] + 0.1 for one in result["timeline"])


def test_a_finding_is_told_when_it_is_certain_and_the_run_says_when_that_was(linux: Linux) -> None:
    linux.series(main(("works", "B && !A")), ("prepare", has("a", 1)), ("convert", has("b", 1)), ("more", has("c", 1)))
    done, result = linux.run()
    told = [line[8:] for line in done.stderr.splitlines()]
    at = told.index("found: silent-break: without-1: capabilities.works")
    assert told[at - 1].startswith("without-1: ok (build ") and told[at + 1 :] and told.count(told[at]) == 1
    ends = {one["state"]: one["ended"] for one in result["timeline"] if "series" not in one}
    assert ends["without-1"] <= result["first_finding"] < max(one["ended"] for one in result["timeline"])
    again, known = linux.run()
    assert "found: " not in again.stderr and known["first_finding"] <= known["seconds"]


def test_a_series_whose_reverts_lose_nothing_has_no_such_finding(linux: Linux) -> None:
    linux.series(main(("works", "C && !A && B")), *((name, has(name, 1)) for name in "adc"))
    done, result = linux.run()
    assert (done.returncode, result["findings"], result["searched"]) == (0, [], [])
