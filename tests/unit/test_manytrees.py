# SPDX-License-Identifier: GPL-2.0-only
"""Trees made by the thousand, against those made one by one, and against git in a work tree."""

import itertools
import multiprocessing
import shutil
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kseries.host import processes
from kseries.sources import ApplyError, Merge, ThreeWay, TreeStore, manytrees, treeedit
from kseries.sources.gitmemo import Answers
from kseries.sources.manytrees import ManyTrees
from tests.support.gitrepo import Repository, lines
from tests.support.histories import CHANGES, PATHS, Change, Tree, changed, imported
from tests.support.merges import by_git, named

BODY = lines(12)
EDITED = lines(12, line3="x")


@pytest.fixture
def store(tmp_path: Path) -> TreeStore:
    return TreeStore(tmp_path / "trees.git")


@pytest.fixture
def repository(tmp_path: Path, store: TreeStore) -> Repository:
    repository = Repository(tmp_path / "linux")
    store.add_repository(repository.path)
    return repository


def plain(**files: str) -> Tree:
    """A tree of plain files; ``d__a`` is d/a."""
    return {name.replace("__", "/"): ("100644", text.splitlines(keepends=True)) for name, text in files.items()}


def merges_of(trees: list[str]) -> list[ThreeWay]:
    """Each step of a history taken out of the last tree and put on the first."""
    steps = list(itertools.pairwise(trees))
    return [ThreeWay.revert(trees[-1], *step) for step in steps] + [
        ThreeWay.cherry_pick(trees[0], *step) for step in steps
    ]


def assert_as_one_by_one(store: TreeStore, repository: Repository, commits: list[str]) -> None:
    trees = [store.tree_of(commit) for commit in commits]
    many, merges = ManyTrees(store), merges_of(trees)
    assert many.merge_all(merges) == [store.merge(merge) for merge in merges]
    diffs = [repository.run("diff", "--binary", "-M", *step).stdout for step in itertools.pairwise(commits)]
    diffs = [diff for diff in diffs if diff]
    made, error = many.apply_all(trees[0], diffs)
    assert error is None
    assert made == [tree for before, tree in itertools.pairwise(trees) if before != tree]
    assert not list(store.path.glob("scratch-*"))


def test_nobody_waits_for_what_reads_the_other_patches_who_is_told_to_end(
    store: TreeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def touched(_: TreeStore, diff: bytes) -> set[bytes]:
        if diff == b"one":
            raise KeyboardInterrupt
        processes.run(["sleep", "60"], seconds=100)
        return set()

    many = ManyTrees(store)
    monkeypatch.setattr(TreeStore, "touched", touched)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        many._touched([b"one", b"other"])
    assert time.monotonic() - began < 30


KEPT = plain(keep=BODY, d__keep="k\n", d__e__keep="k\n", e__keep="k\n", e__other="o\n", x__y__z="z\n")
"""What no patch touches, and a directory in which no patch touches anything."""


def there_and_back(one: str, other: str, new: str) -> list[Tree]:
    """A directory that moves, moves back, and then gets a new file: the move back, reverted, takes that along.

    But it does not where something is left in the directory, or in the way.
    """
    here, there = (plain(**{f"{place}__a": BODY, f"{place}__b": lines(9)}) for place in (one, other))
    return [here, there, here, here | plain(**{f"{one}__{new}": "new\n"})]


HISTORIES: dict[str, list[Tree]] = {
    "an edit": [plain(a=BODY), plain(a=EDITED), plain(a=lines(12, line3="x", line11="y"))],
    "a conflict": [plain(a=BODY), plain(a=EDITED), plain(a=lines(12, line3="y"))],
    "a rename": [plain(d__a=BODY), plain(d__a=EDITED), plain(x__y__a=EDITED), plain(x__y__a=BODY)],
    "the only file of a directory moves": [plain(o__a=BODY), plain(o__a=EDITED), plain(p__a=EDITED)],
    "a directory moves whole under a new file": [
        plain(o__a=BODY, o__b=lines(9)),
        plain(o__a=BODY, o__b=lines(9), o__new="new\n"),
        plain(p__a=BODY, p__b=lines(9), p__new="new\n"),
    ],
    "a directory moves there and back, and gets a new file": there_and_back("o", "e", "new"),
    "half of a directory moves there and back, and gets a new file": there_and_back("d", "e", "new"),
    "half of a directory moves there and back, and gets a file that was there": [
        plain(d__a=BODY, d__b=lines(9), e__new="old\n"),
        *there_and_back("d", "e", "new"),
    ],
    "a directory moves there and back, and gets a file that is there": there_and_back("o", "e", "other"),
    "a new directory": [plain(a=BODY), plain(a=BODY, n__m__a=BODY), plain(a=EDITED, n__m__a=EDITED)],
    "an emptied directory": [plain(n__m__a=BODY, a=BODY), plain(a=BODY), plain(a=EDITED)],
    "a file becomes a directory": [plain(a=BODY, b=BODY), plain(b=BODY), plain(a__b=BODY, b=BODY), plain(a__b=EDITED)],
    "a directory becomes a file": [plain(o__a=BODY), plain(o__a=EDITED), plain(o="o\n"), plain(o="p\n")],
    "a file at once a directory": [plain(o=BODY), plain(o__a=BODY), plain(o__a=EDITED)],
    "modes": [plain(a=BODY), {"a": ("100755", BODY.splitlines(keepends=True))}, plain(a=EDITED)],
    "a link": [plain(a=BODY), {"a": ("120000", ["keep"])}, plain(a=EDITED)],
    "nothing": [plain(a=BODY), plain(a=BODY)],
    "gone again": [plain(a=BODY), plain(a=EDITED), plain(a=BODY)],
}


@pytest.mark.parametrize("kept", [KEPT, {}], ids=["among others", "alone"])
@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES.keys())
def test_many_at_once_give_what_each_gives_by_itself(
    history: list[Tree], kept: Tree, store: TreeStore, repository: Repository
) -> None:
    assert_as_one_by_one(store, repository, imported(repository, [kept | tree for tree in history]))


