# SPDX-License-Identifier: GPL-2.0-only
"""Trees on their way from one store to another, as git packs (gitformat-pack(5)): whole ones, and what is new in some.

A pack has trees and blobs alone, no commits: a tree's id is all that anybody asks for. Where it is taken in, nothing
refers to it, as to the trees of a series: it stays until ``kseries gc`` needs room, and is sent again then.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from kseries.host import cachelock, disk
from kseries.model.errors import InfraError, in_words
from kseries.sources import git
from kseries.sources.git import FailedError
from kseries.sources.treestore import TreeStore

_CHUNK = 1 << 20
_MANY = 50
"""Packs from which on each git takes noticeably longer (gc.autoPackLimit in git-config(1))."""
# One thread: of several, who finds which delta depends on who is faster.
_PACK = ("pack-objects", "--quiet", "--stdout", "--delta-base-offset", "--threads=1")


def whole(store: TreeStore, tree: str) -> Iterator[bytes]:
    """A pack of all that a tree is made of, bit by bit as git writes it. Raises InfraError.

    What the store has as a delta goes as one; no other is looked for, which takes minutes and saves little.
    """
    return _read(store, (*_PACK, "--revs", "--window=0"), f"{tree}\n")


def thin(store: TreeStore, trees: Sequence[str], beside: str) -> Iterator[bytes]:
    """A thin pack of what some trees have that ``beside`` has not: who takes it has that. Raises InfraError.

    It is made of what differs, and so is the same however the store has it.
    """
    asked = "".join(f"{tree}\n" for tree in trees)
    new = store.answer("rev-list", "--objects", "--stdin", stdin=f"{asked}^{beside}\n".encode()).decode(
        errors="surrogateescape"
    )
    # What stands behind a minus is not packed, but is there to be the base of a delta (add_preferred_base()).
    return _read(store, (*_PACK, "--no-reuse-object"), f"-{beside}\n{new}")


def _read(store: TreeStore, words: Sequence[str], asked: str) -> Iterator[bytes]:
    try:
        with git.reading(store.path, *words, stdin=asked.encode(errors="surrogateescape")) as stream:
            while chunk := stream.read(_CHUNK):
                yield chunk
    except FailedError as error:
        raise store.trouble(error) or InfraError(f"{error}\n  are the trees whole there? run it again") from error


def take(store: TreeStore, stream: IO[bytes]) -> None:
    """Have a store hold what a pack brings, all of it or nothing. Raises InfraError, and then nothing stays.

    Also for a pack that came damaged or short, and for one that needs what neither the store has nor it brings: so each
    tree of a store has all that is in it. Two may do so at once, and whoever is killed leaves what gc knows.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="scratch-", dir=store.path) as scratch:
            _index(store, stream, Path(scratch))
            store.take_packs(Path(scratch) / "pack")
    except OSError as error:
        with disk.named(store.path):
            raise InfraError(f"cannot write to {store.path}: {in_words(error)}") from error
    _join(store)


def _index(store: TreeStore, stream: IO[bytes], objects: Path) -> None:
    """Have git check each object of a pack, and that what it names is there, and write it without its thinness."""
    # As git fetch does: what a pack brings is checked for links that lead nowhere, but not for what a stricter git
    # would rather have otherwise in a tree (git-fsck(1)), and which is built all the same.
    words = ("index-pack", "--stdin", "--fix-thin", "--check-self-contained-and-connected")
    try:
        with git.feeding(store.path, *words, objects=objects, thin=True) as git_reads:
            while chunk := stream.read(_CHUNK):
                git_reads.write(chunk)
    except FailedError as error:
        raise store.trouble(error) or InfraError(
            f"{error}\n  a pack came damaged, or rests on what is not here: it has to be sent anew, and whole"
        ) from error


def _join(store: TreeStore) -> None:
    """Put small packs together once there are many, each of them a state's; the large ones stay as they are.

    All objects stay, and whoever reads one meanwhile finds it again (git-repack(1)).
    """
    if _count(store) < _MANY:
        return
    with cachelock.one_at_a_time(store.path / "lock-packs"):
        if _count(store) >= _MANY:
            store.answer("repack", "--geometric=2", "-d", "-l", "-q")


def _count(store: TreeStore) -> int:
    return sum(1 for _ in (store.path / "objects" / "pack").glob("*.idx"))


def lacking(store: TreeStore, trees: Sequence[str], beside: str | None = None) -> tuple[str, ...]:
    """Those of some trees that are not there, or of which something is not. Raises InfraError.

    Only what ``beside`` lacks is looked at, where that is a tree that is there as a whole.
    """
    asked = "".join(f"{tree}^{{tree}}\n" for tree in trees).encode()
    rows = store.answer("cat-file", "--batch-check=%(objecttype)", stdin=asked).decode().splitlines()
    there = [tree for tree, row in zip(trees, rows, strict=True) if row == "tree"]
    # All at once, since they mostly are; a git that ends for one of them says nothing of the others.
    whole = there if _are_whole(store, there, beside) else [one for one in there if _are_whole(store, [one], beside)]
    return tuple(tree for tree in trees if tree not in set(whole))


def _are_whole(store: TreeStore, trees: Sequence[str], beside: str | None) -> bool:
    rows = [*trees, *([f"^{beside}"] if beside is not None else [])]
    asked = "".join(f"{row}\n" for row in rows).encode()
    words = ("rev-list", "--objects", "--quiet", "--stdin")
    done = store.git(*words, stdin=asked, seconds=git.BATCH_SECONDS, statuses=git.ANSWERS)
    return done.returncode == 0
