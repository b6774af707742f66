# SPDX-License-Identifier: GPL-2.0-only
"""A lock that is given in the order in which it was asked for, and says who has it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kseries.host import cachelock, processes, turns
from kseries.host.turns import Turns
from kseries.model.events import Holder, Wait
from kseries.report.live import waiting

WAITS = """
import asyncio, sys
from pathlib import Path
from kseries.host.turns import Turns
asyncio.run(Turns(Path(sys.argv[1])).wait(lambda _: print("waits", flush=True)))
"""
SOON = 30.0


@pytest.fixture
def waiter(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that waits for the lock, which somebody has."""
    words = [sys.executable, "-c", WAITS, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "waits\n"
        yield child
        child.kill()


@pytest.fixture
def lock(tmp_path: Path) -> Iterator[Turns]:
    """The lock, held by us until a test gives it back."""
    made = Turns(tmp_path)
    made.at_once()
    yield made
    if made.held:
        made.give_back()


def nobody(_: Wait) -> None:
    pytest.fail("it waits")


async def test_who_came_first_is_first_though_another_asks_the_moment_it_is_free(tmp_path: Path) -> None:
    order: list[int] = []
    held, *others = (Turns(tmp_path) for _ in range(4))
    await held.wait(nobody)

    async def take(number: int, told: asyncio.Event) -> None:
        await others[number].wait(lambda _: told.set())
        order.append(number)
        others[number].give_back()

    tasks = []
    for number in range(2):
        told = asyncio.Event()
        tasks.append(asyncio.create_task(take(number, told)))
        await asyncio.wait_for(told.wait(), SOON)
    held.give_back()
    # Nobody of those who wait has looked since.
    with pytest.raises(BlockingIOError):
        Turns(tmp_path).at_once()
    tasks.append(asyncio.create_task(take(2, asyncio.Event())))
    await asyncio.wait_for(asyncio.gather(*tasks), SOON)
    assert order == [0, 1, 2]
    assert list((tmp_path / "queue").iterdir()) == []


async def test_what_is_waited_for_is_told_and_how_far_it_is(
    tmp_path: Path, lock: Turns, waiter: "subprocess.Popen[str]"
) -> None:
    told: list[Wait] = []
    seen = asyncio.Event()

    def hear(wait: Wait) -> None:
        told.append(wait)
        seen.set()

    lock.say("my-series", 5, 23)
    task = asyncio.create_task(Turns(tmp_path).wait(hear))
    await asyncio.wait_for(seen.wait(), SOON)
    seen.clear()
    lock.say("my-series", 6, 23)
    await asyncio.wait_for(seen.wait(), SOON)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    us = os.getpid()
    holders = [Holder(pid=us, what="my-series", done=done, total=23) for done in (5, 6)]
    assert told == [Wait(holder=holder, before=1) for holder in holders]
    assert waiting(told[0]) == f"waiting for my-series (PID {us}), 5 of 23 states done; 1 other before this one"


async def test_one_who_was_killed_while_waiting_is_passed_over(
    tmp_path: Path, lock: Turns, waiter: "subprocess.Popen[str]"
) -> None:
    waiter.kill()
    waiter.wait()
    lock.give_back()
    second = Turns(tmp_path)
    await asyncio.wait_for(second.wait(nobody), SOON)
    assert list((tmp_path / "queue").iterdir()) == []
    second.give_back()


async def test_one_who_was_stopped_while_waiting_is_not_waited_for_without_end(
    tmp_path: Path, lock: Turns, waiter: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_PATIENCE_SECONDS", 0.5)
    waiter.send_signal(signal.SIGSTOP)
    lock.give_back()
    second = Turns(tmp_path)
    await asyncio.wait_for(second.wait(lambda _: None), SOON)
    second.give_back()


async def test_one_who_has_it_may_ask_again(tmp_path: Path, lock: Turns) -> None:
    await lock.wait(nobody)
    lock.give_back()
    with pytest.raises(BlockingIOError):
        Turns(tmp_path).at_once()


def test_what_we_start_holds_the_lock_too(tmp_path: Path, lock: Turns) -> None:
    said = processes.run(["sh", "-c", f"readlink /proc/$$/fd/* | grep -x {tmp_path}/lock"], seconds=SOON)
    assert said.text == f"{tmp_path}/lock"


def test_a_lock_that_is_given_back_is_free_whoever_has_inherited_it(tmp_path: Path) -> None:
    with cachelock.one_at_a_time(tmp_path / "lock"):
        heir = os.dup(cachelock.held()[-1])
    with cachelock.one_at_a_time(tmp_path / "lock", lambda: pytest.fail("it waits")):
        pass
    os.close(heir)


def test_what_is_told_of_those_who_say_nothing() -> None:
    gone = Holder(pid=2**22 + 1, what="my-series")  # beyond pid_max (proc(5))
    assert waiting(Wait(holder=None, before=0)) == "waiting for another kseries that is building here"
    assert waiting(Wait(holder=gone, before=2)).endswith("has left running, which was killed; 2 others before this one")