@pytest.mark.parametrize("loose", [0, 10_000])
def test_what_was_made_is_in_the_store_packed_or_loose(
    loose: int, store: TreeStore, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manytrees, "_LOOSE", loose)
    texts = [lines(60, **{f"line{10 * one}": "x" for one in range(1, count)}) for count in range(1, 4)]
    commits = imported(repository, [KEPT | plain(d__a=text) for text in texts])
    trees = [store.tree_of(commit) for commit in commits]
    diff = repository.run("diff", *commits[1:]).stdout
    many = ManyTrees(store)
    picked = many.merge_all([ThreeWay.cherry_pick(trees[0], *trees[1:])])[0].tree or ""
    (applied,), _ = many.apply_all(trees[0], [diff.replace(b"+x", b"+y").replace(b" x", b" line 10")])
    (store.path / "objects" / "info" / "alternates").unlink()
    assert store.file(picked, "d/a") == lines(60, line20="x").encode()
    assert store.file(applied, "d/a") == lines(60, line20="y").encode()
    assert bool(list((store.path / "objects" / "pack").glob("*.pack"))) is (loose == 0)


SERIES = st.lists(st.lists(CHANGES, min_size=1, max_size=3), min_size=2, max_size=5)


def trees_of(series: list[list[Change]], kept: Tree) -> list[Tree]:
    trees: list[Tree] = [
        kept | {path: ("100644", [f"{path} {number}\n" for number in range(12)]) for path in PATHS[:4]}
    ]
    for patch in series:
        tree = trees[-1]
        for change in patch:
            tree = changed(tree, change)
        trees.append(tree)
    return trees


@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(SERIES, st.sets(st.sampled_from(sorted(KEPT))))
def test_any_series_gives_what_each_gives_by_itself(
    store: TreeStore, repository: Repository, series: list[list[Change]], kept: set[str]
) -> None:
    commits = imported(repository, trees_of(series, {path: KEPT[path] for path in kept}))
    assert_as_one_by_one(store, repository, commits)


