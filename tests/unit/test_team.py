# SPDX-License-Identifier: GPL-2.0-only
"""Which hosts of a cluster take part in a run, when one is asked again, and what is made of what they answer."""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from kseries.cluster import remote, tasks, team
from kseries.cluster.connection import Connection, Host, Task
from kseries.cluster.remote import Common, Readers, Remote
from kseries.cluster.supply import Supply
from kseries.evaluate.executor import Executor
from kseries.model import Accel, Conditions, Dependencies, HostFacts, Job, Observation, Outcome, events
from kseries.model.errors import InfraError, LostError

PROGRAM = "a" * 64
CONDITIONS = Conditions(arch="x86_64")
TREE, BASE = "1" * 40, "2" * 40
JOB = Job(name="prefix-1", tree=TREE, base=BASE, series=(TREE,), conditions=CONDITIONS)
SEEN = Observation(tree=TREE, outcome=Outcome.OK)


def facts(toolchain: str = "gcc 12") -> HostFacts:
    return HostFacts(accel=Accel(name="tcg", why=""), toolchain=toolchain, emulator="QEMU 7.2")


def host(name: str, program: str = PROGRAM, start: int = 1) -> Host:
    return Host(name, f"tcp://{name}:{start}", program, "1.0")


def answer(**other: Any) -> dict[str, Any]:
    """What tasks.evaluate() returns of a job."""
    whole = {"observation": msgspec.json.encode(SEEN), "logs": {}, "large": [], "folder": "", "program": PROGRAM}
    return {**whole, **other}


class Wire:
    """A connection to hosts that answer what they are told to. A minute passes whenever somebody waits."""

    address = "tcp://scheduler:1"

    def __init__(self, *hosts: Host) -> None:
        self.hosts, self.others = hosts, ("stranger",)
        self.facts: dict[str, HostFacts | str] = {}
        self.answers: dict[str, dict[str, Any] | Exception] = {}
        self.told: list[dict[str, Any]] = []
        self.known: list[str] = []
        self.asked: list[str] = []
        self.now = 0.0
        self.coming: list[Callable[[], None]] = []

    def there(self, one: Host) -> bool:
        return one in self.hosts

    async def changed(self, _seconds: float) -> None:
        self.now += 30.0
        if self.coming:
            self.coming.pop(0)()

    async def call(self, one: Host, function: Callable[..., Any], *words: Any, seconds: float = 0) -> Any:
        self.asked.append(f"{one.name} {function.__name__}")
        if function is tasks.facts:
            has = self.facts.get(one.name, facts())
            if isinstance(has, str):
                return {"error": has, "kind": "infra"}
            return {"host": msgspec.json.encode(has), "program": one.program, "version": "1.0"}
        if function is tasks.missing:
            return {"trees": [], "files": []}
        if function is tasks.readers:
            return {"a.c": [1, 2], "b.c": [2]}
        assert function is tasks.read
        read = Dependencies(paths=frozenset({"a.c"}))
        return {"read": msgspec.json.encode(read), "known": [one for one in words[1] if one in self.known]}

    async def work(self, one: Host, task: Task, hear: Callable[[dict[str, Any]], None]) -> Any:
        for line in self.told:
            hear(line)
        found = self.answers.get(one.name, answer())
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[Wire], Wire]:
    def of(wire: Wire) -> Wire:
        monkeypatch.setattr("kseries.cluster.team.time.monotonic", lambda: wire.now)
        return wire

    return of


async def surveyed(wire: Wire, *before: HostFacts) -> tuple[team.Survey, list[str]]:
    said: list[str] = []
    found = await team.survey(cast(Connection, wire), CONDITIONS, PROGRAM, lambda one: said.append(str(one)), before)
    return found, said


def a_team(wire: Wire, answers: dict[str, Any] | None = None) -> team.Team:
    supply = Supply(cast(Connection, wire), cast(Any, None), cast(Any, None), events.unheard, ("a.c", "b.c"))
    return team.Team(cast(Connection, wire), supply, Common(CONDITIONS, PROGRAM, facts(), (TREE,)), answers or {})


async def test_hosts_that_agree_with_most_take_part_and_it_is_told_who_has_what() -> None:
    wire = Wire(host("alpha"), host("beta"), host("gamma"), host("old", program="b"), host("bare"))
    wire.facts = {"gamma": facts("gcc 13"), "bare": "qemu-system-x86_64 is not installed"}
    found, said = await surveyed(wire)
    assert found.facts == facts()
    assert any("left out: gamma: toolchain gcc 13, not gcc 12" in line for line in said)
    assert any("left out: old has another kseries" in line for line in said)
    assert any("left out: bare qemu-system-x86_64 is not installed" in line for line in said)
    assert "old facts" not in wire.asked, "what another program answers is of no use"


