# SPDX-License-Identifier: GPL-2.0-only
"""Executors that come and go: nothing finished is lost, what is lost is done elsewhere, and nobody is waited for in
vain.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from msgspec import UNSET

from kseries.cache.store import Store
from kseries.evaluate import hands
from kseries.evaluate.crew import Crew, Fixed
from kseries.evaluate.engine import Engine
from kseries.model import Outcome, Plan, Probe, StateResult, events
from kseries.model.errors import InfraError
from kseries.sources import Change, TreeStore
from tests.support.hosts import Coming, Host
from tests.support.judged import plan_of
from tests.support.shown import ASKED, OURS, Trees

STATES = ("base", "prefix-1", "prefix-2", "prefix-3", "without-1", "without-2")
SETUP = ASKED.asking((Probe.ours(OURS),))
SECONDS = 20
OVER = (None, InfraError("no host is left to build on, and none comes"))


class Run:
    """A plan of six states, and what is heard of it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.plan = plan_of(STATES)
        self.store = Store(place / "results")
        self.heard: list[events.Event] = []
        self.trees = Trees("main.c")
        self.on: Callable[[events.Event], None] = lambda _: None
        """What a test does when it hears of something."""

    def _tell(self, event: events.Event) -> None:
        self.heard.append(event)
        self.on(event)

    async def __call__(self, crew: Crew, plan: Plan | None = None) -> dict[str, StateResult]:
        setup = ASKED if self.waits else SETUP
        engine = Engine(setup, crew, cast(TreeStore, self.trees), self.store, self._tell)
        return await asyncio.wait_for(engine.run(plan or self.plan, self.place / "out"), SECONDS)

    waits = False
    """Whether base decides what the others are asked, so that they wait for its boot."""

    @property
    def told(self) -> list[str]:
        return [one.what for one in self.heard if isinstance(one, events.Preparing)]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def made_on(results: dict[str, StateResult]) -> dict[str, object]:
    return {name: one.made_on for name, one in results.items()}


def starts(event: events.Event, state: str, stage: str) -> bool:
    return isinstance(event, events.StageStarted) and (event.state, event.stage) == (state, stage)


async def test_a_result_and_what_is_told_name_the_host(run: Run) -> None:
    results = await run(Fixed((Host("a"),)))
    assert {*made_on(results).values()} == {"a"}
    wheres = [one.where for one in run.heard if isinstance(one, events.StageStarted | events.Compiled)]
    assert len(wheres) == 3 * len(STATES) and {*wheres} == {"a"}
    assert all(one.made_on is UNSET for one in (await Run(run.place / "home")(Fixed((Host(""),)))).values())


@pytest.mark.parametrize("stage", ["build", "boot"])
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("waits", [False, True])
async def test_what_is_lost_with_its_host_is_done_by_another(run: Run, state: str, stage: str, waits: bool) -> None:
    """Whichever it was, and whatever else that host was at."""
    run.waits = waits
    deadly = {state: stage}
    # Whoever gets it first is lost with it, and the other has it then.
    hosts = Host("a", deadly), Host("b", deadly)

    def spare(event: events.Event) -> None:
        if isinstance(event, events.Preparing) and "goes to another host" in event.what:
            hosts[0].deadly = hosts[1].deadly = {}

    run.on = spare
    results = await run(Fixed(hosts))
    assert {name: one.outcome for name, one in results.items()} == dict.fromkeys(STATES, Outcome.OK)
    (lost,) = (host.where for host in hosts if host.gone.is_set())
    assert made_on(results)[state] == ({"a", "b"} - {lost}).pop()
    assert run.told == [f"{lost}: its process has ended; what it was at goes to another host"]
    assert sorted(hosts[0].log + hosts[1].log) == sorted(STATES)
    assert [host.taken for host in hosts] == [0, 0]
    positions = [one.position for one in run.heard if isinstance(one, events.StageStarted)]
    assert {*positions} == {*range(1, len(STATES) + 1)}


async def test_of_what_was_finished_on_a_host_that_is_lost_nothing_is_done_again(run: Run) -> None:
    crew = Coming(Host("a", {"prefix-3": "build"}))

    def replaced(event: events.Event) -> None:
        if isinstance(event, events.Preparing):
            crew.come(Host("b"))

    run.on = replaced
    results = await run(crew)
    done = [one.result.id for one in run.heard if isinstance(one, events.StateDone)]
    assert sorted(done) == sorted(STATES) and made_on(results)["base"] == "a" and made_on(results)["prefix-3"] == "b"
    again = Run(run.place)
    assert made_on(await again(Coming(Host("c")))) == made_on(results)  # from the cache: nobody is asked