@settings(
    max_examples=10,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(SERIES, st.data())
def test_any_series_gives_what_git_revert_and_cherry_pick_give(
    store: TreeStore, repository: Repository, series: list[list[Change]], data: st.DataObject
) -> None:
    commits = imported(repository, trees_of(series, KEPT))
    made = ManyTrees(store).merge_all(merges_of([store.tree_of(commit) for commit in commits]))
    count = len(series)
    which = data.draw(st.integers(0, count - 1))
    assert named(made[which]) == named(by_git(repository, "revert", commits[-1], commits[which + 1]))
    assert named(made[count + which]) == named(by_git(repository, "cherry-pick", commits[0], commits[which + 1]))


# --- diffs that do not apply --------------------------------------------------------------------

FITS = b"--- a/d/a\n+++ b/d/a\n@@ -1,3 +1,3 @@\n line 1\n-line 2\n+x\n line 3\n"
WRONG: dict[str, bytes] = {
    "empty": b"",
    "no diff": b"no diff at all\n",
    "other lines": b"--- a/d/a\n+++ b/d/a\n@@ -10,3 +10,3 @@\n line 10\n-another\n+x\n line 12\n",
    "cut short": b"--- a/d/a\n+++ b/d/a\n@@ -10,3 +10,3 @@\n line 10\n-line 11\n",
    "no such file": b"--- a/none\n+++ b/none\n@@ -1 +1 @@\n-a\n+b\n",
    "no such file in a directory": b"--- a/d/none\n+++ b/d/none\n@@ -1 +1 @@\n-a\n+b\n",
    "already there": b"--- /dev/null\n+++ b/keep\n@@ -0,0 +1 @@\n+a\n",
    "out of the tree": b"--- a/../out\n+++ b/../out\n@@ -0,0 +1 @@\n+a\n",
    "a directory in the way": b"diff --git a/d b/d\nnew file mode 100644\n--- /dev/null\n+++ b/d\n@@ -0,0 +1 @@\n+a\n",
    "a directory of nothing but directories in the way": (
        b"diff --git a/x b/x\nnew file mode 100644\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+a\n"
    ),
    "a file in the way of a directory": b"--- /dev/null\n+++ b/keep/a\n@@ -0,0 +1 @@\n+a\n",
    "a file in the way of a directory below": b"--- /dev/null\n+++ b/d/keep/m/a\n@@ -0,0 +1 @@\n+a\n",
    "beyond a link": b"--- /dev/null\n+++ b/link/a\n@@ -0,0 +1 @@\n+a\n",
    "renamed onto another": (
        b"diff --git a/d/a b/d/keep\nsimilarity index 100%\nrename from d/a\nrename to d/keep\n"
    ),
    "a binary that is another": (
        b"diff --git a/d/a b/d/a\nindex %b..%b 100644\nGIT binary patch\n" % (b"1" * 40, b"2" * 40)
        + b"literal 1\nIc${NkUu4Nr\n\nliteral 0\nHcmV?d00001\n\n"
    ),
    "two faults": b"--- a/none\n+++ b/none\n@@ -1 +1 @@\n-a\n+b\n--- a/keep\n+++ b/keep\n@@ -1 +1 @@\n-a\n+b\n",
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_a_diff_that_does_not_apply_is_told_in_the_same_words(
    wrong: bytes, store: TreeStore, repository: Repository
) -> None:
    tree = store.tree_of(*imported(repository, [KEPT | plain(d__a=BODY) | {"link": ("120000", ["d"])}]))
    first = store.apply(tree, FITS)
    with pytest.raises(ApplyError) as expected:
        store.apply(first, wrong)
    made, error = ManyTrees(store).apply_all(tree, [FITS, wrong, FITS])
    assert made == [first]
    assert str(error) == str(expected.value)


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_a_small_tree_refuses_what_the_full_tree_refuses(
    wrong: bytes, store: TreeStore, repository: Repository
) -> None:
    tree = store.tree_of(*imported(repository, [KEPT | plain(d__a=BODY) | {"link": ("120000", ["d"])}]))
    assert ManyTrees(store)._apply(tree, [FITS, wrong]) == [store.apply(tree, FITS)]


# --- the store and the user's repository --------------------------------------------------------


def test_a_store_may_have_any_name(tmp_path: Path, repository: Repository) -> None:
    odd = TreeStore(tmp_path / 'a:b "c" \\d')
    odd.add_repository(repository.path)
    commits = imported(repository, [KEPT | plain(a=text) for text in (BODY, EDITED, lines(12, line9="z"))])
    trees = [odd.tree_of(commit) for commit in commits]
    (merge,) = ManyTrees(odd).merge_all([ThreeWay.cherry_pick(trees[0], *trees[1:])])
    assert merge == odd.merge(ThreeWay.cherry_pick(trees[0], *trees[1:]))


def contents(repository: Repository) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in repository.path.rglob("*") if path.is_file()}


def test_the_users_repository_is_not_written_to(store: TreeStore, repository: Repository) -> None:
    commits = imported(repository, [KEPT | plain(a=text) for text in (BODY, EDITED, lines(12, line9="z"))])
    before = contents(repository)
    ManyTrees(store).merge_all(merges_of([store.tree_of(commit) for commit in commits]))
    assert contents(repository) == before
    assert not store.git("for-each-ref").stdout


# --- what git answered before -------------------------------------------------------------------


Work = Callable[[TreeStore], tuple[list[Merge], list[str]]]


class Counting(TreeStore):
    """A store that counts what git is asked to make."""

    made = 0

    def git(self, *words: str, **rest: object) -> processes.Done:
        self.made += words[0] in ("apply", "merge-tree", "fast-import")
        return super().git(*words, **rest)  # type: ignore[arg-type]


@pytest.fixture
def work(store: TreeStore, repository: Repository) -> Work:
    """Something that takes merges and applies, conflicts among them."""
    texts = (BODY, EDITED, lines(12, line3="x", line9="z"), lines(12, line3="y", line9="z"))
    commits = imported(repository, [KEPT | plain(a=text) for text in texts])
    trees = [store.tree_of(commit) for commit in commits]
    diffs = [repository.run("diff", *step).stdout for step in itertools.pairwise(commits)]

    def do(store: TreeStore) -> tuple[list[Merge], list[str]]:
        many = ManyTrees(store)
        return many.merge_all(merges_of(trees)), many.apply_all(trees[0], diffs)[0]

    return do


def test_nothing_is_made_twice(work: Work, store: TreeStore) -> None:
    first = work(store)
    counting = Counting(store.path)
    assert work(counting) == first
    assert counting.made == 0


def test_an_edited_patch_is_applied_on_what_is_known_below_it(store: TreeStore, repository: Repository) -> None:
    texts = [lines(60, **{f"line{10 * one}": "x" for one in range(1, count)}) for count in range(1, 5)]
    commits = imported(repository, [plain(a=text) for text in texts])
    diffs = [repository.run("diff", *step).stdout for step in itertools.pairwise(commits)]
    tree = store.tree_of(commits[0])
    ManyTrees(store).apply_all(tree, diffs)
    counting = Counting(store.path)
    made, _ = ManyTrees(counting).apply_all(tree, [*diffs[:2], diffs[2].replace(b"+x", b"+y")])
    assert made[:2] == [store.tree_of(commit) for commit in commits[1:3]]
    assert counting.made == 5  # a small tree, what the patch touches (both ways), the patch, the full tree


def _another_program(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE answers (something INTEGER)")


def _changed(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("UPDATE answers SET answer = 'no json'")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


SPOILT: dict[str, Callable[[Path], object]] = {
    "gone": lambda path: path.unlink(),
    "garbage": lambda path: path.write_bytes(b"this is no database" * 1000),
    "empty": lambda path: path.write_bytes(b""),
    "cut": _cut,
    "another program's": _another_program,
    "answers that are none": _changed,
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT.keys())
def test_a_spoilt_file_of_answers_is_begun_anew(spoil: Callable[[Path], object], work: Work, store: TreeStore) -> None:
    first = work(store)
    spoil(store.path / "answers.sqlite")
    assert work(store) == first
    assert work(store) == first
    counting = Counting(store.path)
    assert work(counting) == first
    assert counting.made == 0
    assert not (store.path / "answers.sqlite.old").exists(), "what can be asked again is not kept"


def test_an_answer_whose_tree_the_store_has_lost_is_made_again(work: Work, store: TreeStore, tmp_path: Path) -> None:
    first = work(store)
    other = TreeStore(tmp_path / "other.git")
    (other.path / "objects" / "info" / "alternates").write_bytes(
        (store.path / "objects" / "info" / "alternates").read_bytes()
    )
    (other.path / "answers.sqlite").write_bytes((store.path / "answers.sqlite").read_bytes())
    assert work(other) == first
    merges = first[0]
    assert {merge.tree is None for merge in merges} == {True, False}
    assert all(other.git("cat-file", "-e", merge.tree).returncode == 0 for merge in merges if merge.tree)


def _put_some(folder: Path, name: str) -> None:
    for number in range(20):
        Answers(folder).put({f"{name} {number}": Merge("tree")})


def goes(repository: Repository) -> Path:
    """The clone with a topic is removed; another one has the same bases."""
    clone = repository.path.with_name("clone")
    repository.git("checkout", "--quiet", "base")
    repository.git("branch", "--quiet", "-D", "topic")
    repository.git("clone", "--quiet", f"file://{repository.path}", str(clone))
    shutil.rmtree(repository.path)
    return clone


def is_pruned(repository: Repository) -> Path:
    """The branch of a topic is removed, and its objects some time later."""
    repository.git("checkout", "--quiet", "base")
    repository.git("branch", "--quiet", "-D", "topic")
    repository.git("reflog", "expire", "--expire=now", "--all")
    repository.git("gc", "--quiet", "--prune=now")
    return repository.path


def applied(many: ManyTrees, trees: list[str], diff: bytes) -> str:
    return many.apply_all(trees[-1], [diff])[0][0]


def merged(many: ManyTrees, trees: list[str], _diff: bytes) -> str:
    return many.merge_all([ThreeWay.revert(trees[-1], trees[0], trees[1])])[0].tree or ""


@pytest.mark.parametrize("lose", [goes, is_pruned])
@pytest.mark.parametrize("make", [applied, merged])
def test_an_answer_of_which_a_repository_had_a_part_is_made_again_without_it(
    store: TreeStore,
    repository: Repository,
    tmp_path: Path,
    make: Callable[[ManyTrees, list[str], bytes], str],
    lose: Callable[[Repository], Path],
) -> None:
    """A topic there had the folder d already, in a tree of another base."""
    edits = (BODY, EDITED, lines(12, line3="x", line10="y"))
    trees = [store.tree_of(repository.commit("base", {"d/f": text, "g": "1\n"})) for text in edits]
    repository.git("branch", "base")
    repository.git("checkout", "--quiet", "-b", "topic")
    repository.commit("topic", {"d/f": lines(12, line10="y")})
    diff = repository.run("diff", "HEAD~", "HEAD").stdout
    repository.git("checkout", "--quiet", "base")
    trees.append(store.tree_of(repository.commit("base", {"g": "2\n"})))
    made = make(ManyTrees(store), trees, diff)
    place = lose(repository)
    again = TreeStore(store.path)
    again.add_repository(place)
    assert make(ManyTrees(again), trees, diff) == made
    again.check_out(made, tmp_path / "work", tmp_path / "index")
    assert (tmp_path / "work" / "d" / "f").read_text() == lines(12, line10="y")


def test_what_is_whole_is_told_of_each_pair(store: TreeStore, repository: Repository) -> None:
    """A submodule's commit is no part of it; of a tree that is not there git says nothing at all."""
    base = store.tree_of(repository.commit("base", {"a": "a\n", "d/b": "b\n"}))
    nothing = "1" * 40
    made = store.git("mktree", "--missing", stdin=f"100644 blob {nothing}\tx\n".encode()).text
    folder = store.git("mktree", "--missing", stdin=f"040000 tree {nothing}\tx\n".encode()).text
    submodule = store.git("mktree", stdin=f"160000 commit {nothing}\tx\n".encode()).text
    after = [base, made, submodule, folder, nothing, base]
    assert treeedit.whole(store, [(base, one) for one in after]) == [True, False, True, False, False, True]
    assert treeedit.whole(store, [(base, one) for one in after[:3]]) == [True, False, True]
    assert treeedit.whole(store, []) == []


def test_two_processes_share_a_file_of_answers(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    others = [spawn.Process(target=_put_some, args=(tmp_path, name)) for name in ("one", "two")]
    for other in others:
        other.start()
    for other in others:
        other.join()
    questions = [f"{name} {number}" for name in ("one", "two") for number in range(20)]
    assert Answers(tmp_path).find(questions) == dict.fromkeys(questions, Merge("tree"))


def test_a_file_that_cannot_be_written_only_means_that_nothing_is_kept(tmp_path: Path) -> None:
    answers = Answers(tmp_path / "no such directory")
    answers.put({"question": Merge("tree")})
    assert answers.find(["question"]) == {}
