# SPDX-License-Identifier: GPL-2.0-only
"""The base of a series: its base-commit where the tree has it, and what is said of the tree otherwise."""

import os
import subprocess
from pathlib import Path

import pytest

from kseries import inputs
from kseries.app import planning
from kseries.app.options import Options
from kseries.model.errors import InputError
from kseries.sources import TreeStore
from tests.support import mails
from tests.support.bases import MAKEFILE, left_behind, plan, write
from tests.support.gitrepo import ENVIRONMENT, Repository, lines


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return left_behind(tmp_path)


def contents(directory: Path) -> dict[Path, bytes]:
    """Every file below a directory, git's own included."""
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_a_base_commit_that_the_tree_has_is_the_base(repository: Repository, tmp_path: Path) -> None:
    made, said = plan(tmp_path, repository.path)
    base = repository.git("rev-parse", "base")
    assert made.base.tree == repository.tree("base")
    assert made.patches[-1].tree_after == repository.tree("main")
    assert said == [f"base: {base[:12]}, the base-commit of the series"]


def test_base_on_the_command_line_is_the_base(repository: Repository, tmp_path: Path) -> None:
    repository.git("checkout", "--quiet", "-b", "other", "base")
    repository.commit("other", {"other": "x\n"})
    made, said = plan(tmp_path, repository.path, base="other")
    assert (made.base.tree, said) == (repository.tree("other"), [])


def test_a_base_commit_that_the_tree_lacks_is_told_and_head_is_tried(repository: Repository, tmp_path: Path) -> None:
    text = (tmp_path / "t.mbox").read_text().replace(repository.git("rev-parse", "base"), "1a" * 20)
    (tmp_path / "t.mbox").write_text(text)
    repository.git("checkout", "--quiet", "base")
    made, said = plan(tmp_path, repository.path)
    assert made.base.tree == repository.tree("base")
    (line,) = said
    assert f"base-commit 1a1a1a1a1a1a, which {repository.path} lacks" in line
    assert "--base" in line and line.endswith("or HEAD")


def test_a_tree_without_commits_is_taken_as_it_is(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "Makefile").write_text(MAKEFILE)
    (tmp_path / "plain" / "file").write_text(lines(30))
    made, said = plan(tmp_path, tmp_path / "plain")
    assert len(made.patches) == 2
    assert said[0].endswith("has no commits, and is taken as it is")


def test_of_a_shallow_clone_that_lacks_it_the_cure_is_told(repository: Repository, tmp_path: Path) -> None:
    shallow = tmp_path / "shallow"
    words = ["git", "clone", "--quiet", "--depth=1", "--branch=next", f"file://{repository.path}", str(shallow)]
    subprocess.run(words, env=ENVIRONMENT, check=True)
    with pytest.raises(InputError, match=rf"\[PATCH 1/2\] KVM: one does not apply to {shallow} HEAD: "):
        plan(tmp_path, shallow)
    said: list[str] = []
    options = Options(out=tmp_path, tree=str(shallow))
    with pytest.raises(InputError):
        planning.plan(inputs.load(str(tmp_path / "t.mbox")), options, TreeStore(tmp_path / "s.git"),
                     lambda event: said.append(str(event)))  # fmt: skip
    assert "git fetch --unshallow" in said[0]


def test_a_range_that_begins_where_a_shallow_clone_ends_is_named(repository: Repository, tmp_path: Path) -> None:
    shallow = tmp_path / "shallow"
    words = ["git", "clone", "--quiet", "--depth=1", "--branch=main", f"file://{repository.path}", str(shallow)]
    subprocess.run(words, env=ENVIRONMENT, check=True)
    subprocess.run(["git", "checkout", "--quiet", "--orphan", "other"], cwd=shallow, env=ENVIRONMENT, check=True)
    subprocess.run(["git", "commit", "--quiet", "-m", "x"], cwd=shallow, env=ENVIRONMENT, check=True)
    with pytest.raises(InputError, match=r"has no parent in .*\n  .*git fetch --unshallow"):
        inputs.load("other..main", str(shallow))


def test_a_work_tree_with_changes_is_told_of_and_left_alone(repository: Repository, tmp_path: Path) -> None:
    (repository.path / "file").write_text("something else\n")
    os.utime(repository.path / "Makefile", (1, 1))  # git status would note in its index that this is all the same
    (repository.path / "untracked").write_text("x")
    before = contents(repository.path)
    made, said = plan(tmp_path, repository.path)
    assert made.base.tree == repository.tree("base")
    assert said[-1] == f"{repository.path} has changes that are not committed: nothing is taken from its work tree"
    assert contents(repository.path) == before


def test_a_repository_from_which_nothing_was_ever_checked_out_is_a_base(repository: Repository, tmp_path: Path) -> None:
    (repository.path / ".git" / "index").unlink()
    made, said = plan(tmp_path, repository.path, base="base")
    assert (made.base.tree, said) == (repository.tree("base"), [])


def test_a_clean_work_tree_is_not_worth_a_word(repository: Repository, tmp_path: Path) -> None:
    (repository.path / "untracked").write_text("x")
    assert plan(tmp_path, repository.path, base="base")[1] == []


def test_a_series_that_is_in_the_base_already_is_told(repository: Repository, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^\[PATCH 1/2\] KVM: one is already in .*linux main: "):
        plan(tmp_path, repository.path, base="main")


def test_a_file_taken_away_already_is_a_patch_that_is_in_the_base(repository: Repository, tmp_path: Path) -> None:
    repository.git("checkout", "--quiet", "main")
    repository.git("tag", "--force", "base")
    commit = repository.commit("KVM: away", {"file": None})
    write(repository, tmp_path)
    with pytest.raises(InputError, match=r"^\[PATCH\] KVM: away is already in"):
        plan(tmp_path, repository.path, base=commit)


def test_a_series_for_another_project_is_told_by_its_first_file(repository: Repository, tmp_path: Path) -> None:
    diff = "".join(f"--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-a\n+b\n" for name in ("src/main.rs", "Cargo.toml"))
    (tmp_path / "t.mbox").write_bytes(mails.mbox([mails.mail("[PATCH] fix", diff.encode())]))
    said = r"^\[PATCH\] fix is not for .*linux HEAD: there is no src/main.rs, nor any other file that it changes$"
    with pytest.raises(InputError, match=said):
        plan(tmp_path, repository.path)


def test_of_many_places_where_a_patch_does_not_apply_some_are_told(repository: Repository, tmp_path: Path) -> None:
    hunk = "--- a/{0}\n+++ b/{0}\n@@ -1 +1 @@\n-a\n+b\n"
    diff = "".join(hunk.format(name) for name in ("file", *(f"none{number}" for number in range(50))))
    (tmp_path / "t.mbox").write_bytes(mails.mbox([mails.mail("[PATCH] fix", diff.encode())]))
    with pytest.raises(
        InputError, match=r"^\[PATCH\] fix does not apply to .*; and \d\d more\n  patch\(1\) rejects it, too.*$"
    ) as error:
        plan(tmp_path, repository.path)
    assert len(str(error.value)) < 500
