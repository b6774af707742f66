# SPDX-License-Identifier: GPL-2.0-only
"""A real queue: Debian's kernel patches on the tarball of upstream give the kernel that Debian ships."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kseries.host import paths
from kseries.sources import TreeStore, kernels
from tests.support import debian
from tests.support.commands import Kseries, git
from tests.support.told import read_one

pytestmark = pytest.mark.full("series")

COMPILED = (
    "debian/export-symbols-needed-by-android-drivers.patch",
    "debian/fs-enable-link-security-restrictions-by-default.patch",
    "debian/add-sysctl-to-disallow-unprivileged-CLONE_NEWUSER-by-default.patch",
)
"""Patches of the queue to C that our configuration compiles, in part."""


@pytest.fixture(scope="module")
def queue() -> debian.Queue:
    if shutil.which("apt-get") is None:
        pytest.skip("the queue comes through apt, which is not here")
    return debian.fetched("6.12", paths.cache("tests", "debian-linux-6.12"))


def test_debians_queue_is_read_applied_and_planned(queue: debian.Queue, kseries: Kseries) -> None:
    named = re.findall(r"^[^#\s]\S*", (queue.patches / "series").read_text(), re.MULTILINE)
    assert len(named) > 50
    done = kseries("plan", queue.patches, "--tree", queue.upstream, "--json")
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert len(plan["patches"]) == len(named)
    assert plan["patches"][-1]["tree_after"] == TreeStore(paths.cache("trees.git")).add_tarball(queue.patched)
    states = {state["id"]: state for state in plan["states"]}
    assert all(states[f"prefix-{number}"]["tree"] for number in range(1, len(named) + 1))
    assert len(states) == 1 + 3 * len(named)


def test_a_patch_of_the_queue_that_is_gone_is_named(queue: debian.Queue, kseries: Kseries) -> None:
    done = kseries("plan", queue.patches / "series", "--tree", queue.patched)
    assert done.returncode == 2
    assert "is already in" in done.stderr


@pytest.fixture
def some(queue: debian.Queue, tmp_path: Path) -> Path:
    """A quilt queue of a few of Debian's patches."""
    top = tmp_path / "some"
    for name in COMPILED:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(queue.patches / name, top / name)
    (top / "series").write_text("".join(f"{name}\n" for name in COMPILED))
    return top


@pytest.fixture
def without(some: Path, tmp_path: Path) -> Path:
    """A repository whose HEAD is Debian's kernel without those patches."""
    trees = TreeStore(paths.cache("trees.git"))
    patched = kernels.get(kernels.DEFAULT, None, trees, paths.cache(), print).tree
    top = tmp_path / "linux.git"
    git("init", "--quiet", "--bare", top)
    (top / "objects" / "info" / "alternates").write_text(f"{trees.path / 'objects'}\n")
    index = {**os.environ, "GIT_DIR": str(top), "GIT_INDEX_FILE": str(tmp_path / "index")}
    subprocess.run(["git", "read-tree", patched], env=index, check=True)
    for name in reversed(COMPILED):
        subprocess.run(["git", "apply", "--cached", "--reverse", some / name], env=index, check=True)
    tree = subprocess.run(["git", "write-tree"], env=index, check=True, capture_output=True, text=True).stdout.strip()
    git("-C", top, "update-ref", "HEAD", git("-C", top, "commit-tree", tree, "-m", "Linux"))
    return top


def test_patches_of_the_queue_are_built_booted_and_reverted(some: Path, without: Path, kseries: Kseries) -> None:
    done = kseries("run", some, "--tree", without, "--scenario", "prefixes,reverts", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    result = read_one(done.stdout)
    states = {state["id"]: state for state in result["states"]}
    assert set(states) == {"base", *(f"{kind}-{number}" for kind in ("prefix", "without") for number in (1, 2, 3))}
    assert {state["outcome"] for state in states.values()} == {"ok"}
    assert all(states[f"prefix-{number}"]["objects"]["compiled"] for number in (1, 2, 3))
    assert len({state["tree"] for state in states.values()}) == 6  # without the last is the one before it
    assert result["findings"] == []
    # Of two of them our configuration leaves a part out (security/, CONFIG_USER_NS): what nobody compiled is not safe.
    assert [patch["exercise"] for patch in result["patches"]] == ["left-out", "no-code", "left-out"]
    assert result["verdict"] == {"bisectable": None, "revert_safe": None}
