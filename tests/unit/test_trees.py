# SPDX-License-Identifier: GPL-2.0-only
"""Trees made with git objects, against what git itself makes of a work tree."""

import errno
import io
import itertools
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kseries.model.errors import InputError
from kseries.sources import ApplyError, Merge, TreeStore, git
from kseries.sources.git import ANSWERS
from tests.support.gitrepo import Repository, lines
from tests.support.histories import CHANGES, PATHS, Change, Tree, changed, imported
from tests.support.merges import by_git, named

Files = Mapping[str, str | bytes | None]


@pytest.fixture
def store(tmp_path: Path) -> TreeStore:
    return TreeStore(tmp_path / "trees.git")


@pytest.fixture
def repository(tmp_path: Path, store: TreeStore) -> Repository:
    repository = Repository(tmp_path / "linux")
    store.add_repository(repository.path)
    return repository


# --- revert and cherry-pick ---------------------------------------------------------------------


def assert_as_git(store: TreeStore, repository: Repository, base: str, commits: list[str]) -> None:
    """Each commit taken out of the last and put on the base, by us and by git."""
    tip = commits[-1]
    onto, last = store.tree_of(base), store.tree_of(tip)
    for before, after in itertools.pairwise([base, *commits]):
        trees = [store.tree_of(revision) for revision in (before, after)]
        assert named(store.revert(last, *trees)) == named(by_git(repository, "revert", tip, after))
        assert named(store.cherry_pick(onto, *trees)) == named(by_git(repository, "cherry-pick", base, after))


def one_file(*texts: str) -> list[Files]:
    return [{"a": text} for text in texts]


BODY = lines(30)
QUOTED = 'ä b\t"c"'
HISTORIES: dict[str, list[Files]] = {
    "far apart": one_file(BODY, lines(30, line3="x"), lines(30, line3="x", line25="y")),
    "adjacent lines": one_file(BODY, lines(30, line10="x"), lines(30, line10="x", line11="y")),
    "the same line": one_file(BODY, lines(30, line10="x"), lines(30, line10="y")),
    "undone again": one_file(BODY, lines(30, line10="x"), BODY),
    "a new file, then changed": [{"a": BODY}, {"n": BODY}, {"n": lines(30, line2="x")}],
    "a new file": [{"a": BODY}, {"n": BODY}, {"a": lines(30, line2="x")}],
    "a file deleted after a change": [{"a": BODY, "b": ""}, {"a": lines(30, line4="x")}, {"a": None}],
    "a deleted file": [{"a": BODY, "b": ""}, {"a": None}, {"b": "b\n"}],
    "renamed after a change": [{"a": BODY}, {"a": lines(30, line4="x")}, {"a": None, "d/b": lines(30, line4="x")}],
    "renamed, then changed": [{"a": BODY}, {"a": None, "d/b": BODY}, {"d/b": lines(30, line4="x")}],
    "a directory renamed under a new file": [
        {"d/a": BODY, "d/b": lines(9)},
        {"d/new": "new\n"},
        {"d/a": None, "d/b": None, "d/new": None, "e/a": BODY, "e/b": lines(9), "e/new": "new\n"},
    ],
    "a file becomes a directory": [{"a": BODY}, {"a": lines(30, line4="x")}, {"a": None}, {"a/b": BODY}],
    "binary": [{"a": b"\0\1\2"}, {"a": b"\0\1\3"}, {"a": b"\0\1\4"}],
    "no newline at the end": one_file("x", "x\n", "x\ny"),
    "names to quote": [{QUOTED: BODY}, {QUOTED: lines(30, line4="x")}, {QUOTED: lines(30, line4="y")}],
    "nothing at all": [{"a": BODY}, {}, {"a": lines(30, line4="x")}],
}  # fmt: skip


@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES.keys())
def test_reverts_picks_and_applies_as_git_does(history: list[Files], store: TreeStore, repository: Repository) -> None:
    base, *commits = [repository.commit(f"{number}", files) for number, files in enumerate(history)]
    assert_as_git(store, repository, base, commits)
    for before, after in itertools.pairwise([base, *commits]):
        if diff := repository.run("diff", "--binary", "-M", before, after).stdout:
            assert store.apply(store.tree_of(before), diff) == repository.tree(after)


