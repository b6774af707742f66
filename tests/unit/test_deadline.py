# SPDX-License-Identifier: GPL-2.0-only
"""Once the deadline of a run is over no state is begun but base, what is at work is finished, the next run goes on."""

import argparse
import asyncio
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import pytest
from msgspec.structs import replace

from kseries.cache.store import Store
from kseries.cli import budget
from kseries.evaluate.crew import Crew, Fixed
from kseries.evaluate.deadline import NEVER, Deadline, UsedUpError
from kseries.evaluate.engine import Engine
from kseries.model import Outcome, Plan, Probe, StateResult, events
from kseries.model.budget import in_words
from kseries.sources import Diff, TreeStore
from kseries.sources.hunks import sections
from tests.support.hosts import Coming, Host
from tests.support.judged import plan_of
from tests.support.shown import ASKED, OURS, Trees

STATES = ("base", "prefix-1", "prefix-2", "prefix-3", "without-1", "without-2")
ORDER = ("base", "prefix-3", "prefix-1", "prefix-2", "without-1", "without-2")
"""Base and the tip, then the others as they are planned: of none of them is it known that it costs more."""
SETUP = ASKED.asking((Probe.ours(OURS),))
SECONDS = 20
BUDGET = 60.0
MUCH = 1000.0


class Clock:
    """Time that passes when a test says so."""

    now = 5000.0

    def __call__(self) -> float:
        return self.now


