# SPDX-License-Identifier: GPL-2.0-only
"""Trees that go from one store to another as packs: the same there, small where little is new, and never in part."""

import io
import multiprocessing
import os
import random
import signal
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from kseries.cache.gc.trees import Trees
from kseries.host import disk
from kseries.model.errors import DiskFullError, InfraError
from kseries.sources import TreeStore, fsck, packs
from tests.support import corruption
from tests.support.gitrepo import Repository, lines

LARGE = "".join(f"{number} {random.Random(number).random()}\n" for number in range(6000))
NOISE = random.Random(1).randbytes(70_000)
BASE: dict[str, str | bytes | None] = {
    "Makefile": "VERSION = 6\n",
    "drivers/large.c": LARGE,
    "drivers/small.c": lines(),
    "drivers/gone.c": lines(30),
    "firmware.bin": NOISE,
}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "linux")
    repository.commit("base", BASE)
    return repository


@pytest.fixture
def home(tmp_path: Path, repository: Repository) -> TreeStore:
    store = TreeStore(tmp_path / "home.git")
    store.add_repository(repository.path)
    return store


@pytest.fixture
def there(tmp_path: Path) -> TreeStore:
    """The store of another host."""
    return TreeStore(tmp_path / "there.git")


def sent(pieces: Iterable[bytes], store: TreeStore) -> int:
    """Take what is sent; how many bytes that were."""
    data = b"".join(pieces)
    packs.take(store, io.BytesIO(data))
    return len(data)


def listed(store: TreeStore, tree: str) -> bytes:
    """All that is in a tree, each object of which is read."""
    names = store.git("ls-tree", "-r", "-t", "-z", tree).stdout
    for row in names.split(b"\0")[:-1]:
        store.git("cat-file", row.split()[1].decode(), row.split()[2].decode())
    return names


def objects(store: TreeStore) -> set[str]:
    """What files a store has in its folder of objects."""
    top = store.path / "objects"
    return {str(path.relative_to(top)) for path in top.rglob("*") if path.is_file()} - {"info/alternates"}


def left(store: TreeStore) -> list[Path]:
    return [*store.path.glob("scratch-*")]


def renamed(top: Path) -> None:
    (top / "drivers/small.c").rename(top / "drivers/other.c")


def executable(top: Path) -> None:
    (top / "drivers/small.c").chmod(0o755)


def linked(top: Path) -> None:
    (top / "drivers/small.c").unlink()
    (top / "drivers/small.c").symlink_to("large.c")


def put(name: str, contents: bytes) -> Callable[[Path], None]:
    def write(top: Path) -> None:
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(contents)

    return write


SHAPES: dict[str, Callable[[Path], None]] = {
    "rename": renamed,
    "mode": executable,
    "link": linked,
    "new folder": put("net/a/b/c.c", b"int c;\n"),
    "deleted": lambda top: (top / "drivers/gone.c").unlink(),
    "binary": put("firmware.bin", NOISE[:40_000] + b"\0\1\2" + NOISE[40_000:]),
    "empty file": put("net/Kbuild", b""),
    "strange name": put("drivers/a b\nc\xe4".encode("latin-1").decode("utf-8", "surrogateescape"), b"x\n"),
    "nothing": lambda _: None,
}


def changed(repository: Repository, change: Callable[[Path], None]) -> str:
    change(repository.path)
    repository.commit("change")
    return repository.tree()


def line_of_large(number: int) -> Callable[[Path], None]:
    return put("drivers/large.c", LARGE.replace(f"\n{number} ", f"\n{number} changed ").encode())


# --- the same there -----------------------------------------------------------------------------


def test_a_whole_pack_brings_all_of_a_tree(home: TreeStore, there: TreeStore, repository: Repository) -> None:
    base = repository.tree()
    pieces = [*packs.whole(home, base)]
    sent(pieces, there)
    assert listed(there, base) == listed(home, base)
    assert packs.lacking(there, [base]) == ()


@pytest.mark.parametrize("shape", SHAPES)
def test_a_thin_pack_brings_the_rest_of_a_tree(
    home: TreeStore, there: TreeStore, repository: Repository, shape: str
) -> None:
    base = repository.tree()
    sent(packs.whole(home, base), there)
    tree = changed(repository, SHAPES[shape])
    assert sent(packs.thin(home, [tree], base), there) < 1500
    assert listed(there, tree) == listed(home, tree)
    assert packs.lacking(there, [tree], base) == ()


def test_no_commit_is_made_on_either_side(home: TreeStore, there: TreeStore, repository: Repository) -> None:
    base = repository.tree()
    tree = changed(repository, renamed)
    sent(packs.whole(home, base), there)
    sent(packs.thin(home, [tree], base), there)
    assert objects(home) == set()
    assert "commit" not in there.answer("cat-file", "--batch-check", "--batch-all-objects").decode()


