# SPDX-License-Identifier: GPL-2.0-only
"""A git that fails or is killed has answered nothing: no question of ours takes what it printed for an answer."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kseries import inputs
from kseries.coverage import tracepoints
from kseries.judge import suspects
from kseries.judge.exercise import _History
from kseries.model import AppliedPatch, Base, Frame, Plan
from kseries.model.errors import InfraError
from kseries.sources import ThreeWay, TreeStore, conflicts, patchids, repository, versions
from kseries.sources.manytrees import ManyTrees
from tests.support.gitrepo import Repository

DIFF = b"--- a/a.c\n+++ b/a.c\n@@ -1 +1 @@\n-int one;\n+int two;\n"
MAIL = b"From: A <a@x>\nSubject: [PATCH] one\n\n---\n 1 file changed, 2 insertions(+), 1 deletion(-)\n\n" + DIFF
FUNCTION = "int f(void)\n{\n\treturn %s;\n}\n"
ENDS = {"killed": "kill -9 $$", "fails": "echo 'fatal: out of memory' >&2; exit 130"}


class Asked:
    """A series of two patches on a base, as trees of a store, and the questions that git is asked about them."""

    def __init__(self, place: Path) -> None:
        repository = Repository(place / "linux")
        self.tree = repository.path
        self.store = TreeStore(place / "trees.git")
        self.store.add_repository(repository.path)
        texts = ("0", "1", "2", "3")
        self.trees = [self.store.tree_of(repository.commit(text, {"a.c": FUNCTION % text})) for text in texts]
        self.mail = place / "one.mbox"
        self.mail.write_bytes(b"From x Mon Sep 17 00:00:00 2001\n" + MAIL)

    def patch(self, number: int, before: int, after: int) -> AppliedPatch:
        return AppliedPatch(
            number=number,
            subject=f"patch {before}",
            tree_before=self.trees[before],
            tree_after=self.trees[after],
            files=("a.c",),
        )

    @property
    def patches(self) -> tuple[AppliedPatch, ...]:
        return self.patch(1, 0, 1), self.patch(2, 1, 2)

    def paired(self) -> object:
        return versions.match(self.patches, (self.patch(1, 0, 1), self.patch(2, 1, 3)), self.store)

    def blamed(self) -> object:
        base = Base(name="base", version="6.12", tree=self.trees[0])
        plan = Plan(series="series", version=1, patches=self.patches, base=base, states=())
        return _History(plan, self.store, "x86_64").own(self.patches[1], ("a.c",))

    def suspected(self) -> object:
        steps = [suspects.Step(patch.number, patch.tree_after) for patch in self.patches]
        return suspects.of_trace(self.trees[0], steps, (Frame(function="f", file="a.c", line=3),), self.store)

    def in_function(self) -> object:
        steps = [suspects.Step(patch.number, patch.tree_after) for patch in self.patches]
        return suspects._Blame(self.trees[0], steps, self.store).function(Frame(function="f", file="a.c", line=1))

    def conflicting(self) -> object:
        base, ours, theirs, _ = self.trees
        return conflicts.shown(ThreeWay(base, ours, theirs), self.store)


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    return Asked(tmp_path)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(
    ("command", "ask"),
    [
        ("range-diff", Asked.paired),
        ("diff-tree", lambda asked: tracepoints.changes(asked.store, asked.trees[0], asked.trees[1])),
        ("blame", Asked.blamed),
        ("blame", Asked.suspected),
        ("log", Asked.in_function),
        ("merge-tree", Asked.conflicting),
        ("apply", lambda asked: asked.store.touched(DIFF)),
        ("apply", lambda asked: asked.store.holds(asked.trees[0], [DIFF])),
        ("apply", lambda asked: asked.store.apply(asked.trees[0], DIFF)),
        ("apply", lambda asked: ManyTrees(asked.store).apply_all(asked.trees[0], [DIFF])),
        ("apply", lambda asked: inputs.load(str(asked.mail))),
        ("patch-id", lambda _: patchids.stable([DIFF])),
        ("rev-parse", lambda asked: repository.tree_of(asked.tree, "HEAD")),
        ("config", lambda asked: repository.check_tree(asked.tree, "HEAD")),
    ],
)
def test_what_a_git_has_printed_that_failed_is_no_answer(
    asked: Asked,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    end: str,
    command: str,
    ask: Callable[[Asked], object],
) -> None:
    tool = tmp_path / "tools" / "git"
    tool.parent.mkdir()
    one_fails = f'for word; do [ "$word" != {command} ] || {{ {ENDS[end]}; }}; done'
    tool.write_text(f'#!/bin/sh\n{one_fails}\nexec {shutil.which("git")} "$@"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    with pytest.raises(InfraError, match=command):
        ask(asked)


def test_what_is_not_there_is_no_failure(asked: Asked) -> None:
    """A trace may name a line that a revert has taken away, and a patch a file that a later one removes."""
    steps = [suspects.Step(patch.number, patch.tree_after) for patch in asked.patches]
    for place in (Frame(function="f", file="a.c", line=99), Frame(function="f", file="gone.c", line=1)):
        assert suspects._Blame(asked.trees[0], steps, asked.store).line(place) is None
    base = Base(name="base", version="6.12", tree=asked.trees[0])
    plan = Plan(series="series", version=1, patches=asked.patches, base=base, states=())
    assert _History(plan, asked.store, "x86_64").own(asked.patches[0], ("gone.c",))["gone.c"].lines == ()


def test_versions_whose_sources_are_gone_are_paired_by_their_subjects(asked: Asked) -> None:
    gone = AppliedPatch(number=1, subject="patch 0", tree_before="1" * 40, tree_after="2" * 40, files=("a.c",))
    other = AppliedPatch(number=2, subject="patch 1", tree_before="2" * 40, tree_after="3" * 40, files=("a.c",))
    pairs = versions.match((gone, other), asked.patches, asked.store)
    assert [(one.old, one.new) for one in pairs] == [((1,), (1,)), ((2,), (2,))]
