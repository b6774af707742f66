# SPDX-License-Identifier: GPL-2.0-only
"""Whatever hosts come and go: what one command compares was made by hosts that are alike."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from kseries import cli, inputs
from kseries.app import clusters, session, setup
from kseries.app.options import Options
from kseries.cli import reporting
from kseries.cluster import connection as connections
from kseries.cluster.address import Access
from kseries.cluster.choices import alike
from kseries.cluster.connection import Connection, Host
from kseries.evaluate.setup import Setup
from kseries.kbuild.config import Config
from kseries.model import Accel, Conditions, HostFacts, RunResult, Series, events
from kseries.model.errors import InfraError, InputError
from kseries.sources import TreeStore
from tests.support import tinyseries
from tests.support.engines import SETUP
from tests.support.judged import plan_of
from tests.support.runs import run, state

KVM = Accel(name="kvm", why="")
OLD, NEW = (HostFacts(KVM, f"gcc {version} / ld 2.40", "QEMU 8.2") for version in (12, 14))


@dataclass
class Hosts:
    """In the place of a connection: who is there, and what each has, a test says."""

    has: dict[str, HostFacts | str]
    """By their names; of one that takes no part, its reason."""
    address: str = "tcp://127.0.0.1:1"
    others: tuple[str, ...] = ()
    sent: int = 0
    received: int = 0
    kind: str = "infra"
    asked: list[Conditions] = field(default_factory=list)

    @property
    def hosts(self) -> tuple[Host, ...]:
        return tuple(Host(name, f"tcp://{name}", SETUP.program, "1") for name in self.has)

    async def changed(self, seconds: float) -> None:
        raise AssertionError("there is nothing to wait for")

    async def call(self, host: Host, function: object, conditions: bytes) -> Mapping[str, Any]:
        self.asked.append(msgspec.json.decode(conditions, type=Conditions))
        found = self.has[host.name]
        if isinstance(found, str):
            return {"error": found, "kind": self.kind}
        return {"host": msgspec.json.encode(found), "program": SETUP.program, "version": "1"}


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> Hosts:
    made = Hosts({"alpha": OLD, "beta": OLD, "gamma": NEW})

    @contextmanager
    def connected(*_: object) -> Iterator[Connection]:
        yield cast(Connection, made)

    monkeypatch.setattr(connections, "connected", connected)
    return made


class Same:
    """Trees that differ in nothing."""

    def changed_paths(self, *_: str) -> tuple[str, ...]:
        return ()


def hear(_: events.Event) -> None:
    pass


def options(hosts: Hosts) -> Options:
    return Options(out=Path("out"), cluster=Access(hosts.address))


def chosen(setup: Setup, hosts: Hosts, tell: events.Listener = hear) -> HostFacts:
    """What a step of a command has its states made by."""
    target = inputs.Target(series=Series(name="series", version=1, patches=()))
    trees, planned = cast(TreeStore, Same()), plan_of(("base", "prefix-1"))
    return clusters.crew_of(setup, target, options(hosts), trees, planned, tell)[0].host


def now_most_have_another(hosts: Hosts) -> None:
    hosts.has |= {"beta": NEW, "delta": NEW}


def test_the_first_choice_is_that_of_most_and_stays_while_any_host_has_it(hosts: Hosts) -> None:
    with clusters.joined(options(hosts), hear):
        assert chosen(SETUP, hosts) == OLD
        now_most_have_another(hosts)
        assert chosen(SETUP, hosts) == OLD
    with clusters.joined(options(hosts), hear):
        assert chosen(SETUP, hosts) == NEW, "another command chooses anew"


def test_where_no_host_has_it_any_more_that_is_told_in_two_lines(hosts: Hosts) -> None:
    with clusters.joined(options(hosts), hear):
        chosen(SETUP, hosts)
        hosts.has = {"gamma": NEW}
        with pytest.raises(InfraError) as told:
            chosen(SETUP, hosts)
    assert str(told.value) == (
        "no host of tcp://127.0.0.1:1 has what others of this command's kernels were made with\n"
        "  gamma: toolchain gcc 14, not gcc 12"
    )


def test_variants_and_series_of_one_command_have_one_choice(hosts: Hosts) -> None:
    with clusters.alike():
        with clusters.joined(options(hosts), hear):
            assert chosen(SETUP, hosts) == OLD
        now_most_have_another(hosts)
        with clusters.joined(options(hosts), hear), clusters.joined(options(hosts), hear):
            assert chosen(replace(SETUP, config=Config("CONFIG_NET=y\n")), hosts) == OLD
            assert chosen(replace(SETUP, config=Config("", ("LLVM=1",))), hosts) == NEW, "other tools"


def test_what_boots_nothing_first_leaves_open_what_boots(hosts: Hosts) -> None:
    other = msgspec.structs.replace(OLD, emulator="QEMU 9.0")
    with clusters.joined(options(hosts), hear):
        hosts.has = {"alpha": msgspec.structs.replace(OLD, emulator="")}
        assert chosen(replace(SETUP, build_only=True), hosts).emulator == ""
        hosts.has = {"alpha": OLD, "beta": other, "gamma": NEW, "delta": NEW, "epsilon": NEW}
        first = chosen(SETUP, hosts)
        assert first in (OLD, other), "the compiler is that of before"
        hosts.has["zeta"] = hosts.has["eta"] = OLD if first == other else other
        assert chosen(SETUP, hosts) == first


def test_what_every_host_says_is_the_users_mistake_ends_the_command_so(hosts: Hosts) -> None:
    mistake = "QEMU does not take this machine: no\n  see --device"
    hosts.has, hosts.kind = {"alpha": mistake, "beta": mistake}, "input"
    with clusters.joined(options(hosts), hear):
        with pytest.raises(InputError) as told:
            chosen(SETUP, hosts)
        assert str(told.value) == mistake
        said: list[str] = []

        def hear_it(event: events.Event) -> None:
            if isinstance(event, events.Preparing):
                said.append(event.what)

        hosts.has = {"alpha": mistake, "beta": OLD}
        assert chosen(SETUP, hosts, hear_it) == OLD
        assert said == ["left out: alpha QEMU does not take this machine: no"]


def test_hosts_are_alike_if_one_host_could_be_both() -> None:
    with_depmod = msgspec.structs.replace(OLD, toolchain=f"{OLD.toolchain} / kmod version 30")
    other_qemu = HostFacts(KVM, OLD.toolchain, "QEMU 9")
    no_kvm = HostFacts(Accel("tcg", ""), OLD.toolchain, OLD.emulator)
    for one in (OLD, with_depmod, msgspec.structs.replace(OLD, emulator="")):
        assert alike(OLD, one) and alike(one, OLD)
    with_pahole = msgspec.structs.replace(OLD, toolchain=f"{OLD.toolchain} / pahole v1.24")
    assert alike(with_depmod, with_pahole)
    newer = msgspec.structs.replace(with_depmod, toolchain=f"{with_pahole.toolchain} / kmod version 31")
    assert not alike(with_depmod, newer)
    without = msgspec.structs.replace(OLD, toolchain=f"{OLD.toolchain} / no pahole")
    assert not alike(with_pahole, without) and not alike(without, with_pahole)
    for other in (NEW, other_qemu, no_kvm):
        assert not alike(OLD, other) and not alike(other, OLD)


def test_kseries_run_has_its_variants_made_alike(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    linux = tinyseries.repository(tmp_path / "linux", 1)
    seen: list[object] = []

    def made(*_: object) -> RunResult:
        seen.append(clusters._choices.get())
        return run(state("base"))

    monkeypatch.setattr(session, "run", made)
    monkeypatch.setattr(setup, "require", lambda *_: None)
    monkeypatch.setattr(reporting, "make", lambda *_: 0)
    words = ("--tree", str(linux), "--out", str(tmp_path / "out"), "--variant", "a=boot:no", "--variant", "b=boot:no")
    cli.main(["run", "base..topic", *words])
    assert len(seen) == 2 and seen[0] is seen[1] is not None
    assert clusters._choices.get() is None
