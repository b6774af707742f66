# SPDX-License-Identifier: GPL-2.0-only
"""The command line as a user types it: ./kseries in a clone, real builds and boots behind it."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import bases, inputs, resources, scenarios
from harness.trees import TreeStore

TOP = Path(__file__).resolve().parents[2]
SPLIT = TOP / "testcases" / "exit-on-missing-split"
SECONDS = 1800

Kseries = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def kseries(tmp_path: Path) -> Kseries:
    """Run ./kseries from an empty directory."""

    def run(*words: str | Path, **env: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [TOP / "kseries", *words],
            cwd=tmp_path,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    return run


@pytest.fixture
def new_series(tmp_path: Path) -> Path:
    """A directory with one patch that nobody has built before: it changes a comment in KVM."""
    trees = TreeStore(resources.cache("trees.git"))
    base = bases.get(bases.DEFAULT, None, trees, resources.cache(), print)
    source = trees.file(base.tree, "virt/kvm/kvm_main.c")
    assert source is not None
    first = source.splitlines()[0].decode()
    directory = tmp_path / "new-series"
    directory.mkdir()
    second, third = (line.decode() for line in source.splitlines()[1:3])
    (directory / "0001-a-comment.patch").write_text(
        f"Subject: [PATCH] KVM: Change a comment\n\n---\n--- a/virt/kvm/kvm_main.c\n+++ b/virt/kvm/kvm_main.c\n"
        f"@@ -1,3 +1,4 @@\n {first}\n+/* {os.urandom(8).hex()} */\n {second}\n {third}\n"
    )
    return directory


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A user's git repository with the split series on a branch, base at the tag ``base``."""
    trees = TreeStore(resources.cache("trees.git"))
    base = bases.get(bases.DEFAULT, None, trees, resources.cache(), print)
    applied = scenarios.apply_all(inputs.load(str(SPLIT)).series, base, trees)
    top = tmp_path / "linux.git"
    git("init", "--quiet", "--bare", "--initial-branch=topic", top)
    (top / "objects" / "info" / "alternates").write_text(f"{trees.path / 'objects'}\n")
    commit = git("-C", top, "commit-tree", base.tree, "-m", "Linux")
    git("-C", top, "tag", "base", commit)
    for patch in applied:
        commit = git("-C", top, "commit-tree", patch.tree_after, "-p", commit, "-m", patch.subject)
    git("-C", top, "update-ref", "refs/heads/topic", commit)
    return top


def git(*words: str | Path) -> str:
    who = {f"GIT_{who}_{what}": "tester" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(["git", *words], env={**os.environ, **who}, capture_output=True, text=True, check=True)
    return done.stdout.strip()