def test_what_git_has_as_a_delta_is_whole_there(home: TreeStore, there: TreeStore, repository: Repository) -> None:
    for number in range(5):
        tree = changed(repository, line_of_large(100 + number))
    repository.git("repack", "-a", "-d", "-q")
    sent(packs.whole(home, tree), there)
    assert listed(there, tree) == listed(home, tree)


# --- small --------------------------------------------------------------------------------------


def test_a_line_of_a_large_file_costs_little(home: TreeStore, there: TreeStore, repository: Repository) -> None:
    base = repository.tree()
    full = sent(packs.whole(home, base), there)
    tree = changed(repository, line_of_large(3000))
    thin = sent(packs.thin(home, [tree], base), there)
    assert thin < 4096
    assert full > 50_000
    assert listed(there, tree) == listed(home, tree)


def test_many_states_go_in_one_pack(home: TreeStore, there: TreeStore, repository: Repository) -> None:
    base = repository.tree()
    sent(packs.whole(home, base), there)
    trees = [changed(repository, line_of_large(number)) for number in range(100, 120)]
    assert sent(packs.thin(home, trees, base), there) < 20 * 1024
    assert packs.lacking(there, trees, base) == ()
    assert [listed(there, tree) for tree in trees] == [listed(home, tree) for tree in trees]


def test_a_pack_is_the_same_however_the_trees_are_stored(
    home: TreeStore, repository: Repository, tmp_path: Path
) -> None:
    base = repository.tree()
    trees = [changed(repository, line_of_large(number)) for number in range(100, 110)]
    first = b"".join(packs.thin(home, trees, base))
    assert b"".join(packs.thin(home, trees, base)) == first
    repository.git("repack", "-a", "-d", "-q", "-f", "--depth=50")
    assert b"".join(packs.thin(home, trees, base)) == first


def test_a_pack_comes_in_pieces_as_git_writes_it(
    home: TreeStore, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs, "_CHUNK", 4096)
    pieces = packs.whole(home, repository.tree())
    assert len(next(pieces)) == 4096
    pieces.close()  # type: ignore[attr-defined]
    assert len([*packs.whole(home, repository.tree())]) > 20


# --- never in part ------------------------------------------------------------------------------


@pytest.mark.parametrize("thin", [False, True])
@pytest.mark.parametrize("damage", [corruption.cut, corruption.bit, lambda data: data[:-1], lambda _: b""])
def test_a_damaged_pack_leaves_nothing(
    home: TreeStore, there: TreeStore, repository: Repository, thin: bool, damage: Callable[[bytes], bytes]
) -> None:
    base = repository.tree()
    tree = changed(repository, line_of_large(3000))
    if thin:
        sent(packs.whole(home, base), there)
    data = b"".join(packs.thin(home, [tree], base) if thin else packs.whole(home, base))
    before = objects(there)
    with pytest.raises(InfraError, match="has to be sent anew"):
        packs.take(there, io.BytesIO(damage(data)))
    assert objects(there) == before
    assert left(there) == []
    assert not (there.path / "damaged").exists()
    packs.take(there, io.BytesIO(data))
    assert packs.lacking(there, [tree if thin else base]) == ()


def test_a_pack_whose_base_is_not_there_is_refused(home: TreeStore, there: TreeStore, repository: Repository) -> None:
    base = repository.tree()
    tree = changed(repository, line_of_large(3000))
    with pytest.raises(InfraError, match="rests on what is not here"):
        sent(packs.thin(home, [tree], base), there)
    assert not there.has(tree)
    assert objects(there) == set()


@pytest.mark.parametrize("shape", ["deleted", "rename", "mode"])
def test_a_pack_without_deltas_is_refused_too_where_what_it_names_is_not_there(
    home: TreeStore, there: TreeStore, repository: Repository, shape: str
) -> None:
    base = repository.tree()
    tree = changed(repository, SHAPES[shape])
    asked = home.answer("rev-list", "--objects", "--stdin", stdin=f"{tree}\n^{base}\n".encode())
    plain = home.answer("pack-objects", "-q", "--stdout", stdin=asked)
    with pytest.raises(InfraError, match="rests on what is not here"):
        packs.take(there, io.BytesIO(plain))
    assert objects(there) == set()
    sent(packs.whole(home, base), there)
    packs.take(there, io.BytesIO(plain))
    assert packs.lacking(there, [tree]) == ()


