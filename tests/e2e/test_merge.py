# SPDX-License-Identifier: GPL-2.0-only
"""Two topics from the command line, on kernels that QEMU boots: fine each, and what their merge loses."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.checked import having, kernel, main
from tests.support.commands import typed
from tests.support.gitrepo import Repository, lines

CONTRACT = 'id = "feature"\ntitle = "It works."\nwhen = "F"\nchecks = ["capabilities.works"]\n'
Patch = tuple[str, Mapping[str, str]]


@dataclass(frozen=True)
class Linux:
    """A repository of tiny kernels with two branches, and a cache."""

    repository: Repository
    place: Path

    def lay(self, source: str, one: tuple[Patch, ...], two: tuple[Patch, ...]) -> None:
        self.repository.commit("base", {**kernel(source), "notes": lines()})
        self.repository.git("tag", "base")
        for branch, patches in (("one", one), ("two", two)):
            self.repository.git("checkout", "--quiet", "-b", branch, "base")
            for subject, changed in patches:
                self.repository.commit(subject, changed)

    def merge(self, *words: str | Path) -> "subprocess.CompletedProcess[str]":
        targets = () if words and not str(words[0]).startswith("-") else ("base..one", "base..two")
        more = ("--tree", self.repository.path, "--probe", "capabilities", "--out", "out")
        return typed(self.place, "merge", *targets, *words, *more, XDG_CACHE_HOME=str(self.place / "cache"))

    def merged(self, *words: str | Path) -> tuple[int, dict[str, Any]]:
        """The exit status, and what is told as JSON."""
        done = self.merge(*words, "--json")
        assert done.stdout, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        assert json.loads((self.place / "out" / "merge.json").read_text()) == told
        return done.returncode, told


@pytest.fixture
def linux(tmp_path: Path) -> Linux:
    return Linux(Repository(tmp_path / "linux"), tmp_path)


def outcomes(told: Mapping[str, Any]) -> dict[str, str]:
    return {state["id"]: state["outcome"] for state in told["states"]}


FINE = dict.fromkeys(("base", "first", "second", "both"), "ok")
WORDS: Patch = ("words", {"x.rst": "x\n"})
MORE_WORDS: Patch = ("more words", {"y.rst": "y\n"})


def test_a_promise_that_only_the_merge_breaks_is_found_with_the_patch_of_each_that_it_takes(linux: Linux) -> None:
    feature = main(("works", "B && C", "!A"), ("stays", "0"), caps={"F": "A"})
    linux.lay(
        feature,
        (("feature", having("a", 1)), WORDS, ("faster", having("b", 1))),
        (MORE_WORDS, ("convert", having("c", 1)), ("the rest", having("d", 1))),
    )
    (linux.place / "f.toml").write_text(CONTRACT)
    done = linux.merge("--contract", "f.toml")
    assert done.returncode == 1, done.stderr
    said = " ".join(done.stdout.split())
    assert (
        "SILENT-BREAK: Neither topic breaks F (feature), and their merge advertises it and does not keep it:"
        " capabilities.works: fail It takes 3/3 'faster' of the first, and 2/3 'convert' of the second:"
        " first+second-2 shows it, first-2+second-2 and first+second-1 do not. together: NO"
    ) in said
    again = said.partition("to see it again: kseries ")[2].split()
    status, told = linux.merged(*again[1:])
    assert (status, outcomes(told), told["built"]) == (1, FINE, 0)
    (loss,) = told["losses"]
    assert (loss["kind"], loss["contract"], loss["evidence"]["name"]) == ("promise", "feature", "capabilities.works")
    assert loss["needs"] == {
        "first": [3],
        "second": [2],
        "broken": "first+second-2",
        "sound": ["first-2+second-2", "first+second-1"],
        "spent": False,
    }
    assert (linux.place / "out" / "states" / "both" / "console.log").exists()


def test_a_merge_that_does_not_build_is_loud(linux: Linux) -> None:
    linux.lay(main(("works", "0"), stops="A && C"), (("a", having("a", 1)),), (("c", having("c", 1)),))
    status, told = linux.merged()
    assert (status, outcomes(told)) == (1, {**FINE, "both": "build-failed"})
    (loss,) = told["losses"]
    assert (loss["kind"], loss["needs"]["first"], loss["needs"]["second"]) == ("build", [1], [1])
    assert "it does not build" in loss["evidence"]["said"]
    assert told["searched"] == [], "the four states tell which patches it takes"
    assert "LOUD: Each topic builds, and their merge does not:" in linux.merge().stdout


def test_two_topics_that_are_fine_together(linux: Linux) -> None:
    source = main(("works", "A && C && B"), ("new", "!A"), ("fixed", "!C && !D"))
    linux.lay(source, (("a", having("a", 1)), WORDS), (("c", having("c", 1)), MORE_WORDS))
    status, told = linux.merged()
    assert (status, outcomes(told), told["together"], told["losses"]) == (0, FINE, True, [])
    assert (told["kept"], told["unknown"], told["alone"]) == (3, [], [])
    done = linux.merge("--strict")
    assert (done.returncode, "together: yes\n3 checks kept; 4 states; 0 of" in done.stdout) == (0, True)


def test_what_a_topic_breaks_by_itself_is_no_loss_of_the_two(linux: Linux) -> None:
    linux.lay(main(("works", "A"), ("stays", "0")), (("a", having("a", 1)),), (("c", having("c", 1)),))
    done = linux.merge()
    assert done.returncode == 0, done.stderr
    assert "The first is broken by itself, whatever it is merged with: capabilities.works: fail" in done.stdout
    assert "together: yes" in done.stdout


def test_where_a_topic_does_not_build_nobody_can_tell(linux: Linux) -> None:
    linux.lay(main(("works", "0"), stops="A"), (("a", having("a", 1)),), (("c", having("c", 1)),))
    status, told = linux.merged()
    assert (status, told["together"], told["losses"]) == (1, None, [])
    assert told["unknown"] == ["first: build-failed", "both: build-failed"]


def test_a_conflict_is_told_with_its_files_and_patches_and_nothing_is_built(linux: Linux) -> None:
    linux.lay(
        main(("works", "0")),
        (WORDS, ("mine", {"notes": lines(line7="mine")}), ("a", having("a", 1))),
        (MORE_WORDS, ("far", {"notes": lines(line18="far")}), ("theirs", {"notes": lines(line7="x", line18="far")})),
    )
    done = linux.merge()
    assert done.returncode == 1, done.stderr
    said = " ".join(done.stdout.split())
    assert (
        "LOUD: git does not merge them: conflict in notes It takes 2/3 'mine' of the first, and 3/3 'theirs' of the"
        " second: first-2+second shows it, first-1+second and first-2+second-2 do not. CONFLICT (content): Merge"
        " conflict in notes notes:7: <<<<<<< HEAD mine ======= x >>>>>>>"
    ) in said
    assert "building" not in done.stderr and not (linux.place / "cache" / "kseries" / "workers").exists()
    status, told = linux.merged()
    assert (status, told["conflicts"], told["states"], told["together"]) == (1, ["notes"], [], False)


def test_most_kernels_are_not_exceeded_and_the_same_line_goes_on(linux: Linux) -> None:
    linux.lay(
        main(("works", "A && C"), ("stays", "0")),
        (WORDS, ("a", having("a", 1)), ("b", having("b", 1))),
        (MORE_WORDS, ("c", having("c", 1)), ("d", having("d", 1))),
    )
    status, told = linux.merged("--most", "0")
    assert (status, told["built"], told["losses"][0]["needs"]) == (1, 4, None)
    done = linux.merge("--most", "1")
    assert (done.returncode, "as far as was tried: no more kernels may be built; --most N, or" in done.stdout) == (
        1,
        True,
    )
    status, told = linux.merged()
    assert (status, told["losses"][0]["needs"]["first"], told["losses"][0]["needs"]["second"]) == (1, [2], [2])
    assert told["built"] < len(told["searched"]), "what was built before is known"


def test_topics_on_two_bases_are_merged_where_their_histories_part(linux: Linux) -> None:
    """What lies under a topic comes with it, and may be what it takes."""
    linux.lay(main(("works", "A && C"), ("stays", "0")), (("a", having("a", 1)),), (("upstream", having("c", 1)),))
    linux.repository.git("tag", "newer")
    linux.repository.commit("d", having("d", 1))
    done = linux.merge("base..one", "newer..two")
    assert done.returncode == 1, done.stderr
    assert "newer..two comes with what is below it: git merges from" in done.stderr
    said = " ".join(done.stdout.split())
    assert "It takes 1/1 'a' of the first, and what lies under the second: first+second-0 shows it" in said
    status, told = linux.merged("newer..two", "base..one")
    assert (status, told["losses"][0]["needs"]["first"], told["second"]["patches"]) == (1, [0], {"1": "a"})


def test_patches_are_put_on_the_base_of_the_other_and_merged_as_commits_are(linux: Linux) -> None:
    linux.lay(
        main(("works", "A && C"), ("stays", "0")), (WORDS, ("a", having("a", 1))), (MORE_WORDS, ("c", having("c", 1)))
    )
    status, told = linux.merged()
    for branch in ("one", "two"):
        linux.repository.git("format-patch", "--quiet", "-o", str(linux.place / branch), f"base..{branch}")
    done = linux.merge("base..one", "two", "--json")
    assert "two is put on the base of the other" in done.stderr
    again = json.loads(done.stdout)
    assert (done.returncode, again["built"]) == (status, 0)
    assert [state["tree"] for state in again["states"]] == [state["tree"] for state in told["states"]]
    assert again["losses"] == told["losses"]
    done = linux.merge("one", "base..two", "--base", "base")
    assert done.returncode == 2 and "--base base: a range of commits brings its own base" in done.stderr
