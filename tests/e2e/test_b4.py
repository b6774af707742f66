# SPDX-License-Identifier: GPL-2.0-only
"""The real b4 shows what kseries knows of patches: before they are sent, and as they are reviewed."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import tinyseries, traps
from tests.support.commands import TOP, typed
from tests.support.gitrepo import Repository
from tests.support.realb4 import B4

PATCHES, BROKEN = 4, 2
COVER = (
    "Message-ID: <cover@example.com>\nSubject: [PATCH 0/4] lib: Change blocks\nFrom: A <a@example.com>\n\nAll of it.\n"
)
NOT_RUN = "no run has this patch as it is here"


@dataclass(frozen=True)
class Desk:
    """Where somebody has a series on a branch of b4's."""

    home: Path
    linux: Repository
    b4: B4

    def run(self, target: str, out: str) -> None:
        """What is told to be done to know."""
        words = ("--tree", self.linux.path, "--base", "base") if target == "-" else ()
        cache = str(self.home / "cache")
        place = str(self.home / out)
        done = typed(
            self.linux.path, "run", target, "--probe", "capabilities", "--out", place, *words, XDG_CACHE_HOME=cache
        )
        assert done.returncode == 1 and "SILENT-BREAK" in done.stdout, done

    def mail(self, number: int) -> str:
        """A patch as it is on the list."""
        text = self.linux.git("format-patch", "-1", "--stdout", f"topic~{PATCHES - number}") + "\n"
        head = f"Message-ID: <{number}@example.com>\nSubject: [PATCH {number}/{PATCHES}]"
        return text.replace("Subject: [PATCH]", head)

    def mails(self) -> list[str]:
        return [self.mail(number) for number in range(1, PATCHES + 1)]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A series that nobody has run yet."""
    home = tmp_path_factory.mktemp("desk")
    linux = Repository(tinyseries.repository(home / "linux", PATCHES, broken=BROKEN))
    linux.git("checkout", "--quiet", "-b", "series", "topic")
    desk = Desk(home, linux, B4(linux.path, home / "home", home / "cache"))
    desk.b4("prep", "--enroll", "base")
    return desk


def _summary(said: str) -> str:
    return next(line for line in said.splitlines() if line.startswith("Success: "))


def _by_patch(said: str) -> dict[str, list[str]]:
    """What b4 shows below each patch."""
    found: dict[str, list[str]] = {}
    for line in said.partition("---\n")[2].partition("---\n")[0].splitlines():
        if line.startswith("  "):
            found[[*found][-1]].append(line.strip("● "))
        else:
            found[line.rpartition(": ")[2]] = []
    return found


def test_b4_shows_how_to_know_and_then_which_patches_fail(desk: Desk) -> None:
    before = desk.b4("prep", "--check")
    assert _summary(before) == f"Success: 0, Warning: {PATCHES}, Error: 0"
    (shown,) = {line for lines in _by_patch(before).values() for line in lines}
    assert shown.endswith('to know: kseries run "$(b4 prep --show-info series-range)"; b4 prep -C --check')
    desk.run(desk.b4("prep", "--show-info", "series-range").split()[-1], "prepared")
    assert _by_patch(desk.b4("prep", "--check")) == _by_patch(before), "b4 remembers what it was told"
    after = _by_patch(desk.b4("prep", "-C", "--check"))
    assert [*after] == [f"Change block {number}" for number in range(1, PATCHES + 1)]
    bad = {name: [line.partition("ERROR: ")[2].split(":")[0] for line in lines] for name, lines in after.items()}
    print(after)
    assert bad == {
        "Change block 1": [],
        "Change block 2": ["contract"],
        "Change block 3": ["revert"],
        "Change block 4": [],
    }


def test_review_takes_and_keeps_what_kseries_says(desk: Desk) -> None:
    assert {(one["tool"], one["status"]) for one in desk.b4.reviewed("patches", *desk.mails())} == {("kseries", "warn")}
    (before,) = desk.b4.reviewed("series", COVER)
    assert before["status"] == "warn" and "kseries run '<cover@example.com>'" in before["details"]
    (desk.home / "thread.mbox").write_text("".join([COVER, *desk.mails()]))
    print(desk.b4.reviewed("patches", *desk.mails()))
    assert json


def test_no_code_of_the_tree_that_b4_stands_in_runs(desk: Desk, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    tree = Repository(tmp_path / "linux")
    tree.commit("base", traps.modules(mark))
    traps.programs(tree.path, mark)
    done = subprocess.run(
        [TOP / "kseries", "b4-check"],
        cwd=tree.path,
        env={**traps.environment(), "XDG_CACHE_HOME": str(tmp_path / "cache")},
        input=desk.mail(1),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith(NOT_RUN), done
    assert not mark.exists()