def test_a_tree_that_lacks_a_file_is_told(home: TreeStore, there: TreeStore, repository: Repository) -> None:
    base = repository.tree()
    tree = changed(repository, line_of_large(3000))
    other = changed(repository, renamed)
    sent(packs.whole(home, base), there)
    sent(packs.thin(home, [tree, other], base), there)
    assert packs.lacking(there, [base, tree, other]) == ()
    assert packs.lacking(there, ["1" * 40, base], base) == ("1" * 40,)
    (pack,) = [path for path in (there.path / "objects/pack").glob("*.pack") if path.stat().st_size < 100_000]
    held = pack.read_bytes()
    for path in pack.parent.glob(f"{pack.stem}.*"):
        path.unlink()
    there.answer("unpack-objects", "-q", stdin=held)
    blob = there.git("rev-parse", f"{tree}:drivers/large.c").text
    (there.path / "objects" / blob[:2] / blob[2:]).unlink()
    assert there.has(tree)
    assert packs.lacking(there, [base, tree, other]) == (tree, other)
    assert packs.lacking(there, [other, tree], base) == (other, tree)
    assert packs.lacking(there, [base]) == ()


def test_a_damaged_store_is_marked(home: TreeStore, there: TreeStore, repository: Repository) -> None:
    base = repository.tree()
    tree = changed(repository, line_of_large(3000))
    sent(packs.whole(home, base), there)
    (pack,) = (there.path / "objects/pack").glob("*.pack")
    pack.chmod(0o644)
    pack.write_bytes(corruption.bit(pack.read_bytes()))
    with pytest.raises(InfraError):
        sent(packs.thin(home, [tree], base), there)
        packs.lacking(there, [tree])
        sent(packs.whole(home, tree), there)
        there.file(tree, "firmware.bin")
    assert fsck.damaged(there.path) is not None


def test_a_full_disk_is_told(
    home: TreeStore, there: TreeStore, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "full", lambda *_: True)
    with pytest.raises(DiskFullError):
        packs.take(there, io.BytesIO(b"PACK"))
    with pytest.raises(DiskFullError):
        [*packs.whole(home, "1" * 40)]


def test_what_home_lacks_is_told(home: TreeStore) -> None:
    with pytest.raises(InfraError, match="pack-objects"):
        [*packs.whole(home, "1" * 40)]


# --- beside others ------------------------------------------------------------------------------


def _take(store: Path, pack: Path) -> None:
    with pack.open("rb") as file:
        packs.take(TreeStore(store), file)


def test_two_may_take_the_same_at_once(
    home: TreeStore, there: TreeStore, repository: Repository, tmp_path: Path
) -> None:
    base = repository.tree()
    (tmp_path / "pack").write_bytes(b"".join(packs.whole(home, base)))
    context = multiprocessing.get_context("fork")
    both = [context.Process(target=_take, args=(there.path, tmp_path / "pack")) for _ in range(4)]
    for one in both:
        one.start()
    for one in both:
        one.join(60)
    assert [one.exitcode for one in both] == [0] * 4
    assert packs.lacking(there, [base]) == ()
    assert fsck.damaged(there.path) is None
    assert left(there) == []


def test_who_is_killed_in_the_middle_leaves_nothing_that_is_taken_for_a_tree(
    home: TreeStore, there: TreeStore, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = repository.tree()
    data = b"".join(packs.whole(home, base))

    def die(store: TreeStore, made: Path) -> None:
        (pack,) = made.glob("*.pack")
        pack.rename(store.path / "objects" / "pack" / pack.name)
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(TreeStore, "take_packs", die)
    child = multiprocessing.get_context("fork").Process(target=packs.take, args=(there, io.BytesIO(data)))
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    assert not there.has(base)
    monkeypatch.undo()
    packs.take(there, io.BytesIO(data))
    assert packs.lacking(there, [base]) == ()


# --- for long -----------------------------------------------------------------------------------


def test_gc_packs_what_was_taken_and_makes_room_as_of_others_trees(
    home: TreeStore, there: TreeStore, repository: Repository
) -> None:
    base = repository.tree()
    tree = changed(repository, line_of_large(3000))
    sent(packs.whole(home, base), there)
    sent(packs.thin(home, [tree], base), there)
    Trees(there.path).pack()
    assert packs.lacking(there, [base, tree]) == ()
    assert fsck.damaged(there.path) is None
    Trees(there.path).forget_series()
    assert packs.lacking(there, [base, tree]) == (base, tree)
    sent(packs.whole(home, base), there)
    sent(packs.thin(home, [tree], base), there)
    assert packs.lacking(there, [base, tree]) == ()


def test_small_packs_are_put_together_once_there_are_many(
    home: TreeStore, there: TreeStore, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs, "_MANY", 5)
    base = repository.tree()
    sent(packs.whole(home, base), there)
    trees = []
    for number in range(12):
        trees.append(changed(repository, line_of_large(number)))
        sent(packs.thin(home, trees[-1:], base), there)
        assert packs._count(there) < 5
    assert packs.lacking(there, [base, *trees]) == ()
    assert fsck.damaged(there.path) is None