async def test_a_state_that_three_hosts_are_lost_with_is_given_up_and_no_other(run: Run) -> None:
    hosts = tuple(Host(name, {"prefix-2": "boot"}) for name in "abcd")
    results = await run(Fixed(hosts))
    outcomes = {name: one.outcome for name, one in results.items()}
    assert outcomes == dict.fromkeys(STATES, Outcome.OK) | {"prefix-2": Outcome.INFRA_ERROR}
    lost = [host.where for host in hosts if host.gone.is_set()]
    said = results["prefix-2"].detail.removeprefix("lost with three hosts: ").split(", ")
    assert len(lost) == 3 and sorted(said) == lost
    again = await run(Fixed((Host("e"),)))
    assert again["prefix-2"].outcome is Outcome.OK  # nothing of it was stored


async def test_a_state_that_one_host_is_lost_with_three_times_is_given_up(run: Run) -> None:
    crew = Coming(Host("a", {"prefix-2": "build"}))

    def back(event: events.Event) -> None:
        if isinstance(event, events.Preparing):
            crew.come(Host("a", {"prefix-2": "build"}))

    run.on = back
    results = await run(crew)
    assert results["prefix-2"].detail == "lost with its host three times, on a"
    assert results["prefix-3"].outcome is Outcome.OK


async def test_a_base_that_three_hosts_are_lost_with_ends_the_run(run: Run) -> None:
    hosts = tuple(Host(name, {"base": "build"}) for name in "abcd")
    with pytest.raises(InfraError, match=r"^base was lost with three hosts: a, b, c\n"):
        await run(Fixed(hosts))
    assert hosts[3].log == [] and [host.taken for host in hosts] == [0] * 4


@pytest.mark.parametrize("waits", [False, True])
async def test_while_the_first_is_at_base_the_others_build_it_too(run: Run, waits: bool) -> None:
    run.waits = waits
    base_built = asyncio.Event()
    hosts = Host("a", slow={("build", "base"): base_built}), Host("b"), Host("c")
    running = asyncio.create_task(run(Fixed(hosts)))
    while not all(host.prepared[-1:] == ["done"] for host in hosts[1:]):
        await asyncio.sleep(0)
    assert [one.state for one in run.heard if isinstance(one, events.StageStarted)] == ["base"]
    base_built.set()
    results = await running
    assert hosts[0].prepared == [] and made_on(results)["base"] == "a"
    assert all(host.log for host in hosts)


async def test_who_is_lost_while_it_prepares_is_missed_by_nobody(run: Run) -> None:
    second = Host("b", {"base": "prepare"})
    hosts = Host("a", slow={("build", "base"): second.gone}), second
    results = await run(Fixed(hosts))
    assert {*made_on(results).values()} == {"a"}


async def test_who_is_still_preparing_when_all_is_done_is_not_waited_for(run: Run) -> None:
    second = Host("b", slow={("prepare", "base"): asyncio.Event()})
    results = await run(Fixed((Host("a", slow={("build", "base"): second.preparing}), second)))
    assert {*made_on(results).values()} == {"a"}
    assert second.prepared == ["begun", "cancelled"] and second.taken == 0


@pytest.mark.parametrize("waits", [False, True])
async def test_who_prepares_for_longer_than_base_takes_joins_in_when_it_is_ready(run: Run, waits: bool) -> None:
    """Through the boot of base, on which the others may wait, too."""
    run.waits = waits
    ready, later = asyncio.Event(), asyncio.Event()
    second = Host("b", slow={("prepare", "base"): ready})
    slow = {("build", "base"): second.preparing, **{("build", name): later for name in STATES[1:]}}

    def let_in(event: events.Event) -> None:
        if isinstance(event, events.StageStarted) and event.state != "base":
            (ready if event.where == "a" else later).set()

    run.on = let_in
    await run(Fixed((Host("a", slow=slow), second)))
    assert second.prepared == ["begun", "done"] and second.log