def test_modes_are_reverted_as_git_does(store: TreeStore, repository: Repository) -> None:
    base = repository.commit("base", {"run": BODY, "link": "to a\n"})
    (repository.path / "run").chmod(0o755)
    executable = repository.commit("executable")
    (repository.path / "link").unlink()
    (repository.path / "link").symlink_to("run")
    symlink = repository.commit("symlink")
    changed = repository.commit("changed", {"run": lines(30, line1="x")})
    assert_as_git(store, repository, base, [executable, symlink, changed])


def test_a_revert_that_conflicts_names_every_path_and_gives_no_tree(store: TreeStore, repository: Repository) -> None:
    base, one, two = (
        repository.commit(text, {"b/x y": text, "a": text, "untouched": text[:0]})
        for text in ("base\n", "one\n", "two\n")
    )
    merge = store.revert(store.tree_of(two), store.tree_of(base), store.tree_of(one))
    assert merge == Merge(None, ("a", "b/x y"))


def test_reverting_the_last_patch_gives_the_tree_before_it(store: TreeStore, repository: Repository) -> None:
    before, after = (store.tree_of(repository.commit(text, {"a": text})) for text in ("1\n", "2\n"))
    assert store.revert(after, before, after) == Merge(before)
    assert store.cherry_pick(before, before, after) == Merge(after)


@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.lists(CHANGES, min_size=1, max_size=3), min_size=2, max_size=3))
def test_any_small_history_is_reverted_and_picked_as_git_does(
    store: TreeStore, repository: Repository, series: list[list[Change]]
) -> None:
    trees: list[Tree] = [{path: ("100644", [f"{path} {number}\n" for number in range(12)]) for path in PATHS[:4]}]
    for patch in series:
        tree = trees[-1]
        for change in patch:
            tree = changed(tree, change)
        trees.append(tree)
    base, *commits = imported(repository, trees)
    assert_as_git(store, repository, base, commits)


# --- apply --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"no diff at all\n",
        b"--- a/file\n+++ b/file\n@@ -10,3 +10,3 @@\n line 10\n-another\n+x\n line 12\n",
        b"--- a/file\n+++ b/file\n@@ -10,3 +10,3 @@\n line 10\n-line 11\n",
        b"--- a/none\n+++ b/none\n@@ -1 +1 @@\n-a\n+b\n",
        b"--- /dev/null\n+++ b/file\n@@ -0,0 +1 @@\n+a\n",
        b"--- a/../out\n+++ b/../out\n@@ -0,0 +1 @@\n+a\n",
    ],
)
def test_what_git_does_not_apply_we_do_not_apply(wrong: bytes, store: TreeStore, repository: Repository) -> None:
    base = repository.commit("base", {"file": lines()})
    assert repository.run("apply", "--index", "-", stdin=wrong).returncode != 0
    with pytest.raises(ApplyError):
        store.apply(store.tree_of(base), wrong)


def test_the_error_names_the_file_and_the_line(store: TreeStore, repository: Repository) -> None:
    base = repository.commit("base", {"virt/file": lines()})
    diff = b"--- a/virt/file\n+++ b/virt/file\n@@ -10,3 +10,3 @@\n line 10\n-another\n+x\n line 12\n"
    with pytest.raises(ApplyError, match=r"patch failed: virt/file:10; virt/file: patch does not apply$"):
        store.apply(store.tree_of(base), diff)


def test_a_diff_that_is_cut_short_is_called_corrupt(store: TreeStore, repository: Repository) -> None:
    base = repository.commit("base", {"file": lines()})
    with pytest.raises(ApplyError, match=r"corrupt patch at line \d"):
        store.apply(store.tree_of(base), b"--- a/file\n+++ b/file\n@@ -10,3 +10,3 @@\n line 10\n-line 11\n")


