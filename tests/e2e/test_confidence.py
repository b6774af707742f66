# SPDX-License-Identifier: GPL-2.0-only
"""kseries bisect --confidence as it is typed: tiny kernels of which a bad one passes every fourth boot, by chance."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support import tiny, tinyseries
from tests.support.byluck import CHECK, flaky
from tests.support.commands import typed
from tests.support.gitrepo import Repository

pytestmark = pytest.mark.full("history")

COMMITS = 4
"""Of each of two branches. The second of the branch ``side`` brings the fault."""
CULPRIT = "side: Change 2"
APART = "\t/* nothing changes here */\n" * 8


class Linux:
    """A repository of tiny kernels, each another one by what it has in lib.S, with two branches that are merged."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.repository = Repository(place / "linux")
        self._main = tiny.kernel("one", log="a tiny kernel\n")["main.S"]
        self._commit("base", ())
        self.repository.git("tag", "base")
        self._branch("side")
        self.repository.git("checkout", "--quiet", "main")
        self._branch("main")
        self.repository.git("merge", "--quiet", "--no-ff", "-m", "Merge branch 'side'", "side")
        self._commit("after it", ("side", "main", "more"), bad=True)

    def _branch(self, name: str) -> None:
        if name != "main":
            self.repository.git("checkout", "--quiet", "-b", name, "base")
        for number in range(1, COMMITS + 1):
            self._commit(f"{name}: Change {number}", (name,), number, bad=name == "side" and number >= 2)

    def _commit(self, subject: str, done: tuple[str, ...], number: int = COMMITS, *, bad: bool = False) -> None:
        blocks = (
            f'\t.asciz "{name} {one}: {"new" if name in done and one <= number else "old"}"\n'
            for name in ("side", "main", "more")
            for one in range(1, COMMITS + 1)
        )
        sources = {
            "Makefile": tinyseries.noted(tiny.MAKEFILE),
            "main.S": flaky(self._main) if bad else self._main,
            "lib.S": tiny.LIB + APART.join(("", *blocks)),
        }
        notes = {"notes": subject} if done == ("main",) else {}
        self.repository.commit(subject, {**sources, **notes, "Kconfig": "", "arch/x86/kvm/Kconfig": ""})

    def kseries(self, *words: str, paths: tuple[str, ...] = ()) -> "subprocess.CompletedProcess[str]":
        words = (*words, "--tree", "linux", *CHECK, *(("--", *paths) if paths else ()))
        return typed(self.place, *words, XDG_CACHE_HOME=str(self.place / "cache"))


@pytest.fixture(scope="module")
def linux(tmp_path_factory: pytest.TempPathFactory) -> Linux:
    return Linux(tmp_path_factory.mktemp("linux"))


def searched(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    assert done.returncode == 1, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_commit_behind_a_merge_is_found_though_its_kernels_pass_now_and_then(linux: Linux) -> None:
    words = ("bisect", "base..main", "--confidence", "0.99")
    found = searched(linux.kseries(*words, "--json"))
    (blamed,) = found["searched"]["blamed"]
    assert found["names"][blamed] == CULPRIT
    assert found["searched"]["suspects"][0]["probability"] >= 0.99
    assert found["searched"]["bad_passes"]["mean"] > 0
    again = linux.kseries(*words)
    assert "building" not in again.stderr and "booting" not in again.stderr, "all of it is known"
    assert f"'{CULPRIT}' is the first bad one, with a probability of 0.99 or more." in again.stdout
    assert f"It took {found['searched']['boots']} boots of " in again.stdout


def test_where_what_breaks_is_in_other_files_nobody_is_blamed(linux: Linux) -> None:
    done = linux.kseries("bisect", "base..main", "--confidence", "0.99", paths=("notes",))
    assert done.returncode == 2, done.stdout
    assert "no commit that touches these paths is bad, and BAD is\n  what breaks it is in other files" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--confidence", "2"), "2 is no probability from 0.5 to 0.999999"),
        (("--confidence", "nan"), "nan is no probability"),
        (("--confidence", "0.99", "--replay", "bisect.log"), "not of how many boots"),
        (("--confidence", "0.99", "--boots", "0"), "0 is not a number from 1 to"),
    ],
)
def test_what_goes_not_with_a_confidence_is_told(linux: Linux, words: tuple[str, ...], said: str) -> None:
    done = linux.kseries("bisect", "base..main", *words)
    assert done.returncode == 2, done.stdout
    assert said in done.stderr
    assert "building" not in done.stderr


def test_a_build_needs_no_confidence(linux: Linux) -> None:
    done = typed(linux.place, "bisect", "base..main", "--tree", "linux", "--build", "--confidence", "0.99")
    assert (done.returncode, done.stdout) == (2, "")
    assert "what does not build fails each time" in done.stderr


def test_a_good_commit_that_the_bad_one_is_not_made_on_is_told_with_where_they_part(linux: Linux) -> None:
    done = linux.kseries("bisect", "side~2..main~2", "--confidence", "0.99", "--first-parent")
    assert done.returncode == 2, done.stdout
    assert "is not below BAD" in done.stderr
