# SPDX-License-Identifier: GPL-2.0-only
"""The hosts of a cluster as the executors of a run, as long as they are alike, whenever they come."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from kseries.cluster import tasks
from kseries.cluster.choices import alike, apart
from kseries.cluster.connection import Connection, Host
from kseries.cluster.remote import Common, Readers, Remote
from kseries.cluster.supply import Supply
from kseries.evaluate.executor import Executor
from kseries.model import Conditions, Dependencies, HostFacts, Job, events
from kseries.model.errors import InfraError, InputError, KseriesError, LostError
from kseries.plan.samebuild import Footprint
from kseries.plan.schedule import Place

_FIRST_SECONDS = 60.0
"""How long a run waits for a host, where there is none: a queue may be about to start one."""
_LOOK_SECONDS = 5.0
_AGAIN_SECONDS = 10.0
"""Until a host is asked again that was lost, or has said nothing, and is still there."""
_MOST_LOSSES = 3
"""How often a host may be lost in a row, with nothing done in between: it will not do better."""
_SHOWN = 8


@dataclass(frozen=True)
class Unfit:
    """A host that takes no part in a run, and why."""

    host: Host
    why: str
    for_now: bool = False
    """Whether it may be asked again."""
    mistaken: bool = False
    """What is asked for is no host's fault."""


async def facts_of(connection: Connection, host: Host, conditions: Conditions, program: str) -> HostFacts | Unfit:
    """What a host has for jobs under some conditions; Unfit where it cannot do them, or is not this ``program``
    (cache.store.program(), which takes a second to find out). Raises LostError.
    """
    if host.program != program:
        return Unfit(host, f"has another kseries ({host.version}, its programs or its code differ)")
    told = await connection.call(host, tasks.facts, msgspec.json.encode(conditions))
    if "error" in told:
        return Unfit(host, str(told["error"]), mistaken=told["kind"] == "input")
    if told["program"] != program:
        return Unfit(host, f"has another kseries ({told['version']})")
    return msgspec.json.decode(told["host"], type=HostFacts)


@dataclass(frozen=True)
class Survey:
    """What the hosts of a cluster have. ``facts`` are those of the hosts that take part, ``answers`` all of them."""

    facts: HostFacts
    answers: Mapping[str, HostFacts | Unfit]
    """By address."""


async def survey(
    connection: Connection,
    conditions: Conditions,
    program: str,
    tell: events.Listener,
    before: Sequence[HostFacts] = (),
) -> Survey:
    """What most of the hosts have in common, told who has what where they differ; none but hosts that are like what was
    chosen ``before`` will do. Raises InfraError where none does, InputError where each says so of what is asked for.

    What a kernel did under another compiler, or in another QEMU, says nothing of what it did under this one.
    """
    await _anybody(connection, tell)
    hosts = connection.hosts
    found = await asyncio.gather(*(_answer(connection, one, conditions, program) for one in hosts))
    groups: dict[HostFacts, list[str]] = defaultdict(list)
    unfit: list[Unfit] = []
    for host, answer in zip(hosts, found, strict=True):
        if isinstance(answer, Unfit):
            unfit.append(answer)
        else:
            groups[answer].append(host.name)
    if not groups:
        raise _none(connection, unfit)
    fit = [facts for facts in groups if all(alike(facts, one) for one in before)]
    if not fit:
        raise InfraError(_none_alike(connection, groups, before))
    chosen = max(fit, key=lambda facts: (len(groups[facts]), groups[facts]))
    for line in _differences(groups, chosen, unfit):
        tell(events.Preparing(line))
    return Survey(chosen, {host.address: answer for host, answer in zip(hosts, found, strict=True)})


async def _anybody(connection: Connection, tell: events.Listener) -> None:
    """Wait a while for a host, where there is none."""
    ends = time.monotonic() + _FIRST_SECONDS
    told = False
    while not connection.hosts and time.monotonic() < ends:
        if not told:
            tell(events.Preparing(f"{connection.address} has no host yet: waiting{_strangers(connection)}"))
            told = True
        await connection.changed(_LOOK_SECONDS)


async def _answer(connection: Connection, host: Host, conditions: Conditions, program: str) -> HostFacts | Unfit:
    """As facts_of; a host that is gone, or says nothing, is Unfit, too."""
    try:
        return await facts_of(connection, host, conditions, program)
    except LostError as error:
        return Unfit(host, str(error), for_now=True)


def _strangers(connection: Connection) -> str:
    return f" ({len(connection.others)} workers there are no kseries worker's)" if connection.others else ""


def _none(connection: Connection, unfit: list[Unfit]) -> KseriesError:
    if not unfit:
        start = f"start one: kseries worker {connection.address}"
        none = f"{connection.address} has no host that kseries worker has given it{_strangers(connection)}"
        return InfraError(f"{none}\n  {start}")
    if all(one.mistaken for one in unfit):
        return InputError(unfit[0].why)
    why = "; ".join(f"{one.host.name} {_in_a_line(one.why)}" for one in unfit[:_SHOWN])
    return InfraError(f"no host of {connection.address} can do this run\n  {why}")


def _none_alike(connection: Connection, groups: dict[HostFacts, list[str]], before: Sequence[HostFacts]) -> str:
    """No host has what a command has begun with."""
    differing = {facts: next(_differing(facts, one) for one in before if not alike(facts, one)) for facts in groups}
    why = "; ".join(f"{', '.join(names[:_SHOWN])}: {differing[facts]}" for facts, names in groups.items())
    return f"no host of {connection.address} has what others of this command's kernels were made with\n  {why}"


