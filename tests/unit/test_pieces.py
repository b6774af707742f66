# SPDX-License-Identifier: GPL-2.0-only
"""Streams that go in pieces: cut, put together, and taken in by a cache at the last piece, or not at all."""

import fcntl
import os
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kseries.cluster import address, bases, filesets, pieces
from kseries.cluster.pieces import UNKNOWN, Piece
from kseries.host import cachelock, checksums
from kseries.model.errors import InfraError, UnavailableError
from kseries.sources import TreeStore, debian, packs
from tests.support.gitrepo import Repository, lines

SIZE = 16


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pieces of a few bytes."""
    assert address.PIECE == 4 << 20
    monkeypatch.setattr(pieces, "PIECE", SIZE)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    return tmp_path / "xdg" / "kseries"


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What the streams were that came to their ends; who takes them in is another's test."""
    found: list[bytes] = []
    monkeypatch.setitem(pieces._TAKE, "pack", lambda stream, cache: found.append(stream.read()))
    return found


def receive(name: str, *some: Piece, kind: str = "pack") -> None:
    for piece in some:
        pieces.receive(kind, name, piece.number, piece.of, piece.data)


def left(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.glob("pieces/*"))


# --- cut and put together -----------------------------------------------------------------------


@given(st.lists(st.binary(max_size=3 * SIZE), max_size=8))
def test_a_stream_is_cut_into_pieces_of_one_size_that_are_numbered(chunks: list[bytes]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "PIECE", SIZE)
        found = [*pieces.cut(chunks)]
    assert b"".join(piece.data for piece in found) == b"".join(chunks)
    assert [piece.number for piece in found] == [*range(len(found))]
    assert {len(piece.data) for piece in found[:-1]} <= {SIZE} and len(found[-1].data) <= SIZE
    assert [piece.of for piece in found] == [UNKNOWN] * (len(found) - 1) + [len(found)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(st.binary(max_size=5 * SIZE), st.randoms(use_true_random=False))
def test_pieces_of_several_streams_make_each_of_them(
    cache: Path, taken: list[bytes], data: bytes, order: random.Random
) -> None:
    streams = {"a": data, "b": data[::-1], "c": b"x"}
    todo = {name: [*pieces.cut([stream])] for name, stream in streams.items()}
    taken.clear()
    while any(todo.values()):
        name = order.choice([name for name, rest in todo.items() if rest])
        receive(name, todo[name].pop(0))
    assert sorted(taken) == sorted(streams.values())
    assert left(cache) == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.integers(2, 5), st.data())
def test_any_other_order_is_refused_or_makes_the_same(
    cache: Path, taken: list[bytes], count: int, data: st.DataObject
) -> None:
    stream = bytes(range(count * SIZE - 3))
    cut = [*pieces.cut([stream])]
    sent = data.draw(st.lists(st.sampled_from(cut), min_size=1, max_size=8))
    taken.clear()
    for piece in sent:
        try:
            receive("a", piece)
        except InfraError as error:
            assert "from its beginning" in str(error)
    assert set(taken) <= {stream}
    receive("a", *cut)
    assert taken[-1] == stream
    assert left(cache) == []


def test_how_many_there_are_may_be_told_from_the_first_on(cache: Path, taken: list[bytes]) -> None:
    for number in range(3):
        pieces.receive("pack", "a", number, 3, bytes(SIZE))
    assert taken == [bytes(3 * SIZE)]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ([1], "nothing of it before"),
        ([0, 2], "piece 2 of a stream came where 1 would be next"),
        ([0, 1, 1], "piece 1 of a stream came where 2 would be next"),
        ([0, 1, 3], "piece 3 of a stream came where 2 would be next"),
    ],
)
def test_a_piece_that_does_not_follow_is_refused_with_words_and_nothing_stays(
    cache: Path, taken: list[bytes], sent: list[int], said: str
) -> None:
    cut = [*pieces.cut([bytes(4 * SIZE)])]
    receive("a", *(cut[number] for number in sent[:-1]))
    with pytest.raises(InfraError, match=said):
        receive("a", cut[sent[-1]])
    assert taken == [] and left(cache) == []


@pytest.mark.parametrize(
    "piece", [Piece(0, UNKNOWN, bytes(SIZE - 1)), Piece(0, UNKNOWN, bytes(SIZE + 1)), Piece(0, 1, bytes(SIZE + 1))]
)
def test_a_piece_of_another_size_is_refused(cache: Path, taken: list[bytes], piece: Piece) -> None:
    with pytest.raises(InfraError, match="bytes\n  it has to be sent from its beginning"):
        receive("a", piece)
    assert taken == [] and left(cache) == []


@pytest.mark.parametrize(
    ("kind", "name", "number", "of"),
    [
        ("other", "a", 0, 1),
        ("pack", "", 0, 1),
        ("pack", "../a", 0, 1),
        ("pack", "a/b", 0, 1),
        ("pack", "a.b", 0, 1),
        ("pack", "a\n", 0, 1),
        ("pack", "a", -1, UNKNOWN - 1),
        ("pack", "a", 1, 1),
        ("pack", "a", 0, 0),
    ],
)
def test_what_is_no_piece_is_refused(cache: Path, kind: str, name: str, number: int, of: int) -> None:
    with pytest.raises(InfraError, match="nothing is received as"):
        pieces.receive(kind, name, number, of, b"x")
    assert not cache.exists()


