# SPDX-License-Identifier: GPL-2.0-only
"""Boots in which a kernel tests itself: what one suite brings down, the others come to in boots of their own."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from kseries import arch
from kseries.guest import kunitboots, machine, trace
from kseries.guest.ending import How, Stop
from kseries.guest.machine import Booting, Heard, Image
from kseries.model import Accel, Boot, Check, Ending, Machine, Outcome, Probe, Status
from kseries.probes import kunit

PANIC = "Kernel panic - not syncing: a case of ours"
DOWN = Stop(How.DOWN, "the guest went down (guest-reset)", "guest-reset")
SUITES = {"a": ("one", "two"), "b b": ("one", "dies", "two"), "c": ("one",)}
PLAIN = Boot(
    outcome=Outcome.OK,
    ending=Ending.DONE,
    detail="",
    seconds=1.0,
    seconds_to_first_check=None,
    caps={},
    checks=(Check(id="own.check", status=Status.PASS),),
    console="",
)
CHECKS = {
    "kunit.a.one": Status.PASS,
    "kunit.a.two": Status.PASS,
    "kunit.b_b.one": Status.PASS,
    "kunit.b_b.dies": Status.PASS,
    "kunit.b_b.two": Status.PASS,
    "kunit.c.one": Status.PASS,
}


class Kernel:
    """Stands in for a guest: it runs the suites that a filter takes in, and dies in some cases."""

    def __init__(self, *deadly: str, lists: bool = True) -> None:
        self.told: list[tuple[str, ...]] = []
        self._deadly = deadly
        self._lists = lists

    async def listen(self, booting: Booting, heard: Heard, probes: tuple[Probe, ...], words: tuple[str, ...]) -> Stop:
        assert probes == ()
        self.told.append(words)
        glob = next(word.partition("=")[2] for word in words if word.startswith("kunit.filter_glob="))
        suites = {name: cases for name, cases in SUITES.items() if kunit.matches(glob, name)}
        lists = "kunit.action=list" in words
        text, died = _listing(suites if self._lists else {}) if lists else self._run(suites)
        heard.console.feed(text.encode())
        heard.log.write_bytes(heard.console.data)
        return DOWN if died else Stop(How.END)

    def _run(self, suites: dict[str, tuple[str, ...]]) -> tuple[str, bool]:
        lines = ["KTAP version 1", f"1..{len(suites)}"]
        for number, (suite, cases) in enumerate(suites.items(), 1):
            lines += ["    KTAP version 1", f"    # Subtest: {suite}", f"    1..{len(cases)}"]
            for place, case in enumerate(cases, 1):
                if case in self._deadly:
                    return "\n".join([*lines, PANIC, ""]), True
                lines.append(f"    ok {place} {case}")
            lines.append(f"ok {number} {suite}")
        return "\n".join([*lines, ""]), False


def _listing(suites: dict[str, tuple[str, ...]]) -> tuple[str, bool]:
    lines = [line for name, cases in suites.items() for line in (name, *(f"{name}.{case}" for case in cases))]
    return "\n".join(["KTAP version 1", *lines, ""]), False


@pytest.fixture
def boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Boot]:
    def booted(kernel: Kernel, *globs: str, plain: Boot = PLAIN) -> Boot:
        monkeypatch.setattr(machine, "listen", kernel.listen)
        monkeypatch.setattr(machine, "_decoded", _undecoded)
        log = tmp_path / "console.log"
        log.write_bytes(b"plain\n")
        booting = Booting(arch.get("x86_64"), Accel(name="tcg", why=""), Image(log, log, log), Machine())
        return asyncio.run(kunitboots.boot(booting, globs, plain, log))

    return booted


async def _undecoded(*_: object) -> object:
    return trace.Decoded("", ())


def statuses(boot: Boot) -> dict[str, Status]:
    return {
        check.id: check.status for check in boot.checks if check.id.startswith("kunit.") and check.id.count(".") > 1
    }


def test_what_goes_well_takes_one_boot(boot: Callable[..., Boot], tmp_path: Path) -> None:
    kernel = Kernel()
    seen = boot(kernel, "*")
    assert statuses(seen) == CHECKS
    assert kernel.told == [("kunit.enable=1", "kunit.filter_glob=*")]
    assert seen.checks[0] == PLAIN.checks[0]
    assert (seen.outcome, seen.ending) == (Outcome.OK, Ending.DONE)
    assert (tmp_path / "console.log").read_text().startswith("plain\n\n--- KUnit, *\nKTAP version 1\n")


def test_a_suite_that_brings_the_machine_down_costs_that_suite(boot: Callable[..., Boot]) -> None:
    kernel = Kernel("dies")
    seen = boot(kernel, "*")
    assert statuses(seen) == CHECKS | {"kunit.b_b.dies": Status.FAIL, "kunit.b_b.two": Status.MISSING}
    assert [words[1:] for words in kernel.told] == [
        ("kunit.filter_glob=*",),
        ("kunit.filter_glob=*", "kunit.action=list"),
        ("kunit.filter_glob=c",),
    ]
    blamed = {check.id: check.blamed for check in seen.checks if check.blamed}
    assert blamed == {
        "kunit.b_b.dies": (f"the kernel said: {PANIC}", f"the machine ended in it: {PANIC}, during kunit.b_b.dies")
    }
    assert [(one.said, one.check) for one in seen.complaints] == [(PANIC, "kunit.b_b.dies")]


def test_the_kernel_is_no_worse_for_it_than_one_that_oopsed(boot: Callable[..., Boot]) -> None:
    seen = boot(Kernel("dies"), "*")
    assert (seen.outcome, seen.ending) == (Outcome.OK, Ending.OOPS)
    assert seen.detail == f"{PANIC}, during kunit.b_b.dies"


def test_two_suites_that_die_cost_two(boot: Callable[..., Boot]) -> None:
    seen = boot(Kernel("dies", "two"), "*")
    assert statuses(seen) == {
        "kunit.a.one": Status.PASS,
        "kunit.a.two": Status.FAIL,
        "kunit.b_b.one": Status.PASS,
        "kunit.b_b.dies": Status.FAIL,
        "kunit.b_b.two": Status.MISSING,
        "kunit.c.one": Status.PASS,
    }


def test_a_crash_of_a_kernel_that_does_not_list_is_told_of_its_suite(boot: Callable[..., Boot]) -> None:
    seen = boot(Kernel("dies", lists=False), "*")
    assert statuses(seen)["kunit.b_b.suite"] is Status.FAIL
    assert "kunit.c.one" not in statuses(seen)
    assert told(seen).status is Status.PASS


def test_a_crash_in_no_suite_is_told_too(boot: Callable[..., Boot], monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Kernel()
    monkeypatch.setattr(kernel, "_run", lambda _: (f"Linux version 6.12\n{PANIC}\n", True))
    monkeypatch.setattr(kernel, "_lists", False)
    assert (told(boot(kernel, "*")).status, told(boot(kernel, "*")).detail[: len(PANIC)]) == (Status.FAIL, PANIC)


def test_suites_that_are_only_too_slow_are_not_known(
    boot: Callable[..., Boot], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As beside a build, on a host with other work to do."""
    kernel = Kernel("dies")
    run, listen = kernel._run, kernel.listen

    async def late(*asked: Any) -> Stop:
        stop = await listen(*asked)
        return Stop(How.DEADLINE, "it was not done within the time limit of all its probes") if stop is DOWN else stop

    monkeypatch.setattr(kernel, "_run", lambda suites: (run(suites)[0].replace(PANIC, ""), run(suites)[1]))
    monkeypatch.setattr(kernel, "listen", late)
    seen = boot(kernel, "*")
    assert (seen.outcome, seen.ending) == (Outcome.OK, Ending.DONE), "its probes have all been asked"
    assert statuses(seen)["kunit.b_b.two"] is Status.MISSING and statuses(seen)["kunit.c.one"] is Status.PASS
    assert told(seen).status is Status.MISSING