class Run:
    """A plan of six states, a clock, and what is heard of it. ``on`` is what a test does when it hears of something."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.plan = plan_of(STATES)
        self.store = Store(place / "results")
        self.clock: Callable[[], float] = Clock()
        self.heard: list[events.Event] = []
        self.trees = Trees("main.c")
        self.setup = SETUP
        self.on: Callable[[events.Event], None] = lambda _: None

    def _tell(self, event: events.Event) -> None:
        self.heard.append(event)
        self.on(event)

    def over_when(self, state: str, stage: str) -> None:
        """The deadline comes when this begins."""

        def hear(event: events.Event) -> None:
            if isinstance(event, events.StageStarted) and (event.state, event.stage) == (state, stage):
                assert isinstance(self.clock, Clock)
                self.clock.now += MUCH

        self.on = hear

    async def __call__(self, crew: Crew, seconds: float = BUDGET, plan: Plan | None = None) -> dict[str, StateResult]:
        """The results, of a run that has come to its end or not."""
        self.heard.clear()
        deadline = Deadline.after(seconds, self.clock)
        trees = cast(TreeStore, self.trees)
        engine = Engine(self.setup, crew, trees, self.store, self._tell, deadline=deadline)
        try:
            return await asyncio.wait_for(engine.run(plan or self.plan, self.place / "out"), SECONDS)
        except UsedUpError as error:
            self.said = str(error)
            return engine.so_far(plan or self.plan, self.place / "out", "used up")

    @property
    def begun(self) -> list[str]:
        return [one.state for one in self.heard if isinstance(one, events.StageStarted) and one.stage == "build"]

    @property
    def told(self) -> list[str]:
        return [one.what for one in self.heard if isinstance(one, events.Preparing)]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def tried(results: dict[str, StateResult]) -> set[str]:
    assert {one.outcome for one in results.values()} <= {Outcome.OK, Outcome.NOT_TRIED}
    return {name for name, one in results.items() if one.outcome is Outcome.OK}


# --- states -------------------------------------------------------------------------------------


class Told(Trees):
    """Trees of a series whose first patch and third change one file, and whose second another."""

    def diffs(self, pairs: Sequence[tuple[str, str]], paths: str) -> list[Diff]:
        files = {"t-2": b"b.c"}
        text = b"diff --git a/%b b/%b\n--- a/%b\n+++ b/%b\n@@ -0,0 +1 @@\n+x\n"
        named = (files.get(after, b"a.c") for _, after in pairs)
        return [tuple(sections(text % ((name,) * 4))[0]) for name in named]


@pytest.mark.parametrize("hands", [1, 2])
async def test_a_budget_goes_to_the_tip_and_then_to_what_may_tell_much(run: Run, hands: int) -> None:
    run.trees = Told("main.c")
    run.plan = plan_of(STATES, patches=(1, 2, 3))
    files = {1: ("a.c",), 2: ("b.c",), 3: ("a.c",)}
    patches = tuple(replace(one, tree_after=f"t-{one.number}", files=files[one.number]) for one in run.plan.patches)
    run.plan = replace(run.plan, patches=patches)
    run.over_when("without-1", "build")
    results = await run(Coming(*(Host(f"h{number}") for number in range(hands))))
    assert tried(results) == {"base", "prefix-3", "without-1"}


async def test_a_run_that_has_the_time_is_as_one_without_a_budget(run: Run) -> None:
    assert tried(await run(Fixed((Host(""),)))) == {*STATES}
    assert run.told == []


@pytest.mark.parametrize("waits", [False, True])
async def test_base_is_had_though_the_budget_is_used_up_before_it(run: Run, waits: bool) -> None:
    """Whether base decides what the others are asked, or not: without it there is no result."""
    run.setup = ASKED if waits else SETUP
    results = await run(Fixed((Host(""),)), 0)
    assert tried(results) == {"base"} and run.begun == ["base"]
    assert results["prefix-1"].detail == "used up"
    assert run.said == "budget of 0s used up: 5 of 6 kernels of series not begun"


@pytest.mark.parametrize("stage", ["build", "boot"])
@pytest.mark.parametrize("state", STATES)
async def test_what_is_at_work_is_finished_and_nothing_else_begun(run: Run, state: str, stage: str) -> None:
    run.over_when(state, stage)
    results = await run(Fixed((Host(""),)))
    assert tried(results) == {*run.begun} and state in run.begun
    before = ORDER[: len(run.begun)]
    assert run.begun == [*before], "in their order, and no more once it was over"
    if stage == "build":
        assert run.begun[-1] == state
    if len(before) < len(STATES):
        left = len(STATES) - len(before)
        assert run.told == [
            f"budget of 1m used up: what is at work is finished, and of {left} more states none is begun"
        ]


async def test_of_several_hosts_each_finishes_what_it_is_at(run: Run) -> None:
    run.over_when("prefix-2", "build")
    hosts = Host("a"), Host("b")
    results = await run(Fixed(hosts))
    assert {"base", "prefix-2"} <= tried(results) == {*run.begun} < {*STATES}
    assert sorted(hosts[0].log + hosts[1].log) == sorted(run.begun)


async def test_the_next_runs_go_on_and_no_state_is_had_twice(run: Run) -> None:
    whole = await Run(run.place / "another")(Fixed((Host(""),)), math.inf)
    begun: list[str] = []
    for state in ("base", "prefix-2", "without-1"):
        run.over_when(state, "build")
        results = await run(Fixed((Host(""),)))
        begun += run.begun
    assert tried(results) == {*STATES} - {"without-2"}
    run.on = lambda _: None
    assert await run(Fixed((Host(""),))) == whole
    assert [*begun, *run.begun] == [*ORDER]


async def test_what_is_known_is_told_however_late_it_is_and_nobody_is_taken_for_it(run: Run) -> None:
    run.over_when("prefix-1", "boot")
    known = tried(await run(Fixed((Host(""),))))
    host = Host("")
    assert tried(await run(Fixed((host,)), 0)) == known and host.jobs == {}
    run.on = lambda _: None
    assert tried(await run(Fixed((host,)))) == {*STATES}
    assert tried(await run(Coming(Host("")), 0)) == {*STATES}, "all is known: it takes no time"


async def test_what_need_not_be_built_takes_no_time(run: Run) -> None:
    """Each differs from base in what no build reads, so base's result is theirs."""
    run.trees = Trees("Documentation/x.rst")
    run.over_when("base", "boot")
    assert tried(await run(Fixed((Host(""),)))) == {*STATES}
    assert run.begun == ["base"]