def test_whitespace_errors_and_the_mail_around_a_diff_do_not_matter(store: TreeStore, repository: Repository) -> None:
    base = repository.commit("base", {"file": "a\n"})
    diff = b"Subject\n---\n file | 2 +-\n\n--- a/file\n+++ b/file\n@@ -1 +1 @@\n-a\n+b  \n-- \n2.39\n"
    assert store.file(store.apply(store.tree_of(base), diff), "file") == b"b  \n"


# --- tarballs -----------------------------------------------------------------------------------


def tarball(path: Path, *members: tuple[str, bytes, int] | tuple[str, str], mode: str = "w:xz") -> Path:
    """(name, contents, mode) makes a file, (name, target) a symbolic link."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, contents, *rest in members:
            info = tarfile.TarInfo(name)
            if isinstance(contents, bytes):
                info.size, info.mode = len(contents), rest[0]
                archive.addfile(info, io.BytesIO(contents))
            else:
                info.type, info.linkname = tarfile.SYMTYPE, contents
                archive.addfile(info)
    return path


def listed(store: TreeStore, tree: str) -> dict[str, tuple[str, bytes]]:
    """path -> (mode, contents) of a tree."""
    rows = store.git("ls-tree", "-r", "-z", tree).stdout.split(b"\0")[:-1]
    found = {}
    for row in rows:
        words, name = row.split(b"\t", 1)
        mode, _, blob = words.decode().split()
        found[os.fsdecode(name)] = mode, store.git("cat-file", "blob", blob).stdout
    return found


ODD_NAMES = ("with space", 'quo"te', "back\\slash", "tab\there", "new\nline", "ünïcode", "-dash", "a;b")


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz", "w:bz2"])
def test_a_tarball_loses_its_top_directory_and_nothing_else(mode: str, tmp_path: Path, store: TreeStore) -> None:
    path = tarball(
        tmp_path / "linux.tar",
        ("linux-6/Makefile", b"VERSION = 6\n", 0o644),
        ("linux-6/scripts/run", b"#!/bin/sh\n", 0o755),
        ("linux-6/scripts/link", "../Makefile"),
        ("linux-6/empty", b"", 0o600),
        ("linux-6/binary", bytes(range(256)), 0o644),
        *((f"linux-6/odd/{name}", name.encode(), 0o644) for name in ODD_NAMES),
        mode=mode,
    )
    assert listed(store, store.add_tarball(path)) == {
        "Makefile": ("100644", b"VERSION = 6\n"),
        "scripts/run": ("100755", b"#!/bin/sh\n"),
        "scripts/link": ("120000", b"../Makefile"),
        "empty": ("100644", b""),
        "binary": ("100644", bytes(range(256))),
        **{f"odd/{name}": ("100644", name.encode()) for name in ODD_NAMES},
    }


def test_a_tarball_whose_names_begin_with_a_dot_is_the_same_tree(tmp_path: Path, store: TreeStore) -> None:
    plain = tarball(tmp_path / "plain.tar", ("linux/a", b"a", 0o644))
    dotted = tarball(tmp_path / "dotted.tar", ("./linux/a", b"a", 0o644))
    assert store.add_tarball(plain) == store.add_tarball(dotted)


def test_a_tarball_of_a_clone_is_that_of_its_files(tmp_path: Path, store: TreeStore) -> None:
    plain = tarball(tmp_path / "plain.tar", ("linux/a", b"a", 0o644), ("linux/.gitignore", b"*.o", 0o644))
    cloned = tarball(
        tmp_path / "cloned.tar",
        ("linux/.git/HEAD", b"ref: refs/heads/master", 0o644),
        ("linux/.git/link", "HEAD"),
        ("linux/a", b"a", 0o644),
        ("linux/tools/sub/.git", b"gitdir: /elsewhere", 0o644),
        ("linux/.gitignore", b"*.o", 0o644),
    )
    tree = store.add_tarball(cloned)
    assert tree == store.add_tarball(plain)
    store.check_out(tree, tmp_path / "work", tmp_path / "index")


def test_a_tarball_is_imported_once_whatever_its_name(tmp_path: Path, store: TreeStore) -> None:
    path = tarball(tmp_path / "linux.tar", ("linux/a", b"a", 0o644))
    tree = store.add_tarball(path)
    before = snapshot(store.path)
    assert store.add_tarball(path.rename(tmp_path / "other.tar")) == tree
    assert snapshot(store.path) == before


def test_a_tarball_with_other_contents_is_another_tree(tmp_path: Path, store: TreeStore) -> None:
    trees = {store.add_tarball(tarball(tmp_path / "linux.tar", ("linux/a", text, 0o644))) for text in (b"one", b"two")}
    assert len(trees) == 2


def _two_tops(path: Path) -> None:
    tarball(path, ("linux-1/a", b"a", 0o644), ("linux-2/a", b"a", 0o644))


def _truncated(path: Path) -> None:
    tarball(path, ("linux/a", os.urandom(100_000), 0o644))
    path.write_bytes(path.read_bytes()[:50_000])


WRONG_TARBALLS: dict[str, Callable[[Path], object]] = {
    "two top directories": _two_tops,
    "garbage": lambda path: path.write_bytes(b"this is no tarball" * 1000),
    "nothing": lambda path: path.write_bytes(b""),
    "cut short": _truncated,
    "not there": lambda path: None,
    "a directory": lambda path: path.mkdir(),
}


@pytest.mark.parametrize("make", WRONG_TARBALLS.values(), ids=WRONG_TARBALLS.keys())
def test_what_is_no_tarball_of_a_kernel_is_the_users_mistake_and_named(
    make: Callable[[Path], object], tmp_path: Path, store: TreeStore
) -> None:
    path = tmp_path / "linux.tar.xz"
    make(path)
    for _ in range(2):  # what was imported before it broke off does not count the second time either
        with pytest.raises(InputError, match=r"linux\.tar\.xz") as error:
            store.add_tarball(path)
        assert len(str(error.value).splitlines()) <= 2


# --- directories --------------------------------------------------------------------------------


def test_a_directory_is_the_tree_that_git_would_commit(tmp_path: Path, store: TreeStore) -> None:
    top = tmp_path / "linux"
    repository = Repository(top)
    for name in ODD_NAMES:
        (top / name).write_text(name)
    (top / "link").symlink_to("nowhere")
    (top / "link-to-directory").symlink_to("d")
    repository.commit("all", {"d/run": "x", "d/e/f": "y"})
    (top / "d/run").chmod(0o755)
    repository.commit("executable")
    assert store.add_directory(top) == repository.tree()


def test_a_directory_is_read_once_and_again_when_something_changed(tmp_path: Path, store: TreeStore) -> None:
    top = tmp_path / "linux"
    top.mkdir()
    (top / "a").write_text("one")
    os.utime(top / "a", (1, 1))
    first = store.add_directory(top)
    before = snapshot(store.path)
    assert store.add_directory(top) == first
    assert snapshot(store.path) == before
    (top / "a").write_text("two")
    second = store.add_directory(top)
    (top / "b").write_text("new")
    third = store.add_directory(top)
    (top / "b").chmod(0o755)
    fourth = store.add_directory(top)
    assert len({first, second, third, fourth}) == 4
    assert listed(store, fourth) == {"a": ("100644", b"two"), "b": ("100755", b"new")}


BUILT = [".config", "include/config/auto.conf", "arch/x86/include/generated/asm/bug.h"]


@pytest.mark.parametrize("left", BUILT)
def test_a_directory_that_was_built_in_is_refused_with_the_remedy(left: str, tmp_path: Path, store: TreeStore) -> None:
    (tmp_path / "linux" / left).parent.mkdir(parents=True)
    (tmp_path / "linux" / left).touch()
    with pytest.raises(InputError, match="mrproper"):
        store.add_directory(tmp_path / "linux")


@pytest.mark.parametrize("left", BUILT)
@pytest.mark.parametrize("top", ["linux", "./linux"])
def test_a_tarball_of_what_was_built_in_is_refused_as_well(
    left: str, top: str, tmp_path: Path, store: TreeStore
) -> None:
    files = [(f"{top}/Makefile", b"x\n", 0o644), (f"{top}/{left}", b"CONFIG_X=y\n", 0o644)]
    path = tarball(tmp_path / "linux.tar", *files)
    said = rf"^{path} has been built in: it has {left}\n  make mrproper there, and pack it anew$"
    with pytest.raises(InputError, match=said):
        store.add_tarball(path)


def test_a_configuration_of_something_else_is_a_file_as_others_are(tmp_path: Path, store: TreeStore) -> None:
    names = (
        "tools/.config",
        "include/config.h",
        "arch/x86/include/generated.h",
        "tools/arch/x86/include/generated/a.h",
    )
    files = [(f"linux/{name}", b"x\n", 0o644) for name in names]
    assert len(listed(store, store.add_tarball(tarball(tmp_path / "linux.tar", *files)))) == len(names)


# --- repositories -------------------------------------------------------------------------------


def snapshot(top: Path) -> dict[str, tuple[int, int]]:
    """Every file below a directory with its size and time."""
    return {str(path): (path.lstat().st_size, path.lstat().st_mtime_ns) for path in top.rglob("*") if not path.is_dir()}


def test_a_repository_that_is_gone_is_complained_of_by_nobody(store: TreeStore, repository: Repository) -> None:
    tree = store.tree_of(repository.commit("state", {"a.c": "one\n"}))
    assert store.has(tree)
    shutil.rmtree(repository.path)
    again = TreeStore(store.path)
    assert not again.has(tree)
    assert b"alternate" not in again.git("cat-file", "-e", tree, statuses=ANSWERS).stderr


@pytest.mark.parametrize("reason", [errno.ENOTCONN, errno.ESTALE, errno.EACCES])
def test_a_repository_on_a_mount_that_is_dead_is_gone(
    store: TreeStore, repository: Repository, monkeypatch: pytest.MonkeyPatch, reason: int
) -> None:
    real = os.stat

    def stat(path: str | Path, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> os.stat_result:
        if str(path).startswith(str(repository.path)):
            raise OSError(reason, os.strerror(reason), str(path))
        return real(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks)

    tree = store.tree_of(repository.commit("state", {"a.c": "one\n"}))
    with monkeypatch.context() as dead:
        dead.setattr("os.stat", stat)
        again = TreeStore(store.path)
    assert not again.has(tree)
    assert not (store.path / "objects" / "info" / "alternates").read_text()


def test_a_users_repository_is_read_and_never_written_to(tmp_path: Path, store: TreeStore) -> None:
    repository = Repository(tmp_path / "linux")
    base, one, two = (repository.commit(text, {"a": text}) for text in ("base\n", "one\n", "two\n"))
    before = snapshot(repository.path)
    store.add_repository(repository.path)
    store.add_repository(repository.path)
    trees = [store.tree_of(commit) for commit in (base, one, two)]
    store.revert(trees[2], trees[0], trees[1])
    store.cherry_pick(trees[2], trees[0], trees[1])
    store.apply(trees[0], b"--- a/a\n+++ b/a\n@@ -1 +1 @@\n-base\n+new\n")
    store.check_out(trees[1], tmp_path / "source", tmp_path / "index")
    assert snapshot(repository.path) == before
    alternates = (store.path / "objects" / "info" / "alternates").read_text().splitlines()
    assert alternates == [str((repository.path / ".git" / "objects").resolve())]


def test_the_objects_of_a_worktree_and_of_a_bare_clone_are_found(tmp_path: Path, store: TreeStore) -> None:
    repository = Repository(tmp_path / "linux")
    commit = repository.commit("base", {"a": "a\n"})
    repository.git("worktree", "add", "--quiet", str(tmp_path / "worktree"))
    repository.git("clone", "--quiet", "--bare", str(repository.path), str(tmp_path / "bare"))
    for number, path in enumerate((tmp_path / "worktree", tmp_path / "bare")):
        own = TreeStore(tmp_path / f"store{number}")
        own.add_repository(path)
        assert own.tree_of(commit) == repository.tree()


def test_what_is_no_repository_is_the_users_mistake(tmp_path: Path, store: TreeStore) -> None:
    with pytest.raises(InputError, match="is not a git repository"):
        store.add_repository(tmp_path)


def test_an_unknown_revision_is_the_users_mistake(store: TreeStore) -> None:
    with pytest.raises(InputError, match=r"no such revision: v7\.0"):
        store.tree_of("v7.0")


def test_nobodys_git_configuration_matters(
    tmp_path: Path, store: TreeStore, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A ~/.gitconfig, a GIT_DIR of a hook that calls us, a language."""
    tree = store.tree_of(repository.commit("base", {"file": "line 1\n"}))
    diff = b"--- a/file\n+++ b/file\n@@ -1 +1 @@\n-line 1\n+line one  \n"
    plain = store.apply(tree, diff)
    (tmp_path / ".gitconfig").write_text("[apply]\n\twhitespace = fix\n[core]\n\tautocrlf = true\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")
    monkeypatch.setenv("LANGUAGE", "de")
    assert TreeStore(store.path).apply(tree, diff) == plain


