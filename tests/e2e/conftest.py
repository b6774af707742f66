# SPDX-License-Identifier: GPL-2.0-only
"""The command line as a user types it: ./kseries in a clone, real builds and boots behind it."""

import json
import os
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from kseries import inputs
from kseries.host import paths
from kseries.plan import scenarios
from kseries.sources import TreeStore, kernels

TOP = Path(__file__).resolve().parents[2]
SPLIT = TOP / "testcases" / "exit-on-missing-split"
SECONDS = 2900

Kseries = Callable[..., "subprocess.CompletedProcess[str]"]


def typed(folder: Path, *words: str | Path, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run ./kseries from a directory."""
    return subprocess.run(
        [TOP / "kseries", *words],
        cwd=folder,
        env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@pytest.fixture
def kseries(tmp_path: Path) -> Kseries:
    """Run ./kseries from an empty directory."""
    return partial(typed, tmp_path)


@pytest.fixture
def new_series(tmp_path: Path) -> Path:
    """A directory with one patch that nobody has built before: it changes a comment in KVM."""
    directory = tmp_path / "new-series"
    directory.mkdir()
    patch = adding("virt/kvm/kvm_main.c", f"/* {os.urandom(8).hex()} */", "KVM: Change a comment")
    (directory / "0001-a-comment.patch").write_text(patch)
    return directory


def adding(path: str, line: str, subject: str) -> str:
    """A patch that puts a line below the first one of a file."""
    trees = TreeStore(paths.cache("trees.git"))
    base = kernels.get(kernels.DEFAULT, None, trees, paths.cache(), print)
    source = trees.file(base.tree, path)
    assert source is not None
    first, second, third = (line.decode() for line in source.splitlines()[:3])
    return (
        f"Subject: [PATCH] {subject}\n\n---\n--- a/{path}\n+++ b/{path}\n"
        f"@@ -1,3 +1,4 @@\n {first}\n+{line}\n {second}\n {third}\n"
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A user's git repository with the split series on a branch, base at the tag ``base``."""
    trees = TreeStore(paths.cache("trees.git"))
    base = kernels.get(kernels.DEFAULT, None, trees, paths.cache(), print)
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


def runs_to(kseries: Kseries, out: Path) -> list[dict[str, Any]]:
    """The runs whose result went to a directory, newest first, as ``kseries runs`` lists them."""
    listed = json.loads(kseries("runs", "--json").stdout)["runs"]
    return [run for run in listed if run["out"] == str(out)]


def git(*words: str | Path) -> str:
    who = {f"GIT_{who}_{what}": "tester" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(["git", *words], env={**os.environ, **who}, capture_output=True, text=True, check=True)
    return done.stdout.strip()
