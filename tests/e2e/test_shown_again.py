# SPDX-License-Identifier: GPL-2.0-only
"""A finished run that is shown again says what it said before, and asks git next to nothing."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from tests.support import tinyseries
from tests.support.commands import typed

RUN = ("run", "base..topic", "--tree", "linux", "--probe", "capabilities", "--checkpatch", "--out", "out")
REPORTS = ("result.json", "report.html", "junit.xml")
_TIMES = re.compile(
    r'"?(?:began|seconds|first_finding)"?[=:] ?"?[-0-9.T:+]+"?'
    r"|\d{1,2} [A-Z][a-z]+ \d{4}, \d\d:\d\d UTC"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\+00:00| UTC)?|(?:\d+ min )?\d+(?:\.\d)? s"
)
GIT = """#!/bin/sh
echo "$*" >>"$ASKED"
exec {git} "$@"
"""


class Shown:
    """A series of tiny kernels of which one breaks a check that the next mends, run time and again."""

    def __init__(self, place: Path) -> None:
        self.place = place
        tinyseries.repository(place / "linux", 4, broken=2)
        git = place / "bin" / "git"
        git.parent.mkdir()
        git.write_text(GIT.format(git=shutil.which("git")))
        git.chmod(0o755)

    def __call__(self) -> tuple[list[str], list[str]]:
        """The reports, and what is printed, without times; and what git was asked."""
        asked = self.place / "asked"
        asked.unlink(missing_ok=True)
        env = {"PATH": f"{self.place / 'bin'}:{os.environ['PATH']}", "ASKED": str(asked)}
        done = typed(self.place, *RUN, XDG_CACHE_HOME=str(self.place / "cache"), **env)
        assert done.returncode == 1, done.stderr
        told = [done.stdout, *((self.place / "out" / name).read_text() for name in REPORTS)]
        logs = sorted((self.place / "out").rglob("*.log"))
        told += [f"{log.relative_to(self.place)}\n{log.read_text(errors='replace')}" for log in logs]
        return [_TIMES.sub("TIME", one) for one in told], asked.read_text().splitlines()


@pytest.fixture
def shown(tmp_path: Path) -> Shown:
    return Shown(tmp_path)


def _lose_conclusions(shown: Shown) -> None:
    (shown.place / "cache" / "kseries" / "conclusions.sqlite").unlink()


def _damage_conclusions(shown: Shown) -> None:
    (shown.place / "cache" / "kseries" / "conclusions.sqlite").write_bytes(b"no database")


def _lose_git_answers(shown: Shown) -> None:
    (shown.place / "cache" / "kseries" / "trees.git" / "answers.sqlite").unlink()


def test_what_is_shown_again_is_what_was_shown_at_first(shown: Shown) -> None:
    _, _ = shown()
    first, much = shown()  # of which all is known, and which states were built first does not show any more
    again, little = shown()
    assert again == first
    assert len(little) <= len(much)
    for lose in (_lose_conclusions, _damage_conclusions, _lose_git_answers):
        lose(shown)
        anew, more = shown()
        assert anew == first and len(more) > len(little), lose.__name__
    assert json.loads((shown.place / "out" / "result.json").read_text())["variants"][0]["findings"]
