# SPDX-License-Identifier: GPL-2.0-only
"""Whole diffs made for a tree, beside patch(1) in a work tree: the same tree, or both refuse."""

import subprocess

import pytest

from kseries.model import AppliedPatch, Base, Patch, Series
from kseries.model.errors import InputError
from kseries.plan import scenarios
from kseries.sources import TreeStore, fitting
from kseries.sources.fuzz import Effort, Placing
from kseries.sources.hunks import sections
from tests.support.gitrepo import ENVIRONMENT, Repository, lines

WORDS = "".join(f"word {letter}\n" for letter in "abcdefghijklmnopqrst")
"""Another file that changes."""


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    repository = Repository(tmp_path_factory.mktemp("fitting") / "linux")
    repository.commit(
        "old", {"file": lines(30), "words": WORDS, "lib/move": lines(30), "gone": "x\ny\n", "mode": "m\n"}
    )
    repository.git("tag", "old")
    repository.commit(
        "new",
        {
            "file": "above\n" + lines(30, line7="another"),
            "words": WORDS.replace("word q", "word Q"),
            "lib/move": lines(30, line7="another"),
        },
    )
    repository.git("tag", "base")
    return repository


@pytest.fixture(scope="module")
def store(repository: Repository) -> TreeStore:
    store = TreeStore(repository.path.parent / "trees.git")
    store.add_repository(repository.path)
    return store


def changed(repository: Repository, **files: str | bytes | None) -> bytes:
    """The diff that changes some files of the old kernel; ``lib__move`` is lib/move."""
    repository.git("checkout", "--quiet", "--force", "old")
    repository.commit("patch", {name.replace("__", "/"): text for name, text in files.items()})
    return repository.run("diff", "--binary", "-M", "old", "HEAD").stdout


def by_patch(repository: Repository, diff: bytes, fuzz: int) -> str | None:
    """The tree that patch(1) makes of the base."""
    repository.git("checkout", "--quiet", "--force", "base")
    words = ["patch", "-p1", "-E", "-f", "-s", "--no-backup-if-mismatch", "-r-", f"-F{fuzz}"]
    done = subprocess.run(words, cwd=repository.path, env=ENVIRONMENT, input=diff, capture_output=True)
    repository.git("add", "--all")
    return repository.git("write-tree") if done.returncode == 0 else None


def applied(repository: Repository, store: TreeStore, *diffs: bytes, fuzz: int) -> tuple[AppliedPatch, ...]:
    patches = tuple(
        Patch(number=number, subject=f"patch {number}", origin=f"{number}.patch", diff=diff)
        for number, diff in enumerate(diffs, 1)
    )
    base = Base(name="base", version="6.12", tree=repository.tree("base"))
    return scenarios.apply_all(Series(name="s", version=1, patches=patches), base, store, fuzz=fuzz)