def _in_a_line(why: str) -> str:
    return why.partition("\n")[0]


def _differences(groups: dict[HostFacts, list[str]], chosen: HostFacts, unfit: list[Unfit]) -> Iterator[str]:
    """Who is left out of a run, and what they have that the others have not."""
    names = ", ".join(groups[chosen][:_SHOWN])
    for facts, others in groups.items():
        if facts != chosen:
            yield f"left out: {', '.join(others[:_SHOWN])}: {_differing(facts, chosen)}, where {names} have it so"
    for one in unfit:
        yield f"left out: {one.host.name} {_in_a_line(one.why)}"


def _differing(facts: HostFacts, chosen: HostFacts) -> str:
    pairs = (
        ("accelerator", facts.accel.name, chosen.accel.name),
        ("toolchain", *apart(facts, chosen)),
        ("QEMU", facts.emulator, chosen.emulator),
    )
    return "; ".join(f"{what} {has or 'none'}, not {wants or 'none'}" for what, has, wants in pairs if has != wants)


class Team:
    """The hosts that have what a run's have in common, each an executor from when it is there, and again when it comes
    back, or is still there and has failed to do something.
    """

    def __init__(
        self, connection: Connection, supply: Supply, common: Common, answers: Mapping[str, HostFacts | Unfit]
    ) -> None:
        self._connection = connection
        self._supply = supply
        self._common = common
        self._answers = dict(answers)
        self._readers = Readers()
        self._members: dict[str, Remote] = {}
        """By address: a host that is started again is another."""
        self._losses: Counter[str] = Counter()
        """How often a host was lost in a row that was still there."""
        self._again: dict[str, float] = {}
        """When something is to be asked of a host again."""

    def vouches(self, tree: str, read: Dependencies) -> bool:
        return any(one.vouches(tree, read) for one in self._members.values())

    def foreseen(self, base: str) -> Place:
        return Place(self._readers, Footprint({}, {}))

    def lacks(self, base: Job) -> bool:
        return False

    def seconds(self, targets: int) -> float | None:
        return None

    async def members(self, most: int, tell: events.Listener) -> AsyncGenerator[Executor, None]:
        """Each host of the run, as it comes. Raises InfraError where there is none, and has been none for a while."""
        most = max(most, 2)  # of one state, too: another may do what the first cannot
        given: set[str] = set()
        alone_since = time.monotonic()
        self._losses.clear()
        while True:
            await self._ask(tell)
            for host in self._connection.hosts:
                if len(self._at_work(given)) < most and self._is_free(host, given):
                    given.add(host.address)
                    yield self._member(host)
                    alone_since = time.monotonic()
            if self._at_work(given):
                alone_since = time.monotonic()
            elif time.monotonic() - alone_since > _FIRST_SECONDS:
                raise InfraError(self._nobody_left(given))
            await self._connection.changed(_LOOK_SECONDS)

    def _at_work(self, given: set[str]) -> list[Remote]:
        """Those of whom something can still be had."""
        members = (self._members[address] for address in given)
        return [member for member in members if not member.lost and self._connection.there(member.host)]

    def _is_free(self, host: Host, given: set[str]) -> bool:
        """Whether a host can be given: it never was, or it was lost and may do better the next time."""
        if self._answers.get(host.address) != self._common.facts:
            return False
        member = self._members.get(host.address)
        if member is not None and member.for_good:
            return False
        if host.address not in given or member is None or not member.lost:
            return host.address not in given
        if host.address not in self._again:
            self._losses[host.address] = 1 if member.done else self._losses[host.address] + 1
            self._again[host.address] = time.monotonic() + _AGAIN_SECONDS
        return self._losses[host.address] < _MOST_LOSSES and time.monotonic() >= self._again[host.address]

    def _member(self, host: Host) -> Remote:
        """A host as an executor that is not lost."""
        if host.address not in self._members or self._members[host.address].lost:
            self._again.pop(host.address, None)
            self._members[host.address] = Remote(host, self._connection, self._supply, self._common, self._readers)
        return self._members[host.address]

    async def _ask(self, tell: events.Listener) -> None:
        """Ask the hosts that have come what they have; that one takes no part is told once."""
        now = time.monotonic()
        new = [host for host in self._connection.hosts if self._is_to_be_asked(host, now)]
        common = self._common
        found = await asyncio.gather(
            *(_answer(self._connection, host, common.conditions, common.program) for host in new)
        )
        for host, answer in zip(new, found, strict=True):
            self._answers[host.address] = answer
            self._again.pop(host.address, None)
            if isinstance(answer, Unfit) and answer.for_now:
                self._again[host.address] = time.monotonic() + _AGAIN_SECONDS
            elif answer != common.facts:
                why = _in_a_line(answer.why) if isinstance(answer, Unfit) else _differing(answer, common.facts)
                tell(events.Preparing(f"left out: {host.name}: {why}"))

    def _is_to_be_asked(self, host: Host, now: float) -> bool:
        answer = self._answers.get(host.address)
        if answer is None:
            return True
        return isinstance(answer, Unfit) and answer.for_now and now >= self._again.get(host.address, 0.0)

    def _nobody_left(self, given: set[str]) -> str:
        lost = [member.lost for address in sorted(given) if (member := self._members[address]).lost]
        why = f": {'; '.join(lost[:_SHOWN])}" if lost else ""
        return (
            f"{self._connection.address} has no host left for this run{why}\n"
            "  start kseries worker there and run again; finished states are cached"
        )
