# SPDX-License-Identifier: GPL-2.0-only
"""A guest as an object, with a real QEMU that has nothing to boot: its lifetime, its monitor, and its end."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from kseries import arch as archs
from kseries.guest import channel, folder, qemu
from kseries.guest.channel import Channel
from kseries.guest.ending import GoneError, How, Stop
from kseries.guest.guest import Guest
from kseries.guest.liveness import Watch
from kseries.host import processes
from kseries.model import Accel, Machine
from kseries.probes import ktap
from tests.support.processes import below

ARCH = archs.get("x86_64")
TCG = Accel(name="tcg", why="")
COMM = ARCH.qemu[:15]
"""Its name as the kernel keeps it (proc(5), comm)."""
HASTY = Machine(stall_seconds=1)


@asynccontextmanager
async def started(tmp_path: Path) -> AsyncIterator[Guest]:
    place = tmp_path / "qemu"
    folder.make(place, b"", HASTY)
    tmp_path.chmod(0o755)
    console, results = (Channel(lambda _: None, channel.LIMIT) for _ in range(2))
    argv, box = partial(qemu.bare_argv, ARCH, TCG, HASTY), folder.box(place, TCG, HASTY)
    async with Guest.start(argv, box, console, results, processes.Deadline.after(60)) as guest:
        yield guest


async def status(guest: Guest) -> object:
    seen = await guest.qmp.execute("query-status")
    assert isinstance(seen, dict)
    return seen["status"]


async def test_a_guest_waits_to_be_resumed_and_is_gone_behind_its_context(tmp_path: Path) -> None:
    async with started(tmp_path) as guest:
        assert await status(guest) == "prelaunch"
        await guest.resume()
        assert await status(guest) == "running"
        assert below(os.getpid(), COMM)
    assert not below(os.getpid(), COMM)


async def test_who_waits_hears_first_of_what_comes_first(tmp_path: Path) -> None:
    async with started(tmp_path) as guest:
        await guest.resume()
        done = Watch(HASTY)
        done.results_line(ktap.END)
        assert await guest.wait(done) == Stop(How.END)
        assert (await guest.wait(Watch(HASTY))).how is How.STALL
        guest.console.full.set()
        assert (await guest.wait(Watch(HASTY))).how is How.FLOOD


async def test_a_guest_that_somebody_holds_is_not_one_that_hangs(tmp_path: Path) -> None:
    async with started(tmp_path) as guest:
        await guest.resume()
        await guest.qmp.execute("stop")
        assert await guest.wait(Watch(HASTY)) == Stop(How.GONE, "it has stopped running its guest (paused)")


async def test_one_that_this_host_ends_says_so_and_is_not_resumed(tmp_path: Path) -> None:
    async with started(tmp_path) as guest:
        await guest.stop()
        assert await guest.wait(Watch(HASTY)) == Stop(How.GONE, "something on this host ended it (host-qmp-quit)")
        with pytest.raises(GoneError, match="QEMU ended by itself: exit status 0"):
            await guest.resume()
