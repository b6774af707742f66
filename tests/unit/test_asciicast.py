# SPDX-License-Identifier: GPL-2.0-only
"""The recording of a console: what a hostile guest prints is in it as a terminal would have it, and it is bounded."""

import asyncio
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kseries.guest.asciicast import Cast
from kseries.guest.channel import Channel

EURO = "€".encode()
HOSTILE = st.one_of(
    st.binary(max_size=40), st.sampled_from([EURO[:1], EURO[1:], b"\x1b[2J", b"\xc2", b"\x9b", b"\r\n"])
)
MOVES = st.lists(st.tuples(st.sampled_from(["said", "typed", "mark", "boot"]), HOSTILE, st.floats(0, 10)), max_size=20)


class Clock:
    """One that stands still until it is moved on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def begun(clock: Clock, limit: int = 1 << 20) -> Cast:
    cast = Cast("a title", limit, clock)
    cast.boot()
    return cast


def events(cast: Cast) -> list[list[Any]]:
    """What comes behind the header. A player reads a line at a time."""
    header, *lines = cast.end().splitlines()
    assert json.loads(header)["version"] == 2
    return [json.loads(line) for line in lines]


def joined(cast: Cast, kind: str) -> str:
    return "".join(text for _, what, text in events(cast) if what == kind)


def test_the_header_and_each_event_are_as_asciinema_has_them(clock: Clock) -> None:
    cast = begun(clock)
    clock.now += 1.5
    cast.said(b"# ")
    clock.now += 1
    cast.typed(b"ls\r")
    header = json.loads(cast.end().splitlines()[0])
    assert header.keys() == {"version", "width", "height", "timestamp", "title"} and header["title"] == "a title"
    assert events(cast) == [[0, "m", "boot 1"], [1.5, "o", "# "], [2.5, "i", "ls\r"]]


def test_where_nothing_was_booted_there_is_no_recording() -> None:
    assert Cast("nothing").end() == ""


def test_what_comes_at_a_time_is_one_event_and_what_comes_later_is_another(clock: Clock) -> None:
    cast = begun(clock)
    for byte in b"abcdef":
        clock.now += 0.008
        cast.said(bytes([byte]))
    assert [text for _, _, text in events(cast)] == ["boot 1", "abc", "def"]


def test_a_character_that_comes_in_two_pieces_is_one(clock: Clock) -> None:
    cast = begun(clock)
    for piece in (EURO[:1], EURO[1:2], EURO[2:]):
        cast.said(piece)
        cast.typed(piece)
        clock.now += 1
    assert joined(cast, "o") == joined(cast, "i") == "€"


def test_half_a_character_is_of_the_boot_that_printed_it(clock: Clock) -> None:
    cast = begun(clock)
    cast.said(b"one" + EURO[:1])
    clock.now += 3
    cast.boot()
    cast.said(EURO[1:] + b"two")
    assert [text for _, _, text in events(cast)] == ["boot 1", "one", "\ufffd", "boot 2", "\ufffd\ufffdtwo"]
    assert [at for at, what, _ in events(cast) if what == "m"] == [0, 3]


@given(MOVES)
def test_whatever_a_guest_prints_is_valid_and_whole_and_in_its_order(moves: list[tuple[str, bytes, float]]) -> None:
    clock = Clock()
    cast, printed, typed = begun(clock), [b""], [b""]
    for what, piece, seconds in moves:
        clock.now += seconds
        match what:
            case "said":
                cast.said(piece)
                printed[-1] += piece
            case "typed":
                cast.typed(piece)
                typed[-1] += piece
            case "mark":
                cast.mark(piece.decode(errors="replace"))
            case "boot":
                cast.boot()
                printed.append(b"")
                typed.append(b"")
    assert cast.end().isascii() and not {*cast.end()} & {*map(chr, range(32))} - {"\n"}
    assert joined(cast, "o") == "".join(piece.decode(errors="replace") for piece in printed)
    assert joined(cast, "i") == "".join(piece.decode(errors="replace") for piece in typed)
    times = [at for at, _, _ in events(cast)]
    assert times == sorted(times)


@given(st.lists(HOSTILE, max_size=30), st.integers(0, 400))
def test_it_never_grows_beyond_its_limit_and_says_where_it_was_cut(pieces: list[bytes], limit: int) -> None:
    clock = Clock()
    whole, cut = begun(clock), begun(clock, limit)
    for piece in pieces:
        clock.now += 1
        whole.said(piece)
        cut.said(piece)
    assert len(cut.end()) < limit + 400
    if events(cut) == events(whole):
        return
    *kept, mark, said = events(cut)
    assert kept == events(whole)[: len(kept)]
    assert mark[1] == "m" and said[1] == "o" and "cut here" in mark[2] and mark[2] in said[2]
    before = cut.end()
    cut.boot()
    cut.mark("more")
    assert cut.end() == before


@pytest.fixture
def port() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, guests = socket.socketpair()
    guests.setblocking(False)
    with ours, guests:
        yield ours, guests


async def test_a_port_records_what_is_kept_of_it_and_what_others_type(
    port: tuple[socket.socket, socket.socket], clock: Clock
) -> None:
    ours, guests = port
    cast, loop = begun(clock), asyncio.get_running_loop()
    channel = Channel(lambda _: None, 10, cast)
    reading = asyncio.create_task(channel.read(*await asyncio.open_unix_connection(sock=ours)))
    await asyncio.sleep(0)
    with channel.bridged() as theirs:
        theirs.send(b"typed")
        async with asyncio.timeout(10):
            assert await loop.sock_recv(guests, 100) == b"typed"
        await loop.sock_sendall(guests, b"\xffprinted without end")
        guests.shutdown(socket.SHUT_WR)
        await reading
    assert joined(cast, "i") == "typed"
    assert joined(cast, "o") == channel.text == "\ufffdprinted w"
