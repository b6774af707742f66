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


@pytest.fixture
def store(linux: Repository, tmp_path: Path) -> TreeStore:
    made = TreeStore(tmp_path / "trees.git")
    made.add_repository(linux.path)
    return made


def folders(out: Path) -> set[Path]:
    return {*(out / "states" / "applied").iterdir()}


def contents(top: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in top.rglob("*") if path.is_file()}


def test_the_files_applied_in_their_order_are_the_tip(linux: Repository, store: TreeStore, tmp_path: Path) -> None:
    out, patches = tmp_path / "out", applied(linux)
    writing.write(out, patches, store)
    (folder,) = folders(out)
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["0001-KVM-Change-a-c.patch", "0002-Remove-and-add-what-is-no-text.patch"]
    linux.git("checkout", "--quiet", "base")
    linux.git("apply", "--index", *(str(folder / name) for name in names))
    assert linux.git("write-tree") == patches[-1].tree_after
    found = patchfiles.find(out, patches)
    assert found is not None
    summed = subprocess.run(["sha256sum", *(one.path for one in found)], cwd=out, capture_output=True, text=True)
    assert summed.stdout == "".join(f"{one.sha256}  {one.path}\n" for one in found)


def test_no_file_that_is_there_is_written_or_removed_whoever_made_it(
    linux: Repository, store: TreeStore, tmp_path: Path
) -> None:
    """``--out .`` in a folder of series, or in one with a link to them."""
    out = tmp_path / "out"
    names = ("0001-KVM-Change-a-c.patch", "0007-later.patch", "0009.patch", "notes.txt")
    for folder in ("applied", "patches", "elsewhere", "states", "states/applied"):
        (out / folder).mkdir(parents=True, exist_ok=True)
        for name in names:
            (out / folder / name).write_text(f"{name} as it was sent")
    (out / "linked").symlink_to("elsewhere")
    before = contents(out)
    writing.write(out, applied(linux), store)
    writing.write(out, applied(linux)[:1], store)
    assert before.items() <= contents(out).items()
    assert patchfiles.find(out, applied(linux)) is not None


def test_a_series_that_is_run_from_the_files_of_an_earlier_run_keeps_them(
    linux: Repository, store: TreeStore, tmp_path: Path
) -> None:
    writing.write(tmp_path, applied(linux), store)
    before = contents(tmp_path / "states")
    for path in before:
        path.chmod(0o400)
    writing.write(tmp_path, applied(linux), store)
    assert contents(tmp_path / "states") == before
    assert {path.stat().st_mode & 0o777 for path in before} == {0o400}


def test_a_later_version_in_the_same_directory_leaves_each_its_own_files(
    linux: Repository, store: TreeStore, tmp_path: Path
) -> None:
    """A run that ends early leaves the result of the one before it: its patches are told, and not the new one's."""
    first, second = applied(linux)
    writing.write(tmp_path, (first,), store)
    told = patchfiles.find(tmp_path, (first,))
    v2 = msgspec.structs.replace(first, tree_after=second.tree_after)
    assert patchfiles.name(v2) == patchfiles.name(first)
    assert patchfiles.find(tmp_path, (v2,)) is None
    writing.write(tmp_path, (v2,), store)
    new = patchfiles.find(tmp_path, (v2,))
    assert patchfiles.find(tmp_path, (first,)) == told is not None
    assert new is not None and new != told


def test_a_run_that_is_stopped_while_it_writes_leaves_no_part_of_a_series(
    linux: Repository, store: TreeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patches, patch = applied(linux), TreeStore.patch

    def stopped(of: TreeStore, old: str, new: str) -> bytes:
        if old == patches[1].tree_before:
            raise KeyboardInterrupt
        return patch(of, old, new)

    monkeypatch.setattr(TreeStore, "patch", stopped)
    with pytest.raises(KeyboardInterrupt):
        writing.write(tmp_path, patches, store)
    assert not folders(tmp_path)


def test_a_series_without_a_patch_has_no_folder(store: TreeStore, tmp_path: Path) -> None:
    writing.write(tmp_path, (), store)
    assert not (tmp_path / "states").exists()
    assert patchfiles.find(tmp_path, ()) == ()


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
