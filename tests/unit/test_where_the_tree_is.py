# SPDX-License-Identifier: GPL-2.0-only
"""Base and patches come out of one tree of one repository: wherever in it the user stands, and whatever it replaces."""

from pathlib import Path

import pytest

from kseries import inputs
from kseries.model import Base
from kseries.model.errors import InputError
from kseries.plan import scenarios
from kseries.sources import TreeStore, kernels
from tests.support.gitrepo import Repository

MAKEFILE = "VERSION = 6\nPATCHLEVEL = 12\n"


@pytest.fixture
def store(tmp_path: Path) -> TreeStore:
    return TreeStore(tmp_path / "trees.git")


def series(place: Path, below: str = "") -> Repository:
    """A base and two patches of a kernel in a folder of a repository, whose files are changed and not committed."""
    repository = Repository(place)
    for number in range(3):
        files = {"Makefile": MAKEFILE, "mm/a.c": f"{number}\n"}
        repository.commit(f"mm: {number}", {f"{below}{name}": text for name, text in files.items()})
        if number == 0:
            repository.git("tag", "base")
    (place / below / "mm" / "a.c").write_text("not committed\n")
    return repository


def base_of(target: inputs.Target, store: TreeStore, tree: str | None = None) -> Base:
    return kernels.get(tree or target.tree or "", target.base, store, Path("/nonexistent"), lambda _: None)


def test_a_range_is_of_the_whole_repository_wherever_in_it_one_stands(
    store: TreeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    linux = series(tmp_path / "linux")
    monkeypatch.chdir(linux.path / "mm")
    target = inputs.load("base..main")
    base = base_of(target, store)
    assert base.tree == linux.tree("base")
    assert scenarios.apply_all(target.series, base, store)[-1].tree_after == linux.tree("main")
    assert kernels.commit_tree(".", "main", store) == linux.tree("main")
    assert base_of(inputs.load("base..main", tree=str(linux.path / "mm")), store, str(linux.path / "mm")) == base_of(
        target, store, str(linux.path / "mm")
    )


@pytest.mark.parametrize("where", ["linux", "linux/mm"])
def test_a_kernel_in_a_folder_of_a_larger_repository_is_refused_and_a_way_is_told(
    store: TreeStore, tmp_path: Path, where: str
) -> None:
    series(tmp_path / "bsp", below="linux/")
    tree = str(tmp_path / "bsp" / where)
    with pytest.raises(InputError, match=r"the kernel is in linux/ of .*\n.*git format-patch --relative"):
        base_of(inputs.load("base..main", tree=tree), store)
    with pytest.raises(InputError, match="is not a kernel tree"):
        base_of(inputs.load("base..main", tree=str(tmp_path / "bsp")), store)


def test_a_kernel_that_is_unpacked_in_a_repository_is_what_its_folder_holds(store: TreeStore, tmp_path: Path) -> None:
    series(tmp_path / "home", below="linux/")
    tree = kernels.get(str(tmp_path / "home" / "linux"), None, store, tmp_path, lambda _: None).tree
    assert store.file(tree, "mm/a.c") == b"not committed\n"


def test_a_folder_that_is_in_no_repository_has_no_revisions(store: TreeStore, tmp_path: Path) -> None:
    (tmp_path / "linux").mkdir()
    (tmp_path / "linux" / "Makefile").write_text(MAKEFILE)
    with pytest.raises(InputError, match=r"is in no git repository, and so has no revision v6\.12"):
        kernels.get(str(tmp_path / "linux"), "v6.12", store, tmp_path, lambda _: None)


@pytest.mark.parametrize("replaced", ["base", "main~1", "main"])
def test_a_replaced_commit_is_what_git_shows_in_its_place(store: TreeStore, tmp_path: Path, replaced: str) -> None:
    linux = series(tmp_path / "linux")
    linux.git("checkout", "--quiet", "--force", "--detach", replaced)
    (linux.path / "mm" / "a.c").write_text("what replaces it\n")
    linux.git("commit", "--quiet", "--all", "--amend", "-m", "other")
    linux.git("replace", replaced, "HEAD")
    linux.git("checkout", "--quiet", "main")
    target = inputs.load("base..main", tree=str(linux.path))
    base = base_of(target, store)
    patches = scenarios.apply_all(target.series, base, store)
    shown = [linux.git("rev-parse", f"{revision}^{{tree}}") for revision in ("base", "main~1", "main")]
    assert [base.tree, *(patch.tree_after for patch in patches)] == shown