# --- questions about trees ----------------------------------------------------------------------


def test_changed_paths_are_those_that_differ_and_renames_are_two(store: TreeStore, repository: Repository) -> None:
    base = repository.commit("base", {"a": BODY, "b": "b\n", "c": "c\n"})
    tip = repository.commit("tip", {"a": None, "ä/a": BODY, "b": "x\n"})
    assert store.changed_paths(store.tree_of(base), store.tree_of(tip)) == ("a", "b", "ä/a")
    assert store.changed_paths(store.tree_of(base), store.tree_of(base)) == ()


def test_a_file_of_a_tree_is_there_or_none(store: TreeStore, repository: Repository) -> None:
    tree = store.tree_of(repository.commit("base", {"d/a": b"\0\xff"}))
    assert store.file(tree, "d/a") == b"\0\xff"
    assert store.file(tree, "d/b") is None
    assert store.file(tree, "d") is None


# --- checking out for a build -------------------------------------------------------------------


@pytest.fixture
def versions(store: TreeStore, repository: Repository) -> Iterator[dict[str, str]]:
    """Trees by name: "two" changes b, adds n, and takes z away."""
    contents: Files = {"a": "a\n", "b": "b\n", "d/z": "z\n", "run": "run\n"}
    one = repository.commit("one", contents)
    two = repository.commit("two", {"b": "b, changed\n", "n": "new\n", "d/z": None})
    yield {"one": store.tree_of(one), "two": store.tree_of(two)}