@pytest.mark.parametrize("waits", [False, True])
async def test_who_joins_late_takes_part(run: Run, waits: bool) -> None:
    run.waits = waits
    second = Host("b")
    held = asyncio.Event()
    crew = Coming(Host("a", slow={("build", name): held for name in STATES[1:]}))

    def join(event: events.Event) -> None:
        if isinstance(event, events.StageStarted) and event.where == "a" and event.state != "base":
            crew.come(second)
        if isinstance(event, events.StateDone) and len(second.log) == len(STATES) - 2:
            held.set()  # the first is at one state all the while

    run.on = join
    results = await run(crew)
    assert sorted(made_on(results).values(), key=str) == ["a"] * 2 + ["b"] * (len(STATES) - 2)
    assert crew.ended and second.taken == 0 and second.prepared == ["begun", "done"]


async def test_where_base_is_known_each_host_builds_it_first_and_waits_for_no_other(run: Run) -> None:
    await run(Fixed((Host("before"),)), plan=plan_of(STATES[:1]))
    hosts = Host("a", slow={("prepare", "base"): asyncio.Event()}), Host("b")
    results = await run(Fixed(hosts))
    assert hosts[0].prepared == ["begun", "cancelled"] and hosts[0].log == []
    assert hosts[1].prepared == ["begun", "done"] and sorted(hosts[1].log) == sorted(STATES[1:])
    assert [one.made_on for one in results.values()] == ["before"] + ["b"] * 5


async def test_where_base_is_known_this_host_looks_for_its_objects_too(run: Run) -> None:
    await run(Fixed((Host("before"),)), plan=plan_of(STATES[:1]))
    host = Host("")
    await run(Fixed((host,)))
    assert host.prepared == ["begun", "done"] and sorted(host.log) == sorted(STATES[1:])


@pytest.mark.parametrize("waits", [False, True])
async def test_who_has_built_base_is_not_asked_for_it_again(run: Run, waits: bool) -> None:
    run.waits = waits
    host = Host("a")
    await run(Fixed((host,)))
    assert host.prepared == [] and host.log[0] == "base"


async def test_who_joins_when_base_is_known_and_is_lost_with_it_is_missed_by_nobody(run: Run) -> None:
    await run(Fixed((Host("before"),)), plan=plan_of(STATES[:1]))
    hosts = Host("a", {"base": "prepare"}), Host("b")
    results = await run(Fixed(hosts))
    assert hosts[0].gone.is_set() and {one.outcome for one in results.values()} == {Outcome.OK}


async def test_who_could_still_join_is_not_waited_for(run: Run) -> None:
    crew = Coming(Host("a"))
    await run(crew)
    assert crew.ended


async def test_a_crew_is_told_that_it_is_over_though_nobody_waits_for_it(run: Run) -> None:
    crew, host = Coming(Host("a")), Host("b")
    async with hands.at_work(crew, "base", 1, events.unheard, None) as there:
        await there.join()
        crew.come(host)
    assert crew.ended and host.taken == 0


async def test_a_host_that_finds_nothing_left_does_what_another_is_lost_with(run: Run) -> None:
    slow = {("boot", "prefix-1"): asyncio.Event()}
    hosts = Host("a", slow=slow), Host("b", slow=slow)

    def lose(event: events.Event) -> None:
        done = sum(isinstance(one, events.StateDone) for one in run.heard)
        if isinstance(event, events.StateDone) and done == len(STATES) - 1:
            for host in hosts:
                host.slow = {}
            for host in hosts:
                if "prefix-1" in host.jobs:
                    host.gone.set()

    run.on = lose
    results = await run(Fixed(hosts))
    assert all(one.outcome is Outcome.OK for one in results.values())
    (lost,) = (host for host in hosts if host.gone.is_set())
    assert results["prefix-1"].made_on in {"a", "b"} - {lost.where}


async def test_what_was_at_a_host_beside_what_ended_it_is_not_given_up(run: Run) -> None:
    """One that is started again each time, and boots while it builds."""

    def started() -> Host:
        hosts.append(Host("a", {"without-2": "build"}, {("boot", name): asyncio.Event() for name in STATES}))
        return hosts[-1]

    def go_on(event: events.Event) -> None:
        if isinstance(event, events.Preparing):
            crew.come(started())
        if isinstance(event, events.StageStarted) and event.stage == "boot":
            booted = hosts[-1].slow["boot", event.state]
            asyncio.get_running_loop().call_later(0.05, booted.set)

    hosts: list[Host] = []
    crew = Coming(started())
    run.on = go_on
    results = await run(crew)
    assert len(hosts) == 4
    infra = [name for name, one in results.items() if one.outcome is Outcome.INFRA_ERROR]
    assert infra == ["without-2"]


