# SPDX-License-Identifier: GPL-2.0-only
"""A serial port of the guest, of which somebody else has a copy."""

import asyncio
import socket

from kseries.guest.channel import Channel


async def test_somebody_else_gets_a_copy_and_writes_to_the_guest() -> None:
    """As often as one asks, and whoever leaves takes nothing from the others."""
    ours, guests = socket.socketpair()
    lines: list[str] = []
    channel = Channel(lines.append, 1 << 20)
    reading = asyncio.create_task(channel.read(*await asyncio.open_unix_connection(sock=ours)))
    await asyncio.sleep(0)
    with channel.bridged() as first, channel.bridged() as second, guests:
        for one in (first, second, guests):
            one.setblocking(False)
        guests.send(b"a line\n")
        assert [await received(one) for one in (first, second)] == [b"a line\n"] * 2
        first.close()
        second.send(b"typed")
        assert await received(guests) == b"typed"
        guests.send(b"another\n")
        assert await received(second) == b"another\n"
        guests.shutdown(socket.SHUT_WR)
        await reading
        assert await received(second) == b"", "it is closed when the port is"
    assert lines == ["a line", "another"]


async def received(end: socket.socket) -> bytes:
    async with asyncio.timeout(10):
        return await asyncio.get_running_loop().sock_recv(end, 1024)
