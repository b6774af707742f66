# SPDX-License-Identifier: GPL-2.0-only
"""The commits between good ones and a bad one, held against git itself over histories of any shape."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kseries.model.errors import InputError
from kseries.model.lineage import Lineage
from kseries.sources import lineage, repository
from tests.support import dags
from tests.support.dags import Commit
from tests.support.gitrepo import Repository


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    return Repository(tmp_path_factory.mktemp("history") / "linux")


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), commits=dags.dags(), first_parent=st.booleans(), paths=st.sampled_from([(), ("a",), ("b",)]))
def test_what_is_read_is_what_git_bisect_chooses_among(
    theirs: Repository, data: st.DataObject, commits: list[Commit], first_parent: bool, paths: tuple[str, ...]
) -> None:
    ids = dags.imported(theirs, commits)
    goods = [ids[one] for one in data.draw(st.lists(st.integers(0, len(ids) - 2), max_size=2, unique=True))]
    found = lineage.read(theirs.path, ids[-1], goods, first_parent=first_parent, paths=paths)
    walk = ["--first-parent"] if first_parent else []
    words = ["rev-list", "--bisect-all", *walk, ids[-1], *(f"^{good}" for good in goods), "--", *paths]
    assert sorted(found.commits) == sorted(row.split()[0] for row in theirs.git(*words).splitlines())
    assert list(found.trees) == [theirs.tree(commit) for commit in found.commits]
    _check_order(found)
    if not paths:
        places = {commit: place for place, commit in enumerate(found.commits)}
        for commit, parents in zip(found.commits, found.parents, strict=True):
            own = [ids[one] for one in commits[ids.index(commit)].parents]
            own = own[:1] if first_parent else own
            assert [found.commits[one] for one in parents] == [one for one in own if one in places]
        assert not found.commits or found.commits[-1] == ids[-1]


def _check_order(found: Lineage) -> None:
    for place, parents in enumerate(found.parents):
        assert all(one < place for one in parents)


def test_with_paths_a_parent_is_the_nearest_commit_that_touches_them(theirs: Repository) -> None:
    texts = ["0", "1", "1", "1", "2"]
    chain = [Commit((n - 1,) if n else (), {"a": text, "b/c": str(n)}, n) for n, text in enumerate(texts)]
    ids = dags.imported(theirs, chain)
    found = lineage.read(theirs.path, ids[-1], [ids[0]], paths=["a"])
    assert found == Lineage((ids[1], ids[4]), (theirs.tree(ids[1]), theirs.tree(ids[4])), ((), (0,)))
    assert lineage.read(theirs.path, ids[3], [ids[1]], paths=["a"]) == Lineage((), (), ())
    # The paths are those of the whole repository, wherever one is.
    (theirs.path / "b").mkdir(exist_ok=True)
    assert lineage.read(theirs.path, ids[3], [ids[1]], paths=["b/c"]).commits == (ids[2], ids[3])


def test_what_a_repository_replaces_counts(tmp_path: Path) -> None:
    theirs = Repository(tmp_path / "linux")
    ids = [theirs.commit(f"commit {number}", {"a": str(number)}) for number in range(4)]
    theirs.git("replace", "--graft", ids[3], ids[1])
    found = lineage.read(theirs.path, ids[3], [ids[0]])
    assert (found.commits, found.parents) == ((ids[1], ids[3]), ((), (0,)))


def test_of_a_shallow_clone_there_is_what_it_has(tmp_path: Path) -> None:
    theirs = Repository(tmp_path / "linux")
    ids = [theirs.commit(f"commit {number}", {"a": str(number)}) for number in range(4)]
    theirs.git("clone", "--quiet", "--depth=2", f"file://{theirs.path}", str(tmp_path / "shallow"))
    assert lineage.read(tmp_path / "shallow", ids[3], []).commits == (ids[2], ids[3])
    with pytest.raises(InputError, match=r"(?s)bad object.*it is a shallow clone: git -C .* fetch --unshallow"):
        lineage.read(tmp_path / "shallow", ids[3], [ids[0]])


def test_however_many_commits_there_are_git_is_asked_once(theirs: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    commits = [Commit((), dict.fromkeys(dags.PATHS, "0"), 1)]
    for number in range(1, 600):
        parents = (number - 1, number - 3) if number % 7 == 3 else (number - 1,)
        commits.append(Commit(parents, dict.fromkeys(dags.PATHS, str(number)), number))
    ids = dags.imported(theirs, commits)
    asked: list[str] = []
    whole = repository.ask

    def counted(path: Path, *words: str, seconds: float | None = None) -> object:
        asked.append(words[0])
        return whole(path, *words, seconds=seconds)

    monkeypatch.setattr(repository, "ask", counted)
    found = lineage.read(theirs.path, ids[-1], [ids[0]])
    assert asked == ["rev-list"]
    assert len(found.commits) == len(ids) - 1
    assert sum(map(len, found.parents)) > len(ids)


def test_along_first_parents_a_merge_touches_what_it_brings(theirs: Repository) -> None:
    made = [Commit((), {"a": "0"}, 0), Commit((0,), {"a": "0", "b": "1"}, 1), Commit((0,), {"a": "1"}, 2)]
    ids = dags.imported(theirs, [*made, Commit((2, 1), {"a": "1", "b": "1"}, 3)])
    assert lineage.touched(theirs.path, ids[3:]) == [frozenset()]
    assert lineage.touched(theirs.path, ids[3:], first_parent=True) == [{"b"}]