@pytest.mark.parametrize("state", ["base", "prefix-3"])
async def test_where_all_are_gone_the_run_ends_and_keeps_what_was_finished(run: Run, state: str) -> None:
    host = Host("a", {state: "build"})
    with pytest.raises(InfraError, match="no host is left"):
        await run(Fixed((host,)))
    results = await run(Fixed((Host("b"),)))
    assert [name for name, one in results.items() if one.made_on == "a"] == host.log


@pytest.mark.parametrize("error", OVER)
async def test_a_crew_that_waits_for_none_any_more_ends_the_run(run: Run, error: InfraError | None) -> None:
    crew = Coming(Host("a", {"prefix-1": "build"}))

    def end(event: events.Event) -> None:
        if isinstance(event, events.Preparing):
            asyncio.get_running_loop().call_later(0.05, crew.none_comes, error)  # when all has come to rest

    run.on = end
    with pytest.raises(InfraError, match="no host is left"):
        await run(crew)


@pytest.mark.parametrize("error", OVER)
async def test_a_run_to_which_nobody_came_is_told_so(run: Run, error: InfraError | None) -> None:
    crew = Coming(Host("a"))
    crew._queue.get_nowait()
    crew.none_comes(error)
    with pytest.raises(InfraError, match="no host is left"):
        await run(crew)


class SameCode(Trees):
    """All trees but base have the same code, and pages of their own."""

    def changes(self, old: str, new: str) -> tuple[Change, ...]:
        code = Change("main.c", ("100644", "old"), ("100644", "new"))
        return (code, *super().changes(old, new)) if old != new else ()


async def test_what_was_like_a_build_that_is_lost_is_like_what_that_is_like_then(run: Run) -> None:
    """Two build the same, and a third is found to be like the first of them: which is lost, and is like the second."""
    build, boot = ({(stage, name): asyncio.Event() for name in STATES[1:4]} for stage in ("build", "boot"))
    hosts = Host("a", slow=build | boot), Host("b", slow=build | boot)
    begun: list[str] = []

    def go_on(event: events.Event) -> None:
        if isinstance(event, events.StageStarted) and event.state != "base":
            begun.extend([event.state] if event.stage == "build" else [])
            if event.stage == "build" and len(begun) == 2:
                build["build", begun[0]].set()
            elif event.stage == "boot" and event.state == begun[0]:
                build["build", begun[1]].set()
            elif event.stage == "boot":
                next(host for host in hosts if begun[0] in host.jobs).gone.set()
        elif isinstance(event, events.Preparing):
            boot["boot", begun[1]].set()

    run.on, run.trees = go_on, SameCode()
    results = await run(Fixed(hosts), plan=plan_of(STATES[:4]))
    assert len(begun) == 2 and {one.outcome for one in results.values()} == {Outcome.OK}
    likes = {name: one.built_as for name, one in results.items() if one.built_as is not None}
    (third,) = {*STATES[1:4]} - {*begun}
    assert likes == {third: begun[0], begun[0]: begun[1]}


# --- who cannot do the work ---------------------------------------------------------------------


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("names", [("a", "b"), ("b", "a")])
async def test_a_host_that_cannot_do_the_work_gets_two_states_and_they_are_done_by_others(
    run: Run, names: tuple[str, str], waits: bool
) -> None:
    """Base, too: it may be the first who cannot."""
    run.waits = waits
    hosts = {"a": Host("a", unable=STATES), "b": Host("b")}
    results = await run(Fixed(tuple(hosts[name] for name in names)))
    assert {name: one.outcome for name, one in results.items()} == dict.fromkeys(STATES, Outcome.OK)
    assert {*made_on(results).values()} == {"b"} and sorted(hosts["b"].log) == sorted(STATES)
    first, second = hosts["a"].tried
    assert first != second and run.told == [
        f"a: {first}: no memory on a; another host is to have it",
        f"a: {second}: no memory on a; nothing more is given to that host",
    ]
    assert hosts["a"].lost == f"{second}: no memory on a" and hosts["b"].lost == ""


@pytest.mark.parametrize("state", STATES[1:])
async def test_a_state_that_one_host_cannot_do_is_done_by_another_and_that_host_goes_on(run: Run, state: str) -> None:
    hosts = Host("a", unable=(state,)), Host("b", unable=(state,)), Host("c")
    results = await run(Fixed(hosts))
    assert {one.outcome for one in results.values()} == {Outcome.OK} and results[state].made_on == "c"
    assert all(host.tried in ([], [state]) and host.lost == "" and host.log for host in hosts)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