def test_no_two_streams_are_called_the_same() -> None:
    assert len({pieces.name() for _ in range(100)}) == 100
    assert pieces._NAME.fullmatch(pieces.name())


# --- what does not come to its end --------------------------------------------------------------


def test_what_a_dead_sender_left_goes_when_another_begins(cache: Path, taken: list[bytes]) -> None:
    first, second, *_ = pieces.cut([bytes(3 * SIZE)])
    receive("dead", first)
    receive("slow", first)
    long_ago = time.time() - pieces._DEAD - 1
    os.utime(cache / "pieces" / "pack-dead", (long_ago, long_ago))
    receive("new", first)
    assert left(cache) == ["pack-new", "pack-slow"]
    receive("slow", second)
    with pytest.raises(InfraError, match="nothing of it before"):
        receive("dead", second)


def test_a_piece_that_comes_while_another_is_written_is_refused_and_harms_nobody(
    cache: Path, taken: list[bytes]
) -> None:
    first, second, last = pieces.cut([bytes(3 * SIZE)])
    receive("a", first)
    with (cache / "pieces" / "pack-a").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for piece in (first, second):
            with pytest.raises(InfraError, match="another was at work"):
                receive("a", piece)
    receive("a", second, last)
    assert taken == [bytes(3 * SIZE)]


def test_what_is_refused_at_its_end_leaves_nothing(cache: Path) -> None:
    for kind in ("pack", "files"):
        with pytest.raises(InfraError, match="sent anew"):
            receive("a", *pieces.cut([b"no " * SIZE]), kind=kind)
    assert left(cache) == []


def test_a_full_disk_is_told_and_nothing_stays(
    cache: Path, taken: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pieces, "_add", full)
    with pytest.raises(InfraError, match="the disk is full"):
        receive("a", Piece(0, 1, b"x"))
    assert left(cache) == []


def test_a_cache_that_takes_no_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    (tmp_path / "xdg").write_text("a file")
    with pytest.raises(InfraError, match="cannot write to the cache"):
        receive("a", Piece(0, 1, b"x"))


def test_a_piece_waits_until_gc_is_through(cache: Path, taken: list[bytes]) -> None:
    def send() -> None:
        receive("a", Piece(0, 1, b"x"))

    with cachelock.alone(cache):
        sender = threading.Thread(target=send)
        sender.start()
        sender.join(0.5)
        assert taken == [] and sender.is_alive()
    sender.join(60)
    assert taken == [b"x"]


# --- from one host to another -------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    repository = Repository(tmp_path / "linux")
    repository.commit("base", {"Makefile": "VERSION = 6\nPATCHLEVEL = 12\n", "a.c": lines(500)})
    return repository


def in_pieces(stream: Iterator[bytes], kind: str) -> int:
    cut = [*pieces.cut(stream)]
    receive(pieces.name(), *cut, kind=kind)
    return len(cut)


def test_a_base_and_a_state_go_in_pieces(cache: Path, repository: Repository, tmp_path: Path) -> None:
    home = TreeStore(tmp_path / "home.git")
    home.add_repository(repository.path)
    base = repository.tree()
    assert in_pieces(packs.whole(home, base), "pack") > 5
    repository.commit("change", {"a.c": lines(500, line7="x")})
    in_pieces(packs.thin(home, [repository.tree()], base), "pack")
    there = TreeStore(cache / "trees.git")
    assert packs.lacking(there, [base, repository.tree()]) == ()
    assert left(cache) == []


def test_files_go_in_pieces(cache: Path, tmp_path: Path) -> None:
    data = b"an image"
    digest = checksums.of_bytes(data)
    (tmp_path / "userland").mkdir()
    (tmp_path / "userland" / f"{digest}.squashfs").write_bytes(data)
    name = f"userland/{digest}"
    in_pieces(filesets.pack([name], tmp_path), "files")
    assert filesets.missing([name], cache) == ()


# --- bases that a worker has by itself ----------------------------------------------------------


def test_a_base_that_is_here_by_its_name_is_imported(cache: Path, repository: Repository) -> None:
    first = repository.tree()
    assert bases.import_base(str(repository.path), None) == first
    repository.commit("change", {"a.c": "x\n"})
    assert bases.import_base(str(repository.path), "HEAD~1") == first
    assert bases.import_base(str(repository.path), "HEAD") == repository.tree()
    assert packs.lacking(TreeStore(cache / "trees.git"), [first, repository.tree()]) == ()


def test_a_base_that_is_not_to_be_had_here_is_no_tree(
    cache: Path, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(*_: object) -> None:
        raise UnavailableError("no archive has it")

    monkeypatch.setattr(debian, "get", unavailable)
    (tmp_path / "no-kernel.tar").write_bytes(b"x" * 2000)
    for tree in ("/no/such", str(tmp_path / "no-kernel.tar"), str(tmp_path), "debian:linux-source-6.12"):
        assert bases.import_base(tree, None) == ""
    assert bases.import_base(str(repository.path), None) == repository.tree(), "nothing can be imported here"


def test_a_revision_that_is_not_here_is_no_tree(cache: Path, repository: Repository) -> None:
    assert bases.import_base(str(repository.path), "no-such") == ""
