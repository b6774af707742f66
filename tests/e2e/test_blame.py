# SPDX-License-Identifier: GPL-2.0-only
"""kseries bisect --prove as it is typed, on tiny kernels that QEMU boots: who is to blame, and who only seems to be."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support import tiny, tinyseries
from tests.support.byluck import BAD, CHECK, GOOD, flaky
from tests.support.commands import typed
from tests.support.gitrepo import Repository

TRIES = 20
"""Caches in which a kernel that passes one boot of four has failed its first: all of them in three of a thousand."""
BOOTS = 8


class Linux:
    """A repository of tiny kernels: what a commit changes in main.S decides what its boots say."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.repository = Repository(place / "linux")
        self.main = tiny.kernel("one", log="a tiny kernel\n")["main.S"]
        self.lib = tiny.LIB
        self.commit("base")
        self.repository.git("tag", "base")

    def commit(self, subject: str, main: str | None = None, lib: str | None = None) -> str:
        """A commit, with what main.S and lib.S hold from then on."""
        self.main = main or self.main
        makefile = tinyseries.noted(tiny.MAKEFILE)
        self.lib = lib or self.lib
        sources = {"Makefile": makefile, "main.S": self.main, "lib.S": self.lib}
        return self.repository.commit(subject, {**sources, "Kconfig": "", "arch/x86/kvm/Kconfig": ""})

    def kseries(self, *words: str, cache: str = "cache") -> "subprocess.CompletedProcess[str]":
        return typed(self.place, *words, "--tree", "linux", *CHECK, XDG_CACHE_HOME=str(self.place / cache))

    def proof(self, *words: str, cache: str = "cache") -> tuple[dict[str, Any], str]:
        """What bisect says as JSON of a proof, and as text: the second time all is known."""
        told = self.kseries("bisect", "base..main", *words, "--json", cache=cache)
        assert told.returncode == 1, told.stdout + told.stderr
        text = self.kseries("bisect", "base..main", *words, cache=cache)
        assert "building" not in text.stderr and "booting" not in text.stderr
        found: dict[str, Any] = json.loads(told.stdout)["proof"]
        return found, text.stdout


@pytest.fixture
def linux(tmp_path: Path) -> Linux:
    return Linux(tmp_path)


def test_who_comes_after_a_flaky_fault_is_not_proved_to_be_to_blame(linux: Linux) -> None:
    sound = linux.main
    linux.commit("fail in three boots of four", flaky(sound))
    linux.commit("fail always", sound.replace(GOOD, BAD))
    passed = (name for name in map(str, range(TRIES)) if _passes_first(linux, name))
    cache = next(passed)
    proof, text = linux.proof("--prove", str(BOOTS), cache=cache)
    assert "2/2 'fail always' is the first bad patch." in text
    (parent, culprit, _) = proof["legs"]
    assert (culprit["name"], culprit["passed"]) == ("prefix-2", 0)
    assert culprit["failed"] >= BOOTS
    assert parent["name"] == "prefix-1"
    assert parent["passed"] >= 1 and parent["passed"] + parent["failed"] >= BOOTS
    assert not proof["proved"], "a kernel that passes one boot of four has passed eight"
    assert proof["why"][0].startswith(f"its parent failed {parent['failed']} of ")
    assert f"Not proved: its parent failed {parent['failed']} of " in text


def _passes_first(linux: Linux, cache: str) -> bool:
    done = linux.kseries("try", "prefix-1", "base..main", cache=cache)
    assert done.returncode in (0, 1, 125), done.stderr
    return done.returncode == 0


def test_a_patch_that_fails_always_is_proved_and_boots_nothing_twice(linux: Linux) -> None:
    linux.commit("change a comment", lib=f"{tiny.LIB}/* one */\n")
    linux.commit("fail", linux.main.replace(GOOD, BAD))
    linux.commit("change another", lib=f"{tiny.LIB}/* one */\n/* two */\n")
    proof, text = linux.proof("--prove", "3")
    assert (proof["proved"], proof["why"]) == (True, [])
    # What fails is booted once more, by the bisection, too.
    assert [(one["passed"], one["failed"]) for one in proof["legs"]] == [(3, 0), (0, 4), (3, 0)]
    assert "Proved: it fails, what it is made on passes, and so does the bad end without it." in text


def test_a_patch_whose_revert_conflicts_is_proved_with_the_one_that_is_in_the_way(linux: Linux) -> None:
    linux.commit("fail", linux.main.replace(GOOD, BAD))
    linux.commit("fail in other words", linux.main.replace(BAD, f"{BAD} # in other words"))
    proof, text = linux.proof("--prove", "2")
    assert "1/2 'fail' is the first bad patch." in text
    assert (proof["proved"], proof["why"]) == (True, [])
    assert [(one["name"], one["conflicts"]) for one in proof["legs"][2:]] == [
        ("without-1", ["main.S"]),
        ("without-1+2", []),
    ]
    assert "To revert it, revert 2 with it:\n  git revert " in text