async def test_what_no_host_can_do_is_told_in_the_words_of_the_last(run: Run, count: int) -> None:
    """That is the third, or whoever is left."""
    hosts = tuple(Host(name, unable=("prefix-2",)) for name in "abcd"[:count])
    results = await run(Fixed(hosts))
    outcomes = {name: one.outcome for name, one in results.items()}
    assert outcomes == dict.fromkeys(STATES, Outcome.OK) | {"prefix-2": Outcome.INFRA_ERROR}
    assert results["prefix-2"].detail == f"no memory on {results['prefix-2'].made_on}"
    assert sum(len(host.tried) for host in hosts) == min(count, 3)


async def test_who_is_the_only_one_goes_on_though_it_can_do_nothing(run: Run) -> None:
    host = Host("a", unable=STATES[1:])
    results = await run(Fixed((host,)))
    assert [name for name, one in results.items() if one.outcome is Outcome.OK] == ["base"]
    assert sorted(host.tried) == sorted(STATES[1:]) and run.told == []


async def test_what_was_to_go_to_a_host_that_is_lost_comes_back(run: Run) -> None:
    """To the one that could not do it: its words are an answer then."""
    hosts = Host("a", unable=("prefix-2",)), Host("b", {"prefix-2": "build"})
    results = await run(Fixed(hosts))
    assert results["prefix-2"].outcome is Outcome.INFRA_ERROR and results["prefix-2"].detail == "no memory on a"
    assert hosts[1].gone.is_set() and {name for name in STATES if results[name].outcome is Outcome.OK} == {*STATES} - {
        "prefix-2"
    }


async def test_a_base_that_no_host_can_do_ends_the_run_in_their_words(run: Run) -> None:
    with pytest.raises(InfraError, match=r"^no memory on b$"):
        await run(Fixed((Host("a", unable=("base",)), Host("b", unable=("base",)))))


async def test_what_was_like_a_build_that_a_host_could_not_boot_is_done_by_another(run: Run) -> None:
    run.trees = SameCode()
    hosts = Host("a", unable=STATES[1:]), Host("b")
    results = await run(Fixed(hosts), plan=plan_of(STATES[:4]))
    assert {one.outcome for one in results.values()} == {Outcome.OK}


async def test_a_host_of_ones_own_tells_of_itself_as_before(run: Run) -> None:
    hosts = Host("", unable=("prefix-1",)), Host("", unable=("prefix-1",))
    results = await run(Fixed(hosts))
    assert results["prefix-1"].outcome is Outcome.INFRA_ERROR and run.told == []
    assert sum(len(host.tried) for host in hosts) == 1


async def test_an_executor_is_given_back_as_often_as_it_was_taken(run: Run) -> None:
    host = Host("a")
    engine = Engine(SETUP, Fixed((host,)), cast(TreeStore, Trees("main.c")), run.store, lambda _: None)
    with engine.keeping():
        await engine.run(plan_of(STATES[:2]), run.place / "out")
        await engine.run(run.plan, run.place / "out")
        assert host.taken == 2
    assert host.taken == 0
    await engine.run(plan_of((*STATES, "without-3")), run.place / "out")
    assert host.taken == 0


async def test_a_host_that_is_back_has_not_what_was_lost_with_it_while_another_can(run: Run) -> None:
    """It may be back before the other has built what it needs."""
    ready, never = asyncio.Event(), asyncio.Event()
    one = Host("a", slow={("build", "base"): never})
    other = Host("b", slow={("prepare", "base"): ready})
    crew = Coming(one, other)

    def back(event: events.Event) -> None:
        if isinstance(event, events.Preparing) and event.what.endswith("goes to another host"):
            crew.come(Host("a", deadly={"base": "build"}))
            asyncio.get_running_loop().call_later(0.1, ready.set)

    async def lose() -> None:
        await other.preparing.wait()
        one.gone.set()

    losing = asyncio.create_task(lose())
    run.on = back
    results = await run(crew)
    await losing
    assert {state.outcome for state in results.values()} == {Outcome.OK} and results["base"].made_on == "b"
    assert run.told == ["a: its process has ended; what it was at goes to another host"]


async def test_nothing_more_is_given_to_a_host_that_is_left_out(run: Run) -> None:
    broken = Host("a", unable=STATES)
    await run(Fixed((broken, Host("b"))))
    assert broken.for_good and broken.lost
