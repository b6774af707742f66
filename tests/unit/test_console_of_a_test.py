# SPDX-License-Identifier: GPL-2.0-only
"""What a host-side test reads of its console, and what of it is shown where the test has failed."""

import socket
from collections.abc import Iterator

import pytest

from kseries.hosttest.control import Control
from kseries.hosttest.machine import Guest, State


@pytest.fixture
def wires() -> Iterator[tuple[socket.socket, Guest]]:
    theirs, ours = socket.socketpair()
    control, programs = socket.socketpair()
    with theirs, ours, control, programs:
        yield theirs, Guest(Control(control), State("x86_64"), ours, programs)


def test_what_was_read_and_what_was_not_is_shown_in_its_order(wires: tuple[socket.socket, Guest]) -> None:
    theirs, guest = wires
    theirs.sendall(b"of another test\r\n")
    guest.renew()
    theirs.sendall(b"one\r\ntwo\r\n")
    guest.console.expect("on", timeout=10)
    assert guest.printed() == "one\ntwo\n"
    theirs.sendall(b"three \xff\r\n")
    assert guest.printed() == "one\ntwo\nthree \ufffd\n"
    guest.renew()
    assert guest.printed() == ""


def test_of_much_the_last_lines_are_shown(wires: tuple[socket.socket, Guest]) -> None:
    theirs, guest = wires
    theirs.sendall(b"".join(b"line %d\n" % number for number in range(1000)))
    lines = guest.printed().splitlines()
    assert len(lines) == 19 and lines[-1] == "line 999"
    theirs.sendall(b"x" * 100_000)
    assert guest.printed() == "x" * 2000


def test_a_console_that_is_gone_shows_what_it_had(wires: tuple[socket.socket, Guest]) -> None:
    theirs, guest = wires
    theirs.sendall(b"the last\n")
    theirs.close()
    assert guest.printed() == "the last\n"
    assert guest.printed() == "the last\n"