async def test_what_is_lost_with_its_host_after_the_deadline_is_left_to_the_next_run(run: Run) -> None:
    hosts = Host("a", {"prefix-1": "boot"}), Host("b", {"prefix-1": "boot"})
    run.over_when("prefix-1", "boot")
    results = await run(Fixed(hosts))
    assert "prefix-1" not in tried(results) and "base" in tried(results)
    assert run.begun.count("prefix-1") == 1


async def test_a_base_that_is_lost_after_the_deadline_is_had_of_another(run: Run) -> None:
    hosts = Host("a", {"base": "boot"}), Host("b")
    run.over_when("base", "boot")
    assert tried(await run(Fixed(hosts))) == {"base"}
    assert run.begun == ["base", "base"]


async def test_nobody_waits_for_a_host_longer_than_the_budget(run: Run) -> None:
    """Be it the first, or one in the place of those that were lost."""
    run.over_when("base", "build")
    assert tried(await run(Fixed((Host("a"),)))) == {"base"}
    run.on, run.clock = events.unheard, time.monotonic
    crew = Coming(Host("a"))
    crew._queue.get_nowait()
    assert tried(await run(crew, 0.05)) == {"base"} and crew.ended
    gone = Coming(Host("a", {"prefix-3": "build"}))
    assert tried(await run(gone, 0.05)) == {"base"} and gone.ended


async def test_a_base_whose_host_does_not_come_is_waited_for(run: Run) -> None:
    crew = Coming(Host("a"))
    crew._queue.get_nowait()  # who would be there at once
    asyncio.get_running_loop().call_later(0.1, lambda: crew.come(Host("b")))
    run.over_when("base", "build")
    assert tried(await run(crew, 0.01)) == {"base"}


# --- time ---------------------------------------------------------------------------------------


def test_a_deadline_is_of_a_clock_that_nobody_sets() -> None:
    clock = Clock()
    deadline = Deadline.after(60, clock)
    assert (deadline.left, deadline.is_over, deadline.timeout) == (60, False, 60)
    clock.now += 60
    assert deadline.is_over
    assert (NEVER.is_over, NEVER.timeout, Deadline.after(None).timeout) == (False, None, None)


def test_each_of_several_has_its_part_of_what_those_before_it_left() -> None:
    clock = Clock()
    whole = Deadline.after(60, clock)
    first = whole.shared(3)
    assert (first.seconds, first.share, first.left) == (60, 20, 20)
    clock.now += 10  # it has had enough
    assert whole.shared(2).share == 25
    clock.now += 100
    assert whole.shared(1).share == 0 and whole.shared(1).is_over
    assert NEVER.shared(2) is NEVER


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [("20m", 1200), ("90s", 90), ("2h", 7200), ("600", 600), ("1h30m", 5400), ("1h2m3s", 3723), ("010m", 600)],
)
def test_a_time_is_taken_as_people_type_it(typed: str, seconds: int) -> None:
    assert budget.seconds(typed) == seconds == budget.seconds(in_words(seconds))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "nothing is no time, as 20m"),
        ("soon", "soon is no time, as 20m, 90s, 2h, 1h30m or 600 (seconds) are"),
        ("20 m", "20 m is no time"),
        ("20M", "20M is no time"),
        ("1.5h", "1.5h is no time"),
        ("-5m", "-5m is no time"),
        ("30m1h", "30m1h is no time"),
        ("1h30", "1h30 is no time"),
        ("٢m", "٢m is no time"),
        ("5m\x1b[31m", "5m is no time"),
        ("0", "0 is no time for anything"),
        ("0h00m", "0h00m is no time for anything"),
        ("9000h", "9000h is more than a year"),
        ("9" * 50 + "s", "is no time"),
    ],
)
def test_what_is_no_time_is_refused_in_words(typed: str, said: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as refused:
        budget.seconds(typed)
    assert said in str(refused.value) and len(str(refused.value)) < 150


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1s"), (60, "1m"), (90, "90s"), (120, "2m"), (200, "3m20s"), (3600, "1h"), (0.3, "0s"), (333.4, "5m33s")],
)
def test_a_time_is_told_as_it_is_typed(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
