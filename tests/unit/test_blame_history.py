# SPDX-License-Identifier: GPL-2.0-only
"""The case against a commit of a history: its parents, its revert, and the later commits that stand in its way."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kseries.bisect import blame, blamehistory
from kseries.bisect.asking import Answers
from kseries.bisect.blame import Case, Proof
from kseries.bisect.commits import Commits
from kseries.model import Base, Evidence, EvidenceKind, State
from kseries.model.lineage import Range
from kseries.sources import TreeStore
from tests.support.gitrepo import Repository, lines

FILE = "a.c"
FAULT = "a fault"


@dataclass
class Linux:
    """A repository whose kernels fail where a file of theirs holds the fault."""

    place: Path

    def __post_init__(self) -> None:
        self.repository = Repository(self.place / "linux")
        self.trees = TreeStore(self.place / "trees.git")
        self.trees.add_repository(self.repository.path)
        self.good = self.commit("base", lines())
        self.asked: list[str] = []

    def commit(self, subject: str, text: str | None = None, **others: str) -> str:
        files = {FILE: text} if text is not None else {}
        return self.repository.commit(subject, {**files, **{f"{name}.c": text for name, text in others.items()}})

    def merge(self, other: str, text: str | None = None) -> str:
        """A merge of a branch; with ``text``, an evil one."""
        self.repository.git("merge", "--quiet", "--no-ff", "--no-commit", other)
        if text is not None:
            (self.repository.path / FILE).write_text(text)
            self.repository.git("add", FILE)
        self.repository.git("commit", "--quiet", "-m", f"Merge {other}")
        return self.repository.git("rev-parse", "HEAD")

    def case(self, culprit: str, *, first_parent: bool = False) -> Case:
        wanted = Range(good=self.good, bad=self.repository.git("rev-parse", "main"), first_parent=first_parent)
        base = Base(name="base", version="6", tree=self.repository.tree(self.good))
        commits = Commits(self.repository.path, wanted, base, self.trees)
        return blamehistory.case(commits, self.trees, culprit)

    def prove(self, culprit: str, *, first_parent: bool = False) -> Proof:
        return blame.prove(self.case(culprit, first_parent=first_parent), self._ask, 2)

    def _ask(self, state: State, times: int) -> Answers:
        assert state.tree is not None
        self.asked.append(state.id)
        if FAULT in (self.trees.file(state.tree, FILE) or b"").decode():
            return Answers(failed=times, why=(Evidence(kind=EvidenceKind.CHECK, name="a.check", said="no"),))
        return Answers(passed=times)

    def typed(self, proof: Proof) -> str:
        """The tree that the commands of a proof make, typed as they stand."""
        for command in proof.commands:
            git, *words = command.split(" ")
            assert git == "git"
            self.repository.git(*words)
        tree = self.repository.tree()
        self.repository.git("checkout", "--quiet", "main")
        return tree


@pytest.fixture
def linux(tmp_path: Path) -> Linux:
    return Linux(tmp_path)


def names(proof: Proof) -> list[tuple[str, str]]:
    return [(one.role, one.name) for one in proof.legs]


def test_a_commit_on_a_branch_is_proved_and_its_revert_is_what_git_makes(linux: Linux) -> None:
    linux.repository.git("checkout", "--quiet", "-b", "side")
    before = linux.commit("before", lines(line2="x"))
    culprit = linux.commit("break", lines(line2="x", line9=FAULT))
    linux.commit("after", b="1")
    linux.repository.git("checkout", "--quiet", "main")
    linux.commit("beside", lines(line19="y"))
    linux.merge("side")
    proof = linux.prove(culprit)
    assert (proof.proved, proof.why) == (True, ())
    revert = f"without-{culprit[:12]}"
    assert names(proof) == [("parent", before[:12]), ("culprit", culprit[:12]), ("revert", revert)]
    assert linux.typed(proof) == linux.case(culprit).revert.state.tree


def test_of_a_merge_both_parents_are_asked_and_its_first_parents_side_is_kept(linux: Linux) -> None:
    linux.repository.git("checkout", "--quiet", "-b", "side")
    second = linux.commit("side", lines(line2="x"))
    linux.repository.git("checkout", "--quiet", "main")
    first = linux.commit("main", lines(line19="y"))
    culprit = linux.merge("side", lines(line2="x", line9=FAULT, line19="y"))
    linux.commit("after", b="1")
    proof = linux.prove(culprit)
    assert proof.proved
    assert [name for role, name in names(proof) if role == "parent"] == [first[:12], second[:12]]
    assert proof.commands[-1] == f"git revert --no-edit -m 1 {culprit[:12]}"
    tree = linux.typed(proof)
    assert tree == linux.case(culprit).revert.state.tree
    assert (linux.trees.file(tree, FILE) or b"").decode() == lines(line19="y")


def test_along_first_parents_a_merge_brings_what_its_branch_has(linux: Linux) -> None:
    linux.repository.git("checkout", "--quiet", "-b", "side")
    linux.commit("break", lines(line9=FAULT))
    linux.repository.git("checkout", "--quiet", "main")
    first = linux.commit("main", b="1")
    culprit = linux.merge("side")
    linux.commit("after", c="1")
    proof = linux.prove(culprit, first_parent=True)
    assert proof.proved
    assert [name for role, name in names(proof) if role == "parent"] == [first[:12]]
    # Not so along all parents: the merge is made on what fails already.
    assert "its parent 2 (" in " ".join(linux.prove(culprit).why)


def test_what_is_made_on_nothing_is_not_proved(linux: Linux) -> None:
    linux.repository.git("checkout", "--quiet", "--orphan", "other")
    root = linux.commit("root", lines(line9=FAULT))
    linux.repository.git("checkout", "--quiet", "main")
    linux.repository.git("merge", "--quiet", "--allow-unrelated-histories", "-s", "ours", "-m", "Merge", "other")
    proof = linux.prove(root)
    assert proof.why == (
        "it is made on nothing that it could be compared with",
        "its revert on the bad end cannot be tested: git cannot make it",
    )


def test_a_later_commit_in_the_way_goes_too_and_git_makes_the_same_of_it(linux: Linux) -> None:
    culprit = linux.commit("break", lines(line9=FAULT))
    linux.commit("elsewhere in it", lines(line1="x", line9=FAULT))
    in_the_way = linux.commit("in the way", lines(line1="x", line9=f"{FAULT}, reworded"))
    linux.commit("another in it", lines(line1="x", line9=f"{FAULT}, reworded", line19="y"))
    proof = linux.prove(culprit)
    assert (proof.proved, proof.also) == (True, (in_the_way[:12],))
    assert proof.legs[-2].conflicts == (FILE,)
    assert proof.legs[-1].name == f"without-{culprit[:12]}+{in_the_way[:12]}"
    tree = linux.typed(proof)
    assert (linux.trees.file(tree, FILE) or b"").decode() == lines(line1="x", line19="y")
    kept = [kernel.state.tree for kernel in linux.case(culprit).larger() if kernel.name == proof.legs[-1].name]
    assert kept == [tree]


def test_where_two_stand_in_the_way_both_go_the_newer_first(linux: Linux) -> None:
    culprit = linux.commit("break", lines(line9=FAULT))
    words = ["once", "twice"]
    later = [linux.commit(word, lines(line9=f"{FAULT}, reworded {word}")) for word in words]
    proof = linux.prove(culprit)
    assert (proof.proved, proof.also) == (True, (later[1][:12], later[0][:12]))
    assert linux.typed(proof) == linux.repository.tree(linux.good)


def test_where_more_stand_in_the_way_than_a_handful_that_is_told_and_nothing_more_is_built(linux: Linux) -> None:
    culprit = linux.commit("break", lines(line9=FAULT))
    for number in range(6):
        linux.commit(f"reword {number}", lines(line9=f"{FAULT}, reworded {number}"))
    proof = linux.prove(culprit)
    assert proof.why == (
        f"its revert on the bad end conflicts in {FILE}, and no set of at most 5 later commits goes with it",
    )
    assert not any("without" in name for name in linux.asked)


def test_a_revert_that_mends_nothing_may_do_so_with_a_later_commit(linux: Linux) -> None:
    culprit = linux.commit("break", lines(line9=FAULT))
    again = linux.commit("break it once more", lines(line9=FAULT, line19=FAULT))
    proof = linux.prove(culprit)
    assert (proof.proved, proof.also) == (True, (again[:12],))
    assert [one.failed > 0 for one in proof.legs] == [False, True, True, False]


def test_sets_are_tried_a_few_times_and_no_more(linux: Linux) -> None:
    apart = [line * 9 for line in lines().splitlines(keepends=True)]
    linux.commit("longer", "".join(apart))
    culprit = ""
    for number in range(0, 20, 3):  # seven faults, none beside another
        apart[number] += f"{FAULT}\n"
        made = linux.commit(f"break {number}", "".join(apart))
        culprit = culprit or made
    proof = linux.prove(culprit)
    assert not proof.proved
    assert "it still does not pass with at most 5 later commits reverted, too (6 tried)" in " ".join(proof.why)
    assert len([one for one in proof.legs if one.role == "revert"]) == 1 + 6


@pytest.mark.parametrize("name", [":(top)x", "*", "a b", "-x", "é"])
def test_a_file_in_the_way_may_have_any_name(linux: Linux, name: str) -> None:
    linux.repository.commit("base of it", {name: lines()})
    culprit = linux.repository.commit("break", {FILE: lines(line3=FAULT), name: lines(line9="x")})
    later = linux.repository.commit("in the way", {name: lines(line9="y")})
    linux.commit("elsewhere", b="1")
    proof = linux.prove(culprit)
    assert (proof.proved, proof.also) == (True, (later[:12],))


def sets(case: Case) -> Iterator[str]:
    return (kernel.name for kernel in case.larger())


def test_a_merge_is_no_commit_that_goes_with_another(linux: Linux) -> None:
    culprit = linux.commit("break", lines(line9=FAULT))
    linux.repository.git("checkout", "--quiet", "-b", "side")
    later = linux.commit("in the way", lines(line9=f"{FAULT}, reworded"))
    linux.repository.git("checkout", "--quiet", "main")
    linux.commit("elsewhere in it", lines(line1="x", line9=FAULT))
    merge = linux.merge("side")
    found = [*sets(linux.case(culprit))]
    assert found[0] == f"without-{culprit[:12]}+{later[:12]}"
    assert merge[:12] not in "".join(found)