def held(top: Path) -> dict[str, bytes]:
    return {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if path.is_file()}


def contents(store: TreeStore, tree: str) -> dict[str, bytes]:
    return {name: data for name, (_, data) in listed(store, tree).items()}


@pytest.mark.parametrize("untouched", [False, True])
def test_check_out_writes_only_the_files_that_differ(
    store: TreeStore, versions: dict[str, str], tmp_path: Path, untouched: bool
) -> None:
    source, index = tmp_path / "source", tmp_path / "index"
    store.check_out(versions["one"], source, index, untouched=untouched)
    assert held(source) == contents(store, versions["one"])
    before = snapshot(source)
    inodes = {path: path.stat().st_ino for path in (source / "a", source / "run")}
    store.check_out(versions["two"], source, index, untouched=untouched)
    assert held(source) == contents(store, versions["two"])
    after = snapshot(source)
    same = {name for name in before.keys() & after.keys() if before[name] == after[name]}
    assert same == {str(source / "a"), str(source / "run")}
    assert {path: path.stat().st_ino for path in inodes} == inodes
    store.check_out(versions["two"], source, index, untouched=untouched)
    assert snapshot(source) == after


@pytest.mark.parametrize("untouched", [False, True])
def test_check_out_of_the_same_tree_after_another_restores_it(
    store: TreeStore, versions: dict[str, str], tmp_path: Path, untouched: bool
) -> None:
    for name in ("one", "two", "one", "one", "two"):
        store.check_out(versions[name], tmp_path / "source", tmp_path / "index", untouched=untouched)
        assert held(tmp_path / "source") == contents(store, versions[name])


