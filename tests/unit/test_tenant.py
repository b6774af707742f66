# SPDX-License-Identifier: GPL-2.0-only
"""What a pytest of the user's own is told of the machine that it has. Nothing is booted."""

import asyncio
import json
import socket
from pathlib import Path
from typing import Any, cast

import pytest

from kseries.guest.driven import Lent
from kseries.guest.ending import GoneError
from kseries.guest.machine import Booting, Heard
from kseries.guest.tenant import Asked, Tenant
from kseries.hosttest.control import line
from kseries.model import DEFAULT_MACHINE
from kseries.model.errors import InputError

BUG = "[    1.0] BUG: kernel NULL pointer dereference, address: 0\n"


class Machine:
    """Has ended, if it has, in this way."""

    def __init__(self, ended: str | None = None, *, killed: bool = False) -> None:
        self.ended, self.killed = ended, killed

    async def gone(self) -> str | None:
        if self.killed:
            raise GoneError("exit status 137")
        return self.ended

    async def give_up(self, test: str) -> None:
        self.ended = self.ended or f"no answer after {test}"


async def nothing(name: str) -> Booting:
    raise InputError(f"{name} does not build: a.c:1: error")


async def left(tenant: Tenant, wire: socket.socket, heard: Heard, machine: Machine, **asked: Any) -> list[str]:
    await tenant._left(cast(Lent, machine), heard, Asked(what="left", name="a", mark="leave a", **asked))
    told: list[str] = json.loads(wire.recv(65536))["why"]
    return told


async def test_each_thing_that_a_machine_comes_to_is_told_once(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    heard = Heard(DEFAULT_MACHINE, tmp_path / "log", 60)
    tenant = Tenant(theirs, nothing, ())
    heard.console.feed(b"kseries: enter a\n[    1.0] fine\nkseries: leave a\n")
    assert await left(tenant, ours, heard, Machine()) == []
    heard.console.feed(f"{BUG}{BUG}kseries: leave a\n".encode())
    said = f"the kernel said: {BUG.partition('] ')[2].strip()}"
    assert await left(tenant, ours, heard, Machine()) == [said]
    gone = Machine("the guest went down (guest-reset)")
    assert await left(tenant, ours, heard, gone) == ["the machine ended in it: the guest went down (guest-reset)"]
    assert await left(tenant, ours, heard, gone) == []


@pytest.mark.parametrize(
    ("machine", "deaf", "why"),
    [
        (Machine(), True, "the machine ended in it: no answer after a"),
        (Machine(killed=True), False, "the machine ended in it: QEMU ended by itself: exit status 137"),
    ],
)
async def test_a_machine_that_is_of_no_use_any_more_fails_the_test(
    machine: Machine, deaf: bool, why: str, tmp_path: Path
) -> None:
    ours, theirs = socket.socketpair()
    heard = Heard(DEFAULT_MACHINE, tmp_path / "log", 60)
    heard.console.feed(b"kseries: leave a\n")
    assert await left(Tenant(theirs, nothing, ()), ours, heard, machine, deaf=deaf) == [why]


async def test_what_is_printed_late_is_waited_for(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    heard = Heard(DEFAULT_MACHINE, tmp_path / "log", 60)
    asyncio.get_running_loop().call_later(0.2, heard.console.feed, f"{BUG}kseries: leave a\n".encode())
    assert len(await left(Tenant(theirs, nothing, ()), ours, heard, Machine())) == 1


async def test_a_state_that_does_not_build_is_refused_and_who_goes_away_is_not_served(tmp_path: Path) -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    serving = asyncio.create_task(Tenant(theirs, nothing, ()).serve())
    loop = asyncio.get_running_loop()
    for asked, answer in (
        (line("guest", number=1, state="base"), {"refused": "base does not build: a.c:1: error"}),
        (line("log", number=2), {"text": ""}),
        (line("left", number=3), {"why": []}),
    ):
        await loop.sock_sendall(ours, asked)
        told = json.loads(await loop.sock_recv(ours, 65536))
        assert told.items() >= answer.items()
    ours.close()
    await asyncio.wait_for(serving, 10)
