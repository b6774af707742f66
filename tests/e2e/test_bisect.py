# SPDX-License-Identifier: GPL-2.0-only
"""git bisect run in a user's own repository with kseries try as the judge, and kseries bisect over the same series."""

import subprocess
from pathlib import Path

import pytest

from kseries.host import paths
from kseries.sources import TreeStore, kernels
from tests.support.commands import SECONDS, TOP, Kseries, git

pytestmark = pytest.mark.full("e2e")

SHORT = ("--probe", "capabilities")
CODE = "virt/kvm/eventfd.c"
VICTIM = "kvm_eventfd_init(struct kvm *kvm)\n{\n"
"""Every VM that a probe makes comes through here."""


@pytest.fixture
def linux(tmp_path: Path) -> Path:
    """A repository of a user's who looks at virt/kvm only: base, six patches, the second and third do not build, and
    since the fifth each VM brings a WARNING.
    """
    trees = TreeStore(paths.cache("trees.git"))
    base = kernels.get(kernels.DEFAULT, None, trees, paths.cache(), print)
    top = tmp_path / "linux"
    git("init", "--quiet", "--initial-branch=topic", top)
    (top / ".git" / "objects" / "info" / "alternates").write_text(f"{trees.path / 'objects'}\n")
    git("-C", top, "sparse-checkout", "set", "virt/kvm")
    commit = git("-C", top, "commit-tree", base.tree, "-m", "Linux")
    git("-C", top, "reset", "--quiet", "--hard", commit)
    git("-C", top, "tag", "base")
    source = top / CODE
    sound = source.read_text()
    assert VICTIM in sound
    warns = sound.replace(VICTIM, f"{VICTIM}\tWARN_ON(kvm);\n\n")
    texts = {
        "comment": f"{sound}/* one */\n",
        "break": f"{sound}/* one */\n#error two\n",
        "comment again": f"{sound}/* one */\n#error two\n/* three */\n",
        "mend": f"{sound}/* one */\n/* three */\n",
        "warn": f"{warns}/* one */\n/* three */\n",
        "last comment": f"{warns}/* one */\n/* three */\n/* six */\n",
    }
    for subject, text in texts.items():
        source.write_text(text)
        git("-C", top, "commit", "--quiet", "--all", "-m", f"KVM: {subject}")
    return top


def test_git_bisect_run_finds_the_patch_and_kseries_bisect_finds_it_again_and_builds_nothing(
    linux: Path, kseries: Kseries, tmp_path: Path
) -> None:
    fault = git("-C", linux, "rev-parse", "topic~1")
    git("-C", linux, "bisect", "start", "topic", "base")
    words: list[str | Path] = ["git", "bisect", "run", TOP / "kseries", "try", "HEAD", "base..topic", *SHORT]
    run = subprocess.run(words, cwd=linux, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert f"{fault} is the first bad commit" in run.stdout
    assert "HEAD: untestable\n  build-failed: " in run.stdout
    assert git("-C", linux, "status", "--porcelain") == ""
    asked = run.stdout.count("running ")

    git("-C", linux, "bisect", "reset")
    found = kseries("bisect", "base..topic", "--tree", linux, *SHORT, "--out", "out")
    assert found.returncode == 1, found.stdout + found.stderr
    assert "5/6 'KVM: warn' is the first bad patch." in found.stdout
    assert f"git bisect took {asked} steps, {asked} of them known from before." in found.stdout
    assert "To revert it (without-5) mends the tip." in found.stdout
    git("-C", linux, "bisect", "replay", tmp_path / "out" / "bisect.log")
    assert fault in git("-C", linux, "bisect", "log")


def test_a_fault_of_ours_stops_a_bisection_and_marks_nothing(linux: Path) -> None:
    git("-C", linux, "bisect", "start", "topic", "base")
    words: list[str | Path] = [
        "git",
        "bisect",
        "run",
        TOP / "kseries",
        "try",
        "HEAD",
        "base..topic",
        "--probe",
        "nonsense",
    ]
    run = subprocess.run(words, cwd=linux, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert run.returncode != 0
    assert "no such probe: nonsense" in run.stderr
    assert git("-C", linux, "bisect", "log").count("git bisect ") == 1