def test_a_check_out_after_another_ones_or_of_another_one_makes_good_what_it_finds(
    store: TreeStore, versions: dict[str, str], tmp_path: Path
) -> None:
    source, index = tmp_path / "source", tmp_path / "index"
    other = TreeStore(store.path)
    for name in ("one", "two"):
        store.check_out(versions[name], source, index, untouched=True)
    other.check_out(versions["one"], source, index, untouched=True)
    store.check_out(versions["two"], source, index, untouched=True)
    assert held(source) == contents(store, versions["two"])
    (source / "a").write_text("not as it was left\n")
    other.check_out(versions["two"], source, index, untouched=True)
    assert held(source) == contents(store, versions["two"])


def test_a_check_out_that_goes_on_from_its_last_makes_good_what_it_has_to_write(
    store: TreeStore, versions: dict[str, str], tmp_path: Path
) -> None:
    source, index = tmp_path / "source", tmp_path / "index"
    store.check_out(versions["one"], source, index, untouched=True)
    differs = next(path for path in store.changed_paths(versions["one"], versions["two"]) if (source / path).is_file())
    (source / differs).write_text("not as it was left\n")
    store.check_out(versions["two"], source, index, untouched=True)
    assert held(source) == contents(store, versions["two"])


def test_a_check_out_moves_no_branch_that_another_one_may_be_moving(
    store: TreeStore, versions: dict[str, str], tmp_path: Path
) -> None:
    for name in versions:
        store.check_out(versions[name], tmp_path / name / "source", tmp_path / name / "index")
    assert store.git("rev-parse", "--quiet", "--verify", "HEAD", statuses=ANSWERS).returncode != 0