CASES: dict[str, dict[str, str | bytes | None]] = {
    "an edit": {"file": lines(30, line10="ten")},
    "two hunks, of which one takes it": {"file": lines(30, line10="ten", line25="x")},
    "two files, of which one takes it": {"file": lines(30, line10="ten"), "words": WORDS.replace("word c", "word C")},
    "two files that take it": {"file": lines(30, line10="ten"), "words": WORDS.replace("word n", "word N")},
    "what is added alone": {"file": lines(30, line9="line 9\nmore")},
    "what is taken away": {"file": lines(30).replace("line 10\n", "")},
    "beside a file that comes": {"file": lines(30, line10="ten"), "new": "new\n"},
    "beside a file that goes": {"file": lines(30, line10="ten"), "gone": None},
    "a file that moves": {"lib__move": None, "lib__moved": lines(30, line10="ten")},
    "its end": {"words": WORDS.replace("word t", "word T")},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_patch_makes_the_tree_that_patch_makes(
    case: dict[str, str | bytes | None], repository: Repository, store: TreeStore
) -> None:
    diff = changed(repository, **case)
    assert by_patch(repository, diff, 0) is None
    wanted = by_patch(repository, diff, 1)
    assert wanted is not None
    assert [patch.tree_after for patch in applied(repository, store, diff, fuzz=1)] == [wanted]


@pytest.mark.parametrize("fuzz", [0, 1])
def test_no_more_fuzz_is_taken_than_is_allowed(fuzz: int, repository: Repository, store: TreeStore) -> None:
    diff = changed(repository, file=lines(30, line9="nine"))  # another line is the second of its context
    assert by_patch(repository, diff, fuzz) is None
    told = r"(?s)does not apply to base: .*\n  patch\(1\) takes it with fuzz 2, and so does --fuzz 2; kseries plan"
    with pytest.raises(InputError, match=told):
        applied(repository, store, diff, fuzz=fuzz)
    assert applied(repository, store, diff, fuzz=2)[0].tree_after == by_patch(repository, diff, 2)


def test_each_hunk_that_takes_fuzz_is_told_and_no_other(repository: Repository, store: TreeStore) -> None:
    diff = changed(repository, file=lines(30, line10="ten", line25="x"), words=WORDS.replace("word c", "word C"))
    (patch,) = applied(repository, store, diff, fuzz=2)
    (hunk,) = patch.fuzzed
    assert (hunk.file, hunk.hunk, hunk.of, hunk.line, hunk.offset, hunk.fuzz) == ("file", 1, 2, 8, 1, 1)


def test_the_next_patch_is_for_what_fuzz_has_made(repository: Repository, store: TreeStore) -> None:
    first = changed(repository, file=lines(30, line10="ten"))
    tip = repository.git("rev-parse", "HEAD")
    changed(repository, file=lines(30, line10="ten", line11="eleven"))
    second = repository.run("diff", tip, "HEAD").stdout
    (one, other) = applied(repository, store, first, second, fuzz=1)
    assert (
        one.fuzzed
        and store.file(other.tree_after, "file")
        == ("above\n" + lines(30, line7="another", line10="ten", line11="eleven")).encode()
    )


def test_a_file_that_a_patch_changes_twice_is_changed_twice(repository: Repository, store: TreeStore) -> None:
    some = changed(repository, file=lines(30, line10="ten")) + changed(repository, file=lines(30, line25="x"))
    wanted = by_patch(repository, some, 1)
    assert [patch.tree_after for patch in applied(repository, store, some, fuzz=1)] == [wanted]


def test_what_applies_without_fuzz_is_as_it_is_without_the_option(repository: Repository, store: TreeStore) -> None:
    diff = changed(repository, file=lines(30, line25="x"))
    assert applied(repository, store, diff, fuzz=3) == applied(repository, store, diff, fuzz=0)


def test_a_patch_that_is_there_is_not_applied_again_however_much_fuzz_there_is(
    repository: Repository, store: TreeStore
) -> None:
    diff = changed(repository, words=WORDS.replace("word c", "word c\nmore"))  # patch(1) would add it once more
    with pytest.raises(InputError, match=r"is already in base \+ patches 1\.\.1"):
        applied(repository, store, diff, diff, fuzz=3)


def test_that_fuzz_does_not_help_is_said_in_a_second_line(repository: Repository, store: TreeStore) -> None:
    diff = changed(repository, file=lines(30, line7="seven"))
    with pytest.raises(InputError) as error:
        applied(repository, store, diff, fuzz=0)
    first, second = str(error.value).splitlines()
    assert first.startswith("1.patch does not apply to base: patch failed: file:4")
    assert second == (
        "  patch(1) rejects it, too, with fuzz 2; kseries plan --apply tells of every patch, and of what stands there"
    )


@pytest.mark.parametrize(
    "diff",
    [
        b"--- a/no such\n+++ b/no such\n@@ -1 +1 @@\n-a\n+b\n",
        b"--- a/../file\n+++ b/../file\n@@ -1 +1 @@\n-a\n+b\n",
        b'diff --git "a/x\\ny" "b/x\\ny"\n--- "a/x\\ny"\n+++ "b/x\\ny"\n@@ -1 +1 @@\n-a\n+b\n',
        b"--- a/lib\n+++ b/lib\n@@ -1 +1 @@\n-a\n+b\n",
        b"diff --git a/mode b/mode\nold mode 100755\nnew mode 100644\n",
    ],
)
def test_what_is_no_hunk_of_a_file_is_left_to_git_to_refuse(
    diff: bytes, repository: Repository, store: TreeStore
) -> None:
    found = fitting.fit(store, repository.tree("base"), diff, 3)
    assert found.diff in (None, diff)


@pytest.mark.parametrize("diff", [b"@@ -1 +1 @@\n-a\n+b\n", b"--- a/f\n+++ b/f\n@@ -1,2 +1 @@\n-a\n", b"\n", b""])
def test_what_no_diff_is_is_none(diff: bytes, repository: Repository, store: TreeStore) -> None:
    found = fitting.fit(store, repository.tree("base"), diff, 3)
    assert found.diff in (None, diff)
    assert not found.fuzzed


def test_a_hunk_that_nothing_but_its_line_number_places_is_told_as_such(
    repository: Repository, store: TreeStore
) -> None:
    text = lines(30, line14="line 14\nmore")
    diff = changed(repository, file=text)
    for number in range(10, 20):
        diff = diff.replace(f" line {number}\n".encode(), f" other {number}\n".encode())
    (patch,) = applied(repository, store, diff, fuzz=3)
    assert patch.tree_after == by_patch(repository, diff, 3)
    assert [(hunk.fuzz, hunk.blind) for hunk in patch.fuzzed] == [(3, True)]


def test_what_is_told_of_a_hunk_that_does_not_fit_is_where_most_of_it_stands(
    repository: Repository, store: TreeStore
) -> None:
    diff = changed(repository, file=lines(30, line7="seven"))
    tree = repository.tree("base")
    tree = store.with_file(tree, "file", b"x\n" * 100 + (store.file(tree, "file") or b""))
    (hunk,) = fitting.fit(store, tree, diff, 3).rejected
    assert (hunk.line, hunk.at) == (4, 107)
    assert hunk.expects == ("line 6", "line 7", "line 8", "line 9", "line 10")
    assert hunk.stands == ("line 6", "another", "line 8", "line 9", "line 10")


def test_a_hunk_of_which_the_result_is_there_is_told_so(repository: Repository, store: TreeStore) -> None:
    diff = changed(repository, file=lines(30, line7="another", line20="x"))
    tree = store.with_file(repository.tree("base"), "file", lines(30, line7="another", line20="y").encode())
    assert [hunk.there for hunk in fitting.fit(store, tree, diff, 3).rejected] == [True, False]


def test_a_search_that_would_take_too_long_finds_nothing() -> None:
    ((section,), _) = sections(b"--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n a\n-b\n+c\n a\n")
    rows = [b"x\n"] * 50 + [b"a\n", b"b\n", b"a\n"]
    assert Placing(rows, Effort(1000)).place(section.hunks[0], 0) is not None
    assert Placing(rows, Effort(10)).place(section.hunks[0], 0) is None


@pytest.mark.parametrize("message", [b"", b"It is a\ncopy from there\n"])
def test_what_many_moved_files_were_called_takes_no_process_for_each(
    message: bytes, repository: Repository, store: TreeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    diff = message + changed(repository, lib__move=None, lib__moved=lines(30, line10="ten"))
    assert b"\nrename from lib/move\n" in diff
    monkeypatch.delattr(TreeStore, "touched")
    found = fitting.fit(store, repository.tree("base"), diff, 2)
    assert [(hunk.file, hunk.fuzz) for hunk in found.fuzzed] == [("lib/moved", 1)]
