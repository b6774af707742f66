# SPDX-License-Identifier: GPL-2.0-only
"""A store of trees in which a bit has flipped, or a file was cut: nothing wrong comes out of it, and it is named."""

import contextlib
import functools
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kseries.host import cachelock
from kseries.model.errors import InfraError
from kseries.sources import ApplyError, TreeStore, corruption
from kseries.sources.manytrees import ManyTrees
from tests.support.corruption import cut
from tests.support.gitrepo import Repository

DIFF = b"--- a/Makefile\n+++ b/Makefile\n@@ -1 +1,2 @@\n VERSION = 6\n+# 1\n"
FILES = {"Makefile": "VERSION = 6\n", "lib/a.c": "int a;\nint b;\n"}
KINDS = (
    "objects/pack/*.pack",
    "objects/pack/*.idx",
    "objects/??/*",
    "refs/imports/*",
    "config",
    "HEAD",
    "info/attributes",
)
UNREAD = ("HEAD", "info/attributes")
"""Where half is as good as the whole: the name of a branch that is not there, and what is written each time."""
PLACES = 12
"""In a file in which a bit is flipped, each time from the first."""


class Case:
    """A small tree, a patch to it, and a store that has both."""

    def __init__(self, place: Path) -> None:
        self.source = place / "source"
        for name, text in FILES.items():
            (self.source / name).parent.mkdir(parents=True, exist_ok=True)
            (self.source / name).write_text(text)
        self.whole = place / "whole.git"
        store = TreeStore(self.whole)
        self.base = store.add_directory(self.source)
        self.patched = store.apply(self.base, DIFF)
        self.store = place / "trees.git"

    def damaged(self, file: Path, how: Callable[[bytes], bytes]) -> TreeStore:
        shutil.rmtree(self.store, ignore_errors=True)
        shutil.copytree(self.whole, self.store)
        place = self.store / file.relative_to(self.whole)
        place.chmod(0o644)
        place.write_bytes(how(place.read_bytes()))
        return TreeStore(self.store)


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(tmp_path_factory.mktemp("damage"))


def imported(store: TreeStore, case: Case) -> None:
    assert store.add_directory(case.source) == case.base


def applied(store: TreeStore, case: Case) -> None:
    assert ManyTrees(store).apply_all(case.base, [DIFF]) == ([case.patched], None)


def checked_out(store: TreeStore, case: Case) -> None:
    place = store.path.with_name("checked-out")
    shutil.rmtree(place, ignore_errors=True)
    index = place.with_name("index")
    for path in (index, index.with_suffix(".unsure")):
        path.unlink(missing_ok=True)
    store.check_out(case.patched, place, index)
    found = {str(path.relative_to(place)): path.read_text() for path in place.rglob("*") if path.is_file()}
    assert found == {**FILES, "Makefile": FILES["Makefile"] + "# 1\n"}


def met(store: TreeStore, case: Case) -> int:
    """How often the damage was met, of which all else must know nothing."""
    count = 0
    for step in (imported, applied, checked_out):
        try:
            step(store, case)
        except InfraError as error:
            assert str(error).endswith("\n  it is damaged: the next run makes it again"), error
            count += 1
    return count


def flipped(number: int, data: bytes) -> bytes:
    at = number * len(data) // PLACES
    return data[:at] + bytes([data[at] ^ 1 << number % 8]) + data[at + 1 :]


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_out_of_a_damaged_store_is_right_or_an_error_that_names_it(case: Case, kind: str) -> None:
    files = [path for path in case.whole.glob(kind) if path.is_file()]
    assert files
    assert any(met(case.damaged(file, cut), case) for file in files) == (kind not in UNREAD)
    for file, number in itertools.product(files[:2], range(PLACES)):
        met(case.damaged(file, functools.partial(flipped, number)), case)


def test_what_is_whole_is_not_called_damaged(case: Case) -> None:
    assert met(case.damaged(case.whole / "HEAD", bytes), case) == 0


# --- what is no damage --------------------------------------------------------------------------

BINARY = """diff --git a/new b/new
new file mode 100644
index 0000000000000000000000000000000000000000..%s
GIT binary patch
literal 4
LcmZQzWMT#Y01f~L

literal 0
HcmV?d00001

"""
HUNK = "@@ -1 +1,2 @@\n VERSION = 6\n+# 1\n"
NO_FIT = {
    "a binary that does not inflate": BINARY % ("1" * 40),
    "no name": f"--- /dev/null\n+++ a/\n{HUNK}",
    "a name like an error": f"--- a/bad object x\n+++ b/bad object x\n{HUNK}",
    "an error in a name": f'--- "a/x\nerror: bad object y"\n+++ "b/x\nerror: bad object y"\n{HUNK}',
    "another file": DIFF.decode().replace("VERSION = 6", "VERSION = 5"),
}


@pytest.mark.parametrize("diff", NO_FIT.values(), ids=list(NO_FIT))
def test_a_patch_that_does_not_fit_has_nobody_suspect_the_store(case: Case, diff: str) -> None:
    store = case.damaged(case.whole / "HEAD", bytes)
    with pytest.raises(ApplyError):
        store.apply(case.base, diff.encode())
    trees, error = ManyTrees(store).apply_all(case.base, [diff.encode()])
    assert (trees, type(error)) == ([], ApplyError)
    assert not discarded(case.store)


