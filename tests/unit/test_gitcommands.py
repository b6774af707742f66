# SPDX-License-Identifier: GPL-2.0-only
"""The git commands of a set of patches, held against git: each names the commit that is meant, or none."""

import shlex
from pathlib import Path

import pytest

from kseries.model import Patch, PatchSet, SetKind
from kseries.report import gitcommands
from tests.support.gitrepo import Repository

SUBJECTS = (
    "mm: Add foo",
    "mm: Add foo tests",
    "-stable: A dash comes first",
    "x^-1 y: A caret and a dash",
    "a{2} (b) [c] | d.* + ?: $HOME \\\\ `id` 'quoted' \"so\"",
    "^{/mm} HEAD: a revision",
    "@{u}..HEAD: another",
)


def patches(*subjects: str, origin: str = "mail") -> list[Patch]:
    return [Patch(number=at, subject=one, origin=origin) for at, one in enumerate(subjects, 1)]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    repository = Repository(tmp_path_factory.mktemp("git") / "linux")
    for subject in (*SUBJECTS, "media: Without its bracket"):
        repository.commit(f"{subject}\n\nThe text of {subject}: mm: Add foo\n")
    return repository


def found(repository: Repository, command: str) -> str:
    """The subject of the commit that a command names."""
    *_, revision = shlex.split(command)
    done = repository.run("log", "-1", "--format=%s", revision, "--")
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().strip()


@pytest.mark.parametrize("number", range(1, len(SUBJECTS) + 1))
@pytest.mark.parametrize("kind", SetKind)
def test_a_subject_names_its_own_commit_and_no_other(history: Repository, kind: SetKind, number: int) -> None:
    (command,) = gitcommands.of(PatchSet(kind=kind, asked=(number,), patches=(number,)), patches(*SUBJECTS))
    assert found(history, command) == SUBJECTS[number - 1]


def test_a_bracket_that_git_am_leaves_out_may_be_there_or_not(history: Repository) -> None:
    revert = PatchSet(kind=SetKind.REVERT, asked=(1,), patches=(1,))
    (command,) = gitcommands.of(revert, patches("[media] media: Without its bracket"))
    assert found(history, command) == "media: Without its bracket"


def test_of_two_patches_with_one_subject_nothing_is_guessed() -> None:
    revert = PatchSet(kind=SetKind.REVERT, asked=(1,), patches=(1,))
    (command,) = gitcommands.of(revert, patches("mm: Fix", "mm: Fix"))
    assert command == "git revert COMMIT  # that of 1/2: others have its subject"


@pytest.mark.parametrize("origin", ["../0001-a.patch", "/etc/passwd", "sub/0001-a.patch"])
def test_a_subject_in_a_mailbox_that_looks_like_a_file_is_none(tmp_path: Path, origin: str) -> None:
    (tmp_path / "0001-a.patch").touch()
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "in" / "sub" / "0001-a.patch").touch()
    pick = PatchSet(kind=SetKind.PICK, asked=(1,), patches=(1,))
    (command,) = gitcommands.of(pick, patches("a", origin=origin), tmp_path / "in")
    assert command.startswith("git cherry-pick")


def test_files_are_named_from_wherever_somebody_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my patches").mkdir()
    (tmp_path / "my patches" / "0001-a.patch").touch()
    monkeypatch.chdir(tmp_path)
    pick = PatchSet(kind=SetKind.PICK, asked=(1,), patches=(1,))
    (command,) = gitcommands.of(pick, patches("a", origin="0001-a.patch"), Path("my patches"))
    assert shlex.split(command) == ["git", "am", "--3way", str(tmp_path / "my patches" / "0001-a.patch")]
