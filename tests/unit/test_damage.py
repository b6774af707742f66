# SPDX-License-Identifier: GPL-2.0-only
"""A store of trees in which a bit has flipped, or a file was cut: nothing wrong comes out of it, and it is named."""

import functools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from harness import cachelock
from harness.errors import InfraError
from harness.trees import TreeStore, damage
from harness.trees.manytrees import ManyTrees
from tests.faults.test_cache import bit, cut

DIFF = b"--- a/Makefile\n+++ b/Makefile\n@@ -1 +1,2 @@\n VERSION = 6\n+# 1\n"
FILES = {"Makefile": "VERSION = 6\n", "lib/a.c": "int a;\nint b;\n"}
KINDS = ("objects/pack/*.pack", "objects/pack/*.idx", "objects/??/*", "refs/imports/*", "config", "HEAD")
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
            assert f"{case.store}, or a repository that it reads, is damaged" in str(error)
            count += 1
    return count


def flipped(number: int, data: bytes) -> bytes:
    at = number * len(data) // PLACES
    return data[:at] + bytes([data[at] ^ 1 << number % 8]) + data[at + 1 :]


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_out_of_a_damaged_store_is_right_or_an_error_that_names_it(case: Case, kind: str) -> None:
    files = [path for path in case.whole.glob(kind) if path.is_file()]
    assert files
    cases: list[tuple[Path, Callable[[bytes], bytes]]] = [(file, how) for file in files for how in (cut, bit)]
    cases += [(file, functools.partial(flipped, number)) for file in files[:2] for number in range(PLACES)]
    assert sum(met(case.damaged(*each), case) for each in cases) > 0


def test_what_is_whole_is_not_called_damaged(case: Case) -> None:
    assert met(case.damaged(case.whole / "HEAD", bytes), case) == 0


@pytest.mark.parametrize(
    "said",
    [
        b"error: patch failed: lib/inflate: a:1\nerror: lib/inflate: a: patch does not apply",
        b"error: lib/inflate.c: does not exist in index",
        b"error: corrupt patch at line 7",
        b"error: invalid path '../unable to read '",
        b"fatal: Not a valid object name 0123^{tree}",
        b"fatal: path 'bad object x' does not exist in '0123'",
        b"fatal: Unable to create '/x/index.lock': File exists.",
        b"",
    ],
)
def test_what_git_says_of_a_patch_is_not_said_of_the_store(said: bytes) -> None:
    assert not damage.told(said)


def test_a_store_that_is_marked_goes_once_nobody_else_is_at_work(tmp_path: Path) -> None:
    store = tmp_path / "trees.git"
    store.mkdir()
    assert not damage.discard(store), "it is not marked"
    damage.noted(store, "git said so")
    with cachelock.shared(tmp_path, lambda: None):
        assert not damage.discard(store)
    assert store.exists()
    assert damage.discard(store) and not store.exists()
    store.mkdir()
    assert not damage.discard(store), "it is another"
