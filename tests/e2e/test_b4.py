# SPDX-License-Identifier: GPL-2.0-only
"""The real b4 shows what kseries knows of patches: before they are sent, and as they are reviewed."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import tinyseries, traps
from tests.support.commands import typed
from tests.support.gitrepo import Repository
from tests.support.realb4 import B4

PATCHES, BROKEN = 4, 2
RANGE = "series-range"


@dataclass(frozen=True)
class Desk:
    """Where somebody has a series on a branch of b4's, and has not run it yet."""

    home: Path
    linux: Repository
    b4: B4

    def run(self) -> None:
        """What ``b4 prep`` is told to do to know."""
        revisions = self.b4("prep", "--show-info", RANGE).split()[-1]
        words = ("--probe", "capabilities", "--out", str(self.home / "out"))
        done = typed(self.linux.path, "run", revisions, *words, XDG_CACHE_HOME=str(self.home / "cache"))
        assert done.returncode == 1 and "SILENT-BREAK" in done.stdout, done

    def mail(self, number: int) -> str:
        """A patch as it is on the list."""
        (text,) = self.linux.git("format-patch", "-1", "--stdout", f"topic~{PATCHES - number}").split("\0")
        return text.replace(
            "Subject: [PATCH]", f"Message-ID: <{number}@example.com>\nSubject: [PATCH {number}/{PATCHES}]"
        )


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    home = tmp_path_factory.mktemp("desk")
    linux = Repository(tinyseries.repository(home / "linux", PATCHES, broken=BROKEN))
    linux.git("checkout", "--quiet", "-b", "series", "topic")
    desk = Desk(home, linux, B4(linux.path, home / "home", home / "cache"))
    desk.b4("prep", "--enroll", "base")
    return desk


def summary(said: str) -> str:
    return next(line for line in said.splitlines() if line.startswith("Success: "))


def test_b4_shows_how_to_know_and_then_which_patch_fails(desk: Desk) -> None:
    before = desk.b4("prep", "--check")
    assert summary(before) == f"Success: 0, Warning: {PATCHES}, Error: 0"
    assert f'to know: kseries run "$(b4 prep --show-info {RANGE})"; b4 prep -C --check' in before

    for file, text in traps.modules(desk.home / "mark").items():
        (desk.linux.path / file).parent.mkdir(parents=True, exist_ok=True)
        (desk.linux.path / file).write_text(text)
    desk.run()
    assert summary(desk.b4("prep", "--check")) == summary(before), "b4 remembers what it was told"
    after = desk.b4("prep", "-C", "--check")
    assert summary(after) == "Success: 2, Warning: 0, Error: 2", after
    assert not (desk.home / "mark").exists(), "code of the tree has run"


def test_review_takes_what_kseries_says(desk: Desk) -> None:
    found = desk.b4.reviewed("patches", *(desk.mail(number) for number in range(1, PATCHES + 1)))
    assert [one["tool"] for one in found] == ["kseries"] * PATCHES
