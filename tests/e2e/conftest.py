# SPDX-License-Identifier: GPL-2.0-only
"""The command line as a user types it: ./kseries in a clone, real builds and boots behind it."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from kseries import inputs
from kseries.host import paths
from kseries.plan import scenarios
from kseries.sources import TreeStore, kernels
from tests.support import tiny
from tests.support.commands import SPLIT, TOP, Kseries, git, typed
from tests.support.gitrepo import Repository
from tests.support.patches import adding


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


@pytest.fixture(scope="module")
def linux(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of the tiny kernel and one patch."""
    repository = Repository(tmp_path_factory.mktemp("linux") / "linux")
    for name in ("base", "topic"):
        repository.commit(name, {**tiny.kernel(name), "arch/x86/kvm/Kconfig": ""})
        subprocess.run(["git", "-C", repository.path, "tag", name], check=True)
    return repository.path


@pytest.fixture(scope="session")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist of this clone."""
    home = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-I", "-m", "hatchling", "build", "-d", home], check=True, timeout=300, cwd=TOP)
    return home


@pytest.fixture(scope="session")
def wheel(distribution: Path) -> Path:
    (found,) = distribution.glob("kseries-*.whl")
    return found
