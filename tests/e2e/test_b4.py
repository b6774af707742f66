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
"""The last one is of documentation alone, and so in order though nothing of it runs."""
COVER = (
    "Message-ID: <cover@example.com>\nSubject: [PATCH 0/4] lib: Change blocks\nFrom: A <a@example.com>\n\nAll of it.\n"
)
NOT_RUN = "no run has this patch as it is here"
MAIL_BEGINS = "From mboxrd@z Thu Jan  1 00:00:00 1970\n"


@dataclass(frozen=True)
class Desk:
    """Where somebody has a series on a branch of b4's."""

    home: Path
    linux: Repository
    b4: B4

    def run(self, target: str, out: str) -> None:
        """What is told to be done to know."""
        words = () if ".." in target else ("--tree", self.linux.path, "--base", "base")
        cache, place = str(self.home / "cache"), str(self.home / out)
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
    linux = Repository(tinyseries.repository(home / "linux", PATCHES - 1, broken=BROKEN))
    linux.git("checkout", "--quiet", "-b", "series", "topic")
    linux.commit("docs: Say what changes", {"Documentation/blocks.rst": "All of them.\n"})
    linux.git("tag", "--force", "topic")
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
    desk.run(desk.b4("prep", "--show-info", "series-range").split()[0], "prepared")
    assert _by_patch(desk.b4("prep", "--check")) == _by_patch(before), "b4 remembers what it was told"
    after = _by_patch(desk.b4("prep", "-C", "--check"))
    assert [_kinds(lines) for lines in after.values()] == [["not known"], ["contract"], ["revert"], []]


def _kinds(lines: list[str]) -> list[str]:
    """What is told of a patch: the question that fails, or else that something is not known."""
    return [line.removeprefix("kseries: ").removeprefix("ERROR: ").partition(":")[0] for line in lines]


def test_review_takes_and_keeps_what_kseries_says(desk: Desk) -> None:
    assert {(one["tool"], one["status"]) for one in desk.b4.reviewed("patches", desk.mail(1))} == {("kseries", "warn")}
    (before,) = desk.b4.reviewed("series", COVER)
    assert before["status"] == "warn" and "kseries run '<cover@example.com>'" in before["details"]
    (desk.home / "thread.mbox").write_text(f"{MAIL_BEGINS}{COVER}\n{''.join(desk.mails())}")
    desk.run(str(desk.home / "thread.mbox"), "reviewed")
    rows = desk.b4.reviewed("patches", *desk.mails())
    assert [one["status"] for one in rows] == ["warn", "fail", "fail", "pass"]
    assert {one["url"] for one in rows} == {(desk.home / "reviewed" / "report.html").as_uri()}
    (whole,) = desk.b4.reviewed("series", COVER)
    assert whole["tool"] == "kseries" and whole["summary"].endswith(
        ": contract, revert fails; contract, revert not known"
    )
    told = [(one["context"], one["status"]) for one in json.loads(whole["details"])]
    assert told[:3] == [("apply", "pass"), ("build", "pass"), ("boot", "pass")]
    assert sorted(told[3:]) == sorted(
        2 * [("contract", "warn"), ("revert", "warn")] + [("contract", "fail"), ("revert", "fail")]
    )


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
