# SPDX-License-Identifier: GPL-2.0-only
"""What a diff is read to do is what git has done: to each file by its name, line by line."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from kseries.sources import TreeStore, git, hunks, rawdiff
from kseries.sources.hunks import Section, sections
from tests.support.gitrepo import Repository

ODD = ("a b.c", "tab\t.c", 'quote".c', "back\\slash.c", "new\nline.c", "\u00e4.c", "\x01.c", "b/a/b.c")
"""Names that git writes down otherwise than they are, or could."""


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "linux")


@pytest.fixture
def store(tmp_path: Path, repository: Repository) -> TreeStore:
    store = TreeStore(tmp_path / "trees.git")
    store.add_repository(repository.path)
    return store


State = Mapping[str, str | bytes | None]


def trees(store: TreeStore, repository: Repository, *states: State) -> list[str]:
    return [store.tree_of(repository.commit("state", state)) for state in states]


def test_each_file_has_its_name_however_git_writes_it(store: TreeStore, repository: Repository) -> None:
    old, new = trees(store, repository, dict.fromkeys(ODD, "old\n"), dict.fromkeys(ODD, "new\n"))
    names = sorted(name.encode() for name in ODD)
    assert [one.names for one in store.diff(old, new)] == [(name, name) for name in names]
    assert [change.path.encode() for change in store.changes(old, new)] == names
    told = repository.run("log", "-1", "--raw", "--no-abbrev", "--format=").stdout
    assert b"\\303\\244" in told, "it is quoted"
    assert [one.path for one in rawdiff.differences(told)] == names


def test_a_file_that_comes_or_goes_has_a_name_on_one_side(store: TreeStore, repository: Repository) -> None:
    went: State = {"gone.c": "1\n", "empty.c": "", "image": b"\0a"}
    came: State = {"come.c": "2\n", "bare.c": "", "photo": b"\0b"}
    old, new, last = trees(store, repository, went, dict.fromkeys(went), came)
    assert {one.names for one in store.diff(old, new)} == {(name.encode(), None) for name in went}
    assert {one.names for one in store.diff(new, last)} == {(None, name.encode()) for name in came}
    assert {(one.old_mode, one.new_mode) for one in raw(repository)} == {(rawdiff.NONE, b"100644")}


def raw(repository: Repository) -> list[rawdiff.Difference]:
    return rawdiff.differences(repository.run("log", "-1", "--raw", "-z", "--no-abbrev", "--format=").stdout)


@pytest.mark.parametrize(
    ("header", "names"),
    [
        (
            b"rename from old name.c\nrename to d/new.c\n--- a/old name.c\t\n+++ b/d/new.c\n",
            (b"old name.c", b"d/new.c"),
        ),
        (b"copy from a.c\ncopy to b.c\n", (b"a.c", b"b.c")),
        (b"old mode 100644\nnew mode 100755\n", (b"x y", b"x y")),
        (b"--- a/x\t2026-11-29 01:00:00\r\n+++ /dev/null\n", (b"x", None)),
    ],
)
def test_a_file_has_the_names_of_its_header(header: bytes, names: tuple[bytes, bytes]) -> None:
    assert Section(b"From: x\n---\nindex no\n\ndiff --git a/x y b/x y\n" + header, ()).names == names


def test_the_lines_that_come_have_the_numbers_that_they_have_afterwards(
    store: TreeStore, repository: Repository
) -> None:
    text = [f"line {number}" for number in range(1, 30)]
    after = ["first", *text[:9], "-- a", "++ b", *text[12:20], *text[22:]]
    old, new = trees(store, repository, {"a.c": "\n".join(text)}, {"a.c": "\n".join(after) + "\n"})
    (small,) = store.diff(old, new)
    ((wide,), _) = sections(repository.run("diff", "-U3", "HEAD^", "HEAD").stdout)
    for section in (small, wide):
        came = [(number, line) for hunk in section.hunks for number, line in hunk.added]
        assert [(1, b"first\n"), (11, b"-- a\n"), (12, b"++ b\n"), (len(after), b"line 29\n")] == came
        assert all(after[number - 1].encode() == line.strip(b"\n") for number, line in came)
        gone = [line for hunk in section.hunks for sign, line in hunk.changed if sign == "-"]
        assert gone == ["line 10", "line 11", "line 12", "line 21", "line 22", "line 29"]
    assert [hunk.new for hunk in small.hunks if not any(hunk.added)] == [20], "behind line 20"


def test_git_tells_of_more_lines_than_anybody_would_mail(
    store: TreeStore, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit of a range may change a table of a million lines, which is no reason to end a run."""
    monkeypatch.setattr(hunks, "_MOST_LINES", 3)
    states = [{"table.h": "".join(f"{sign}{line}\n\n" for line in range(4))} for sign in "ab"]
    old, new = trees(store, repository, *states)
    (section,) = store.diff(old, new)
    assert [len(hunk.lines) for hunk in section.hunks] == [2, 2, 2, 2]
    assert store.diffs([(old, new)], "*") == [(section,)]
    with pytest.raises(ValueError, match="too many lines"):
        sections(section.text())


@pytest.mark.parametrize(
    ("header", "function"),
    [(b"@@ -1 +1 @@", ""), (b"@@ -1 +1 @@ config A\r", "config A"), (b"@@ -1 +1 @@ a @@ b", "a @@ b")],
)
def test_a_hunk_has_the_function_that_git_tells(header: bytes, function: str) -> None:
    (((hunk,),), _) = ([one.hunks for one in sections(b"--- a/x\n+++ b/x\n" + header + b"\n-a\n+b\n")[0]], b"")
    assert hunk.function == function


@pytest.mark.parametrize("name", [name.encode() for name in ODD])
def test_what_is_quoted_is_read_as_it_was(name: bytes) -> None:
    assert git.unquoted(git.quoted(name)) == name
    assert git.unquoted(name) == name


def test_git_quotes_with_letters_and_digits() -> None:
    assert git.unquoted(rb'"\a\b\f\n\r\t\v\\\"\303\244\8"') == b'\a\b\f\n\r\t\v\\"\xc3\xa48'