async def test_what_began_with_some_tools_goes_on_with_them_or_not_at_all() -> None:
    wire = Wire(host("alpha"), host("beta"), host("gamma"))
    wire.facts = {"gamma": facts("gcc 13")}
    assert (await surveyed(wire, facts("gcc 13")))[0].facts == facts("gcc 13")
    with pytest.raises(
        InfraError,
        match=r"others of this command's kernels were made with\n  alpha, beta: toolchain gcc 12, not gcc 14",
    ):
        await surveyed(wire, facts("gcc 14"))


async def test_that_no_host_can_do_it_is_told(clock: Callable[[Wire], Wire]) -> None:
    with pytest.raises(InfraError, match=r"no host that kseries worker has given it.*\n  start one: kseries worker"):
        await surveyed(clock(Wire()))
    wire = Wire(host("alpha"))
    wire.facts = {"alpha": "gcc is not installed"}
    with pytest.raises(InfraError, match=r"no host of .* can do this run\n  alpha gcc is not installed"):
        await surveyed(wire)


async def test_a_run_waits_for_its_first_host(clock: Callable[[Wire], Wire]) -> None:
    wire = clock(Wire())
    wire.coming = [lambda: setattr(wire, "hosts", (host("late"),))]
    found, said = await surveyed(wire)
    assert found.answers.keys() == {"tcp://late:1"} and "has no host yet: waiting" in said[0]


async def first(members: Any, count: int) -> list[Executor]:
    return [await anext(members) for _ in range(count)]


async def test_who_comes_later_takes_part_and_who_differs_is_told_once(clock: Callable[[Wire], Wire]) -> None:
    wire = clock(Wire(host("alpha")))
    wire.facts = {"other": facts("gcc 13")}
    wire.coming = [lambda: setattr(wire, "hosts", (host("alpha"), host("beta"), host("other")))]
    said: list[str] = []
    members = a_team(wire).members(5, lambda one: said.append(str(one)))
    assert [one.where for one in await first(members, 2)] == ["alpha", "beta"]
    assert sum("left out: other: toolchain gcc 13" in line for line in said) == 1
    await members.aclose()


async def lose(executor: Executor, error: str = "it is gone", for_good: bool = False) -> None:
    assert isinstance(executor, Remote)
    executor.lost, executor.for_good = error, for_good


async def test_a_host_that_is_lost_and_still_there_is_asked_again_three_times(clock: Callable[[Wire], Wire]) -> None:
    wire = clock(Wire(host("alpha")))
    members = a_team(wire).members(5, events.unheard)
    for _ in range(3):
        (one,) = await first(members, 1)
        await lose(one, "it says nothing")
    with pytest.raises(InfraError, match="has no host left for this run: it says nothing"):
        await anext(members)


async def test_one_that_has_done_something_in_between_is_asked_on(clock: Callable[[Wire], Wire]) -> None:
    members = a_team(clock(Wire(host("alpha")))).members(5, events.unheard)
    for _ in range(10):
        (one,) = await first(members, 1)
        cast(Remote, one).done = 1
        await lose(one)
    await members.aclose()


async def test_one_whose_disk_is_full_is_not_asked_again(clock: Callable[[Wire], Wire]) -> None:
    wire = clock(Wire(host("alpha")))
    members = a_team(wire).members(5, events.unheard)
    (one,) = await first(members, 1)
    await lose(one, "no space left", for_good=True)
    with pytest.raises(InfraError, match="no host left"):
        await anext(members)


async def test_one_that_will_not_do_better_is_not_asked_for_the_next_plan_either(clock: Callable[[Wire], Wire]) -> None:
    crew = a_team(clock(Wire(host("alpha"), host("beta"))))
    members = crew.members(5, events.unheard)
    alpha, _ = await first(members, 2)
    await lose(alpha, "its disk is full", for_good=True)
    await members.aclose()
    others = crew.members(5, events.unheard)
    assert [one.where for one in await first(others, 1)] == ["beta"]
    await others.aclose()


async def test_one_that_was_started_again_is_another(clock: Callable[[Wire], Wire]) -> None:
    wire = clock(Wire(host("alpha")))
    members = a_team(wire).members(5, events.unheard)
    (one,) = await first(members, 1)
    wire.hosts = (host("alpha", start=2),)
    (again,) = await first(members, 1)
    assert again is not one and again.where == "alpha"
    await members.aclose()


