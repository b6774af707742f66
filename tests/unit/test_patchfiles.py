# SPDX-License-Identifier: GPL-2.0-only
"""The patches in a run's directory: what was applied, as git apply takes it, and nothing of an earlier run."""

import subprocess
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from msgspec import UNSET

from kseries.app import patchfiles as writing
from kseries.model import AppliedPatch
from kseries.report import patchfiles
from kseries.sources import TreeStore, kernels
from tests.support.gitrepo import Repository
from tests.support.runs import hostile

MAKEFILE = "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 0\n"


@pytest.fixture
def linux(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "linux")
    repository.commit("base", {"Makefile": MAKEFILE, "a.c": "one\ntwo\nthree\n", "gone.c": "x\n"})
    repository.git("tag", "base")
    repository.commit("KVM: Change a.c", {"a.c": "one\n2\nthree\n", "b/new.c": "new\n"})
    (repository.path / "gone.c").unlink()
    (repository.path / "blob").write_bytes(bytes(range(256)))
    repository.commit("Remove, and add what is no text", {})
    return repository


def applied(repository: Repository) -> tuple[AppliedPatch, ...]:
    trees = repository.git("log", "--reverse", "--format=%T").split()
    subjects = repository.git("log", "--reverse", "--format=%s").splitlines()[1:]
    return tuple(
        AppliedPatch(number=number, subject=subject, tree_before=trees[number - 1], tree_after=trees[number])
        for number, subject in enumerate(subjects, 1)
    )


def test_the_files_applied_in_their_order_are_the_tip(linux: Repository, tmp_path: Path) -> None:
    store = TreeStore(tmp_path / "trees.git")
    store.add_repository(linux.path)
    patches = applied(linux)
    writing.write(tmp_path, patches, store)
    names = sorted(path.name for path in (tmp_path / "applied").iterdir())
    assert names == ["0001-KVM-Change-a-c.patch", "0002-Remove-and-add-what-is-no-text.patch"]
    linux.git("checkout", "--quiet", "base")
    linux.git("apply", "--index", *(str(tmp_path / "applied" / name) for name in names))
    assert linux.git("write-tree") == patches[-1].tree_after
    found = patchfiles.find(tmp_path, patches)
    assert found is not None
    summed = subprocess.run(["sha256sum", *(one.path for one in found)], cwd=tmp_path, capture_output=True, text=True)
    assert summed.stdout == "".join(f"{one.sha256}  {one.path}\n" for one in found)


def test_what_an_earlier_run_has_left_there_goes_and_what_is_the_users_stays(linux: Repository, tmp_path: Path) -> None:
    store = TreeStore(tmp_path / "trees.git")
    store.add_repository(linux.path)
    (tmp_path / "applied").mkdir()
    for name in ("0001-old.patch", "0009.patch", "notes.txt", "mine.patch"):
        (tmp_path / "applied" / name).touch()
    of_the_series = tmp_path / "patches" / "0001-KVM-Change-a-c.patch"
    of_the_series.parent.mkdir()
    of_the_series.write_text("as it was sent")
    writing.write(tmp_path, applied(linux)[:1], store)
    assert of_the_series.read_text() == "as it was sent"
    assert sorted(path.name for path in (tmp_path / "applied").iterdir()) == [
        "0001-KVM-Change-a-c.patch", "mine.patch", "notes.txt"
    ]  # fmt: skip


@given(hostile)
def test_a_name_is_one_of_a_file_whatever_is_in_the_subject(subject: str) -> None:
    name = patchfiles.name(AppliedPatch(number=7, subject=subject, tree_before="", tree_after=""))
    assert name.isascii() and name.isprintable() and "/" not in name and name.startswith("0007")
    assert len(name) < 70


def test_a_base_of_a_repository_says_which_commit_it_is_and_any_other_does_not(
    linux: Repository, tmp_path: Path
) -> None:
    store = TreeStore(tmp_path / "trees.git")
    commit = linux.git("rev-parse", "base")
    base = kernels.get(str(linux.path), "base", store, tmp_path, lambda _: None)
    assert base.commit == commit and base.name == f"{linux.path} base"
    linux.git("archive", "--prefix=linux/", "-o", str(tmp_path / "linux.tar"), "base")
    other = kernels.get(str(tmp_path / "linux.tar"), None, store, tmp_path, lambda _: None)
    assert other.tree == base.tree and other.commit is UNSET
    assert b"commit" not in msgspec.json.encode(other)