def test_a_check_out_has_the_time_that_many_files_take(
    store: TreeStore, versions: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From nothing, which compares and cleans, too: no more than a question may take would be enough for a kernel."""
    monkeypatch.setattr(git, "SECONDS", 0.0)
    store.check_out(versions["one"], tmp_path / "source", tmp_path / "index")
    monkeypatch.undo()
    assert held(tmp_path / "source") == contents(store, versions["one"])


def test_an_interrupted_check_out_is_made_good_by_the_next(
    store: TreeStore, versions: dict[str, str], tmp_path: Path
) -> None:
    """Killed in the middle: git's lock and our mark are there, one file is half written, one is gone."""
    source, index = tmp_path / "source", tmp_path / "index"
    store.check_out(versions["one"], source, index)
    (tmp_path / "index.unsure").touch()
    (tmp_path / "index.lock").touch()
    (source / "a").write_text("a, half wri")
    (source / "b").unlink()
    untouched = snapshot(source / "d")
    store.check_out(versions["one"], source, index)
    assert held(source) == contents(store, versions["one"])
    assert snapshot(source / "d") == untouched
    assert not (tmp_path / "index.unsure").exists()


def test_a_check_out_whose_index_is_gone_is_made_anew(
    store: TreeStore, versions: dict[str, str], tmp_path: Path
) -> None:
    source, index = tmp_path / "source", tmp_path / "index"
    store.check_out(versions["one"], source, index)
    index.unlink()
    (source / "a").write_text("something else")
    store.check_out(versions["one"], source, index)
    assert held(source) == contents(store, versions["one"])


def test_a_file_of_a_check_out_that_was_killed_does_not_stay(
    store: TreeStore, versions: dict[str, str], tmp_path: Path
) -> None:
    source, index = tmp_path / "source", tmp_path / "index"
    store.check_out(versions["one"], source, index)
    (tmp_path / "index.unsure").touch()
    (source / "n").write_text("new\n")  # what "two" has, written before git wrote its index
    store.check_out(versions["one"], source, index)
    assert held(source) == contents(store, versions["one"])


def test_a_name_that_is_no_utf8_is_kept(tmp_path: Path, store: TreeStore) -> None:
    top = tmp_path / "linux"
    top.mkdir()
    (top / os.fsdecode(b"\xe9")).write_text("x")
    expected = {os.fsdecode(b"\xe9"): ("100644", b"x")}
    assert listed(store, store.add_directory(top)) == expected
    with tarfile.open(tmp_path / "linux.tar", "w", format=tarfile.GNU_FORMAT) as archive:
        archive.add(top, "linux")
    assert listed(store, store.add_tarball(tmp_path / "linux.tar")) == expected


def test_a_hard_link_in_a_tarball_is_not_dropped_without_a_word(tmp_path: Path, store: TreeStore) -> None:
    top = tmp_path / "linux"
    top.mkdir()
    (top / "a").write_text("x")
    os.link(top / "a", top / "b")
    with tarfile.open(tmp_path / "linux.tar", "w") as archive:
        archive.add(top, "linux")
    with pytest.raises(InputError, match=r"linux/[ab] is neither a file nor a link nor a directory"):
        store.add_tarball(tmp_path / "linux.tar")


@pytest.mark.timeout(60)
def test_a_pipe_in_a_tree_keeps_nobody_waiting_and_is_named(tmp_path: Path, store: TreeStore) -> None:
    (tmp_path / "linux" / "init").mkdir(parents=True)
    os.mkfifo(tmp_path / "linux" / "init" / "main.c")
    with pytest.raises(InputError, match=r"init/main\.c is neither a file nor a link nor a directory"):
        store.add_directory(tmp_path / "linux")


def test_a_tarball_without_a_top_directory_is_the_users_mistake(tmp_path: Path, store: TreeStore) -> None:
    with pytest.raises(InputError):
        store.add_tarball(tarball(tmp_path / "linux.tar", ("Makefile", b"x", 0o644)))


@pytest.mark.parametrize("cut", [3584, 3684, 4000])
def test_a_plain_tarball_that_is_cut_short_is_refused(cut: int, tmp_path: Path, store: TreeStore) -> None:
    path = tarball(tmp_path / "linux.tar", *((f"linux/{one}", b"x" * 3000, 0o644) for one in range(9)), mode="w")
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError):
        store.add_tarball(path)


