# SPDX-License-Identifier: GPL-2.0-only
"""A job and an observation go through JSON and come back equal, whatever is in them."""

import re
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kseries import arch
from kseries.evaluate.setup import Setup
from kseries.guest.added import Files
from kseries.guest.sysroot import Sysroot
from kseries.kbuild.config import Config, Start
from kseries.kbuild.keptselftests import KeptSelftests
from kseries.model import Accel, Conditions, HostFacts, Job, Machine, Observation, Origin, Probe, Record, Userland
from kseries.probes.hosttests import HostTest
from kseries.probes.programs import Program
from kseries.probes.selftests import Selftest
from kseries.probes.targets import Target

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


def of(kind: type[Record]) -> st.SearchStrategy[Any]:
    """Records with every field filled, and those within them."""
    return st.builds(kind, **{name: st.from_type(hint) for name, hint in get_type_hints(kind).items()})


@pytest.fixture(scope="module", autouse=True)
def known_to_hypothesis() -> None:
    st.register_type_strategy(str, TEXT)
    st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
    st.register_type_strategy(int, st.integers(-(2**63), 2**63))
    machines = st.builds(
        Machine,
        memory=st.integers(64, 4096),
        disks=st.lists(st.integers(1, 100), max_size=3).map(tuple),
        devices=st.just(("edu",)),
        append=st.just(("quiet",)),
    )
    st.register_type_strategy(Machine, machines)
    named = st.builds(Probe.program, st.sampled_from(["a", "b.c"]), st.sampled_from(Origin))
    st.register_type_strategy(Probe, named)
    kinds: list[Any] = [Job, Observation]
    seen: set[Any] = {Machine, Probe}
    while kinds:
        kind = kinds.pop()
        if kind not in seen:
            seen.add(kind)
            st.register_type_strategy(kind, of)
            kinds += [one for hint in get_type_hints(kind).values() for one in records_in(hint)]


def records_in(hint: Any) -> list[Any]:
    if isinstance(hint, type) and issubclass(hint, Record):
        return [hint]
    return [one for inner in getattr(hint, "__args__", ()) for one in records_in(inner)]


@settings(max_examples=25, deadline=None)
@given(st.data())
@pytest.mark.parametrize("kind", [Job, Observation])
def test_json_gives_back_what_it_was_given(kind: type[Record], data: st.DataObject) -> None:
    one = data.draw(of(kind))
    assert msgspec.json.decode(msgspec.json.encode(one), type=kind) == one


A, B = Probe.ours("a"), Probe.ours("b")
SETUP = Setup(arch.get("x86_64"), Accel(name="tcg", why="no KVM"), "gcc 12", Config("CONFIG_A=y\n"), (A,), "program")


@pytest.mark.parametrize(
    "other",
    [
        {"accel": Accel(name="kvm", why="")},
        {"arch": arch.get("arm64")},
        {"toolchain": "gcc 13"},
        {"config": Config("CONFIG_A=n\n")},
        {"config": Config("CONFIG_A=y\n", ("LLVM=1",))},
        {"config": Config("CONFIG_A=y\n", (), Start.DEFCONFIG)},
        {"probes": (B,)},
        {"program": "another"},
        {"repeat": 2},
        {"attempt": 1},
        {"programs": (Program("a", Path("a.c"), "digest"),)},
        {"selftests": (Selftest("mm", "a"),)},
        {"unboxed": True},
        {"build_only": True},
        {"emulator": "QEMU 8"},
        {"machine": Machine(memory=1024)},
        {"userland": Userland(name="debian:bookworm", digest="0" * 64, size=1)},
        {"added": Files("digest", Path("add.cpio"))},
        {"kunit": ("list*",)},
        {"targets": (Target("net", "a.sh"),)},
        {"host_tests": (HostTest("x", Path("tests"), "digest"),)},
        {"sysroot": Sysroot("digest", Path("root"))},
        {"record_console": True},
        {"installed": KeptSelftests("digest", Path("selftests"))},
    ],
    ids=lambda other: next(iter(other)),
)
def test_whatever_an_observation_depends_on_is_in_its_name(other: dict[str, Any]) -> None:
    changed = Setup(**{**vars_of(SETUP), **other})
    assert changed.key("tree") != SETUP.key("tree")


def vars_of(setup: Setup) -> dict[str, Any]:
    return {name: getattr(setup, name) for name in Setup.__dataclass_fields__}


def test_each_field_of_what_it_depends_on_is_asked_for_above() -> None:
    """Who adds one to a job or a host adds it there."""
    assert {*Conditions.__struct_fields__} == {
        "arch",
        "config",
        "make",
        "start",
        "probes",
        "programs",
        "selftests",
        "machine",
        "repeat",
        "attempt",
        "boots",
        "boxed",
        "userland",
        "added",
        "kunit",
        "targets",
        "host_tests",
        "sysroot",
        "record_console",
        "installed",
    }
    assert {*HostFacts.__struct_fields__} == {"accel", "toolchain", "emulator"}


def test_who_asks_for_none_has_the_conditions_of_before() -> None:
    words = {
        *re.findall(rb"\w+", msgspec.json.encode(Conditions(arch="x86_64")) + msgspec.json.encode(SETUP.conditions))
    }
    unasked = {
        b"userland",
        b"kunit",
        b"targets",
        b"attempt",
        b"host_tests",
        b"sysroot",
        b"record_console",
        b"installed",
        b"boots",
        b"start",
    }
    assert not unasked & words
    digest = "0" * 64
    assert msgspec.json.decode(
        msgspec.json.encode(Conditions(arch="x86_64", userland=digest)), type=Conditions
    ).userland