def test_a_patch_to_what_a_lender_has_lost_is_not_said_not_to_fit(case: Case, tmp_path: Path) -> None:
    """In a partial clone, say: the store is whole, and to make it again would be of no use."""
    lender = Repository(tmp_path / "lender")
    lender.commit("base", FILES)
    store = TreeStore(tmp_path / "trees.git")
    store.add_repository(lender.path)
    base = store.tree_of(lender.git("rev-parse", "HEAD"))
    blob = lender.git("rev-parse", "HEAD:Makefile")
    (lender.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    with pytest.raises(InfraError, match=f"is what it borrows whole.*{lender.path}/.git/objects"):
        store.apply(base, DIFF)
    with pytest.raises(InfraError, match="is what it borrows whole"):
        ManyTrees(store).apply_all(base, [DIFF])
    assert not discarded(store.path)


def test_a_lender_that_goes_in_the_midst_of_a_run_is_named(case: Case, tmp_path: Path) -> None:
    lender = Repository(tmp_path / "lender")
    lender.commit("base", {**FILES, "Makefile": "VERSION = 7\n"})
    store = case.damaged(case.whole / "HEAD", bytes)
    store.add_repository(lender.path)
    base = store.tree_of(lender.git("rev-parse", "HEAD"))
    lender.path.rename(tmp_path / "elsewhere")
    with pytest.raises(InfraError, match=f"{lender.path}/.git/objects"):
        store.answer("read-tree", base, index=tmp_path / "index")
    assert met(store, case) == 0 and not discarded(store.path)


@pytest.mark.parametrize("name", [b"a\nb", b'"c\\"', b"\xff:;,", b"d\x85\r"])
def test_a_lender_may_lie_anywhere(tmp_path: Path, name: bytes) -> None:
    place = tmp_path / os.fsdecode(name)
    lender = Repository(place / "lender")
    lender.commit("base", FILES)
    store = TreeStore(place / "trees.git")
    store.add_repository(lender.path)
    again = TreeStore(place / "trees.git")
    again.add_repository(lender.path)
    base = again.tree_of(lender.git("rev-parse", "HEAD"))
    assert again.file(base, "Makefile") == b"VERSION = 6\n"
    assert ManyTrees(again).apply_all(base, [DIFF])[1] is None
    assert (again.path / "objects" / "info" / "alternates").read_bytes().count(b"objects") == 1
    shutil.rmtree(lender.path)
    assert TreeStore(place / "trees.git")._borrowed() == []


GITS = {
    "cannot start": "echo git: error while loading shared libraries: libz.so.1 >&2; exit 127",
    "finds no memory": "echo fatal: Out of memory, malloc failed >&2; exit 128",
    "is killed": "kill -9 $$",
    "ends and says nothing": "exit 1",
    "prints, and fails at last": "echo warning: so it goes >&2; %s; exit 1",
}


@pytest.mark.parametrize("script", GITS.values(), ids=list(GITS))
def test_a_git_that_fails_is_no_word_about_the_store(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    store = case.damaged(case.whole / "HEAD", bytes)
    program = tmp_path / "tools" / "git"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n" + script.replace("%s", f'{shutil.which("git")} "$@"'))
    program.chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        with pytest.raises(InfraError, match=f"^git [a-z-]+ failed in {store.path}: .+\n.+ stay: "):
            store.add_directory(case.source)
    assert met(store, case) == 0 and not discarded(store.path)


def test_a_git_that_may_not_be_run_is_named(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = case.damaged(case.whole / "HEAD", bytes)
    (tmp_path / "git").mkdir()  # execve(2): EACCES for what is no regular file
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InfraError, match=r"^cannot run git: Permission denied"):
        store.has(case.base)
    assert not discarded(store.path)


def test_what_the_dynamic_linker_says_is_not_git_s(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    store = case.damaged(case.whole / "HEAD", bytes)
    monkeypatch.setenv("LD_PRELOAD", "/nowhere/x.so")
    assert met(store, case) == 0 and not discarded(store.path)
    assert not store.has("1" * 40)


def test_git_does_not_need_the_folder_that_we_were_started_in(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = case.damaged(case.whole / "HEAD", bytes)
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert met(store, case) == 0 and not discarded(store.path)


# --- made anew ----------------------------------------------------------------------------------


def discarded(store: Path) -> bool:
    told: list[str] = []
    corruption.discard(store, lambda: told.append("discarded"))
    assert bool(told) == (not store.exists())
    return not store.exists()


def test_a_store_that_is_marked_goes_once_nobody_else_is_at_work(tmp_path: Path) -> None:
    store = TreeStore(tmp_path / "trees.git").path
    assert not discarded(store), "it is not marked"
    corruption.mark(store)
    with cachelock.shared(tmp_path, lambda: None):
        assert not discarded(store)
    assert discarded(store)
    TreeStore(store)
    assert not discarded(store), "it is another"


def test_a_store_that_was_made_anew_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = TreeStore(tmp_path / "trees.git").path
    corruption.mark(store)

    @contextlib.contextmanager
    def after_another(_cache: Path) -> Iterator[None]:
        shutil.rmtree(store)
        TreeStore(store)
        yield

    monkeypatch.setattr(cachelock, "alone", after_another)
    assert not discarded(store)