# --- what a host answers --------------------------------------------------------------------------


def executor(wire: Wire) -> Remote:
    supply = Supply(cast(Connection, wire), cast(Any, None), cast(Any, None), events.unheard, ("a.c",))
    common = Common(CONDITIONS, PROGRAM, facts(), (TREE,))
    return Remote(wire.hosts[0], cast(Connection, wire), supply, common, Readers())


async def test_what_a_host_tells_and_answers_comes_home(tmp_path: Path) -> None:
    wire = Wire(host("alpha"))
    wire.told = [{"stage": "build"}, {"waiting": "for another"}, {"stage": "party"}, {"compiled": 3, "what": "a.o"}]
    wire.told += [{"built": True}, {"stage": "boot"}]
    wire.answers = {"alpha": answer(logs={"build.log": zlib.compress(b"made"), "../x": zlib.compress(b"no")})}
    heard: list[events.Event] = []
    one = executor(wire)
    seen = await one.evaluate(JOB, tmp_path / "logs", heard.append)
    assert seen == SEEN and one.done == 1
    assert [path.name for path in tmp_path.rglob("*")] == ["logs", "build.log"]
    read = Dependencies(paths=frozenset({"a.c"}))
    assert heard == [
        events.StageStarted("prefix-1", "build", where="alpha"),
        events.Preparing("prefix-1 on alpha: for another"),
        events.Compiled("prefix-1", "a.o", where="alpha", so_far=3),
        events.Built("prefix-1", True, read),
        events.StageStarted("prefix-1", "boot", where="alpha"),
    ]
    assert one.vouches(TREE, read) and not one.vouches(BASE, read)


async def test_what_a_folder_has_lost_is_not_vouched_for_any_more(tmp_path: Path) -> None:
    wire = Wire(host("alpha"))
    wire.told = [{"built": True}]
    one, read = executor(wire), Dependencies(paths=frozenset({"a.c"}))
    await one.evaluate(JOB, tmp_path, events.unheard)
    assert one.vouches(TREE, read)
    another = msgspec.structs.replace(JOB, name="prefix-2", tree=BASE)
    wire.answers = {"alpha": answer(observation=msgspec.json.encode(msgspec.structs.replace(SEEN, tree=BASE)))}
    wire.known = [TREE]
    await one.evaluate(another, tmp_path, events.unheard)
    assert one.vouches(TREE, read) and one.vouches(BASE, read)
    wire.known = []
    await one.evaluate(another, tmp_path, events.unheard)
    assert not one.vouches(TREE, read) and one.vouches(BASE, read)


BOMB = zlib.compress(bytes(remote._LOG_LIMIT + 1))
NOTHING = msgspec.json.encode(msgspec.structs.replace(SEEN, outcome=Outcome.INFRA_ERROR, detail="no memory"))
OF_ANOTHER = msgspec.json.encode(msgspec.structs.replace(SEEN, tree=BASE))
BY_OTHERS = msgspec.json.encode(msgspec.structs.replace(SEEN, host=facts("gcc 13")))


@pytest.mark.parametrize(
    ("told", "said", "for_good"),
    [
        (LostError("it is gone"), "it is gone", False),
        (answer(error="no space left", kind="disk"), "no space left", True),
        (answer(error="no such probe", kind="input"), "no such probe", False),
        (answer(program="b" * 64), "another kseries", True),
        (answer(program=""), "another kseries", True),
        (answer(observation=b"{}"), "no observation", False),
        (answer(observation=OF_ANOTHER), "of another tree", False),
        (answer(observation=BY_OTHERS), "other tools", True),
        (answer(logs="x"), "no result", False),
        (answer(logs={"build.log": b"no zlib"}), "damaged", False),
        (answer(logs={"build.log": BOMB}), "no end", False),
    ],
)
async def test_what_is_of_no_use_is_a_loss(tmp_path: Path, told: Any, said: str, for_good: bool) -> None:
    wire = Wire(host("alpha"))
    wire.answers = {"alpha": told}
    one = executor(wire)
    with pytest.raises(LostError, match=said):
        await one.evaluate(JOB, tmp_path, events.unheard)
    assert one.lost and one.for_good == for_good and not one.done


async def test_that_a_host_saw_nothing_is_nothing_done(tmp_path: Path) -> None:
    wire = Wire(host("alpha"))
    wire.answers = {"alpha": answer(observation=NOTHING)}
    one = executor(wire)
    assert (await one.evaluate(JOB, tmp_path, events.unheard)).detail == "no memory" and one.done == 0