def test_a_suite_that_is_too_slow_is_not_known_though_another_has_died(
    boot: Callable[..., Boot], monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = Kernel("dies")
    listen = kernel.listen

    async def late(*asked: Any) -> Stop:
        stop = await listen(*asked)
        alone = any(word.endswith("=c") for word in kernel.told[-1])
        return Stop(How.DEADLINE, "it was not done within the time limit of all its probes") if alone else stop

    monkeypatch.setattr(kernel, "listen", late)
    seen = boot(kernel, "*")
    assert statuses(seen)["kunit.b_b.dies"] is Status.FAIL
    assert told(seen).status is Status.MISSING


def told(seen: Boot) -> Check:
    (check,) = (one for one in seen.checks if one.id == kunitboots.BOOT)
    return check


def test_each_glob_has_boots_of_its_own(boot: Callable[..., Boot]) -> None:
    kernel = Kernel("dies")
    assert statuses(boot(kernel, "b*.one", "c")) == {
        "kunit.b_b.one": Status.PASS,
        "kunit.b_b.dies": Status.FAIL,
        "kunit.b_b.two": Status.MISSING,
        "kunit.c.one": Status.PASS,
    }


def test_a_kernel_that_did_not_boot_is_not_booted_again(boot: Callable[..., Boot]) -> None:
    kernel = Kernel()
    failed = replace(PLAIN, outcome=Outcome.BOOT_FAILED)
    assert boot(kernel, "*", plain=failed) == failed
    assert kernel.told == []


def test_boots_after_a_crash_have_a_limit(boot: Callable[..., Boot], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kunitboots, "_MOST", 0)
    seen = boot(Kernel("dies"), "*")
    assert statuses(seen)["kunit.c.one"] is Status.MISSING


def test_a_suite_is_one_word_of_a_command_line_whatever_it_is_called() -> None:
    assert kunit.exactly("Handshake API tests", "Hand*.te*") == "Handshake?API?tests.te*"
    assert kunit.words(kunit.exactly("a [b]", "*")) == ("kunit.enable=1", "kunit.filter_glob=a??b?")