def test_what_is_checked_out_is_what_is_in_the_tree_whatever_another_tree_says_of_it(tmp_path: Path) -> None:
    repository = Repository(tmp_path / "linux")
    store = TreeStore(tmp_path / "trees.git")
    store.add_repository(repository.path)
    text = "int main(void); /* $Id$ */\n"
    theirs = store.tree_of(repository.commit("theirs", {"main.c": text, ".gitattributes": "*.c text eol=crlf ident\n"}))
    base = store.tree_of(repository.commit("base", {"main.c": text, ".gitattributes": None}))
    for tree in (store.tree_of(repository.commit("old", {"main.c": "old\n"})), theirs, base):
        store.check_out(tree, tmp_path / "source", tmp_path / "index")
        seen = (tmp_path / "source" / "main.c").read_bytes()
    assert seen == text.encode()


# --- names that are no text ---------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True], ids=["folder", "tarball"])
def test_a_source_may_have_names_and_links_that_are_no_text(tmp_path: Path, packed: bool) -> None:
    top, strange = tmp_path / "linux", os.fsdecode(b"\xff\xe4")
    top.mkdir()
    (top / strange).write_text("x\n")
    (top / "link").symlink_to(strange)
    store = TreeStore(tmp_path / "trees.git")
    if packed:
        with tarfile.open(tmp_path / "linux.tar", "w") as archive:
            archive.add(top, "linux")
    tree = store.add_tarball(tmp_path / "linux.tar") if packed else store.add_directory(top)
    store.check_out(tree, tmp_path / "out", tmp_path / "index")
    assert (tmp_path / "out" / strange).read_text() == "x\n"
    assert os.readlink(os.fsencode(tmp_path / "out" / "link")) == os.fsencode(strange)
    assert store.changed_paths(tree, store.with_file(tree, strange, b"y\n")) == ("\ufffd\ufffd",)
