# SPDX-License-Identifier: GPL-2.0-only
"""Every way in which a guest can end, made to happen in a real boot, and told apart."""

import asyncio
import os
import re
import signal
import time
from pathlib import Path

import pytest

from kseries.guest import channel, isolation, machine
from kseries.model import Boot, Ending, Machine, Outcome, Probe, Status
from kseries.model.errors import InfraError
from tests.support.lab import Lab
from tests.support.machines import Machines, checks
from tests.support.processes import below

LONG = pytest.mark.full("guest")
"""What waits for a guest that gets no further, or has one at work for long."""
NULL = "BUG: kernel NULL pointer dereference, address: 0000000000000000"


@pytest.fixture(scope="session")
def machines(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Machines:
    return Machines(lab, tmp_path_factory.mktemp("machines"))


@pytest.fixture
def hasty(machines: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    """Less patience with a guest of which we know that it hangs."""
    monkeypatch.setattr(machines, "machine", Machine(stall_seconds=8.0))


def statuses(boot: Boot) -> list[Status]:
    return [check.status for check in boot.checks]


DIED = [Status.PASS, Status.FAIL, Status.MISSING]
LIVED = [Status.PASS, Status.FAIL, Status.PASS]


def test_done_and_a_boot_that_ends_as_it_should_keeps_no_log(machines: Machines) -> None:
    boot = machines.boot("calm", "another")
    assert (boot.log_tail, boot.trace) == ("", ())
    assert (boot.ending, boot.outcome, boot.detail) == (Ending.DONE, Outcome.OK, "")
    assert statuses(boot) == [Status.PASS] * 6


def test_more_probes_than_a_kernel_takes_words(machines: Machines) -> None:
    """Of those it takes 32, and 2048 bytes of them all (init/main.c, arch/x86/include/asm/setup.h)."""
    names = tuple(f"{'calm' * 15}{number}" for number in range(40))
    boot = machines.boot(*names)
    assert (boot.ending, boot.outcome, boot.detail) == (Ending.DONE, Outcome.OK, "")
    assert boot.ended == names
    assert statuses(boot) == [Status.PASS] * 3 * len(names)


# --- the kernel dies ----------------------------------------------------------------------------


def test_panic(machines: Machines) -> None:
    boot = machines.booted_once("panic", "another")
    assert (boot.ending, boot.outcome) == (Ending.PANIC, Outcome.CRASHED)
    assert boot.detail == "Kernel panic - not syncing: on purpose, during panic.end"
    assert statuses(boot) == DIED
    assert "the kernel said: Kernel panic - not syncing: on purpose" in checks(boot)["panic.end"].words


@LONG
def test_a_crash_and_a_hang_cost_their_own_probe_each(machines: Machines, hasty: None) -> None:
    """A fresh boot goes on with the next one; the first ending stands."""
    log = machines.home / "isolated.log"
    probes = tuple(map(Probe.ours, ("calm", "panic", "another", "loop", "last")))

    async def boot_once(left: tuple[Probe, ...], console: Path) -> Boot:
        again = await machines.start(*(probe.name for probe in left))
        console.write_bytes(Path(again.console).read_bytes())
        return again

    boot = asyncio.run(isolation.boot(boot_once, probes, log))
    assert (boot.ending, boot.outcome) == (Ending.PANIC, Outcome.CRASHED)
    failed = {name for name, check in checks(boot).items() if check.status is Status.FAIL}
    assert failed == {"panic.end", "loop.end"}
    for good in ("calm", "another", "last"):
        assert {check.status for name, check in checks(boot).items() if name.startswith(f"{good}.")} == {Status.PASS}
    assert log.read_text(errors="replace").count("--- a fresh boot, from ") == 2


@pytest.mark.parametrize(
    "how", ["triple_fault", *(pytest.param(how, marks=LONG) for how in ("emergency_restart", "reboot"))]
)
def test_reset(machines: Machines, how: str) -> None:
    boot = machines.boot(how)
    assert (boot.ending, boot.outcome) == (Ending.RESET, Outcome.CRASHED)
    assert boot.detail == f"the guest went down (guest-reset), during {how}.end"
    assert statuses(boot) == DIED


@LONG
def test_an_oops_of_which_the_machine_dies(machines: Machines, hasty: None) -> None:
    boot = machines.boot("deadly_oops")
    assert (boot.ending, boot.outcome) == (Ending.OOPS, Outcome.CRASHED)
    assert boot.detail.startswith(f"{NULL}, then no progress in ")
    assert statuses(boot) == DIED


# --- the kernel goes on -------------------------------------------------------------------------


@pytest.mark.parametrize(("how", "said"), [("oops", NULL), ("bug", "kernel BUG at kernel/reboot.c:")])
def test_an_oops_after_which_the_kernel_goes_on(machines: Machines, how: str, said: str) -> None:
    boot = machines.booted_once(how)
    assert (boot.ending, boot.outcome) == (Ending.OOPS, Outcome.OK)
    assert statuses(boot) == LIVED
    assert f"the kernel said: {said}" in checks(boot)[f"{how}.end"].words


def test_a_warning_fails_the_check_that_passed(machines: Machines) -> None:
    boot = machines.booted_once("warning")
    assert (boot.ending, boot.outcome) == (Ending.WARNING, Outcome.OK)
    assert statuses(boot) == LIVED
    assert "at kernel/reboot.c:" in checks(boot)["warning.end"].words


@pytest.mark.parametrize(
    ("probes", "line"),
    [(("panic", "another"), 'panic("on purpose")'), (("warning",), "WARN(1"), (("bug",), "BUG();")],
)
def test_the_log_is_kept_decoded_to_file_and_line(machines: Machines, probes: tuple[str, ...], line: str) -> None:
    boot = machines.booted_once(*probes)
    number = 1 + next(n for n, text in enumerate(machines.source("kernel/reboot.c")) if line in text)
    assert ("mutant_end", "kernel/reboot.c", number) in {(one.function, one.file, one.line) for one in boot.trace}
    assert f"kernel/reboot.c:{number}" in boot.log_tail
    assert " __do_sys_reboot+" in boot.log_tail and " (kernel/reboot.c:" in boot.log_tail


def test_the_patch_behind_a_real_trace_is_named(lab: Lab) -> None:
    _, tip, _ = lab.tip(lab.mutant("warn"))
    assert tip.ending is Ending.WARNING
    assert tip.suspects == (len(lab.series.patches) + 1,)
    assert "arch/x86/kvm/mmu/mmu.c:" in tip.log_tail


# --- nothing more comes -------------------------------------------------------------------------


@LONG
def test_a_hang_with_interrupts_off_is_noticed(machines: Machines) -> None:
    # How far the other CPU gets is left open, and so is a stall report: what hangs may be the CPU that keeps time.
    boot = machines.boot("hang")
    assert (boot.ending, boot.outcome) == (Ending.HANG, Outcome.TIMED_OUT)
    assert statuses(boot)[:2] == DIED[:2]


def test_a_loop_in_the_kernel_is_a_hang(machines: Machines, hasty: None) -> None:
    boot = machines.boot("loop")
    assert (boot.ending, boot.outcome) == (Ending.HANG, Outcome.TIMED_OUT)
    assert re.fullmatch(r"no progress in \d+ s, .*, during loop\.end", boot.detail)


@LONG
@pytest.mark.parametrize("how", ["user_hang", "l2_hang"])
def test_a_check_that_hangs_fails_and_the_next_one_runs(machines: Machines, how: str) -> None:
    boot = machines.boot(how)
    assert (boot.ending, boot.outcome) == (Ending.DONE, Outcome.OK)
    assert statuses(boot) == LIVED
    assert "no progress in 10 s" in checks(boot)[f"{how}.end"].words


@LONG
def test_a_probe_may_take_long_as_long_as_it_answers(machines: Machines) -> None:
    boot = machines.boot("two_hangs", "calm")
    assert (boot.ending, boot.outcome) == (Ending.DONE, Outcome.OK)
    assert statuses(boot) == [Status.PASS, Status.FAIL, Status.FAIL, *[Status.PASS] * 3]
    assert boot.seconds > 20


@LONG
def test_a_silent_probe_is_ended_by_init_and_the_next_one_runs(machines: Machines) -> None:
    boot = machines.boot("silent_probe", "calm")
    assert (boot.ending, boot.outcome) == (Ending.DONE, Outcome.OK)
    assert [check.id for check in boot.checks] == ["calm.calm", "calm.end", "calm.after"]


@LONG
def test_a_time_limit_for_all_probes_together(machines: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "seconds", lambda *_: 8.0)
    boot = machines.boot("user_hang")
    assert (boot.ending, boot.outcome) == (Ending.DEADLINE, Outcome.TIMED_OUT)
    assert boot.detail.endswith(", during user_hang.end")
    assert statuses(boot) == [Status.PASS, Status.MISSING, Status.MISSING]  # a slow host fails no check


# --- floods and noise ---------------------------------------------------------------------------


@LONG
def test_a_kernel_that_prints_for_ever_is_a_hang(machines: Machines, hasty: None) -> None:
    boot = machines.boot("flood")
    assert (boot.ending, boot.outcome) == (Ending.HANG, Outcome.TIMED_OUT)
    assert " while it printed " in boot.detail
    assert statuses(boot) == DIED


@LONG
def test_more_than_a_channel_holds_ends_it_at_once(machines: Machines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "LIMIT", 256 * 1024)
    boot = machines.boot("flood")
    assert (boot.ending, boot.outcome) == (Ending.FLOOD, Outcome.TIMED_OUT)
    assert Path(boot.console).stat().st_size == channel.LIMIT


@LONG
def test_a_probe_that_prints_for_ever_is_a_hang(machines: Machines, hasty: None) -> None:
    boot = machines.boot("probe_flood", "calm")
    assert (boot.ending, boot.outcome) == (Ending.HANG, Outcome.BOOT_FAILED)
    assert " while it printed " in boot.detail


@LONG
def test_a_check_that_prints_for_ever_fails_alone(machines: Machines) -> None:
    boot = machines.boot("results_flood", "calm")
    assert (boot.ending, boot.outcome) == (Ending.DONE, Outcome.OK)
    assert statuses(boot) == LIVED + [Status.PASS] * 3
    assert len(checks(boot)["results_flood.end"].words) <= 4000


def test_binary_noise_on_both_channels_is_survived(machines: Machines) -> None:
    boot = machines.boot("noise", "calm")
    assert (boot.ending, boot.outcome) == (Ending.DONE, Outcome.OK)
    assert checks(boot)["noise.end"].status in (Status.PASS, Status.MISSING)  # the noise may tear its line
    assert statuses(boot)[3:] == [Status.PASS] * 3


@LONG
@pytest.mark.parametrize("how", ["half_line", "half_line_and_gone"])
def test_half_a_line_is_no_result(machines: Machines, how: str) -> None:
    boot = machines.boot(how, "calm")
    assert (boot.ending, boot.outcome) == (Ending.DONE, Outcome.OK)
    assert checks(boot)[f"{how}.end"].status in (Status.FAIL, Status.MISSING)
    assert statuses(boot)[-3:] == [Status.PASS] * 3


# --- processes ----------------------------------------------------------------------------------


@LONG
def test_a_check_that_forks_without_end_is_a_hang(machines: Machines, hasty: None) -> None:
    """Out of memory, the kernel kills one after the other, and none of them is the last."""
    boot = machines.boot("forks")
    assert (boot.ending, boot.outcome) == (Ending.HANG, Outcome.TIMED_OUT)
    assert statuses(boot) == DIED
    assert boot.seconds < 90


def test_a_probe_that_kills_init_ends_in_a_panic(machines: Machines) -> None:
    boot = machines.boot("kills_init")
    assert (boot.ending, boot.outcome) == (Ending.PANIC, Outcome.CRASHED)
    assert "Attempted to kill init!" in boot.detail
    assert statuses(boot) == DIED


# --- before the first probe ---------------------------------------------------------------------


def test_a_panic_before_init(machines: Machines) -> None:
    boot = machines.boot("calm", init=False)
    assert (boot.ending, boot.outcome) == (Ending.PANIC, Outcome.BOOT_FAILED)
    assert boot.detail.startswith("Kernel panic - not syncing: ")
    assert boot.detail.endswith(", before the first probe")
    assert boot.checks == ()


def test_a_reboot_loop(machines: Machines) -> None:
    """Without long mode the kernel's first steps are a triple fault: it would reboot for ever."""
    boot = machines.boot("calm", cpu="qemu32")
    assert (boot.ending, boot.outcome) == (Ending.RESET, Outcome.BOOT_FAILED)
    assert boot.detail == "the guest went down (guest-reset), before the first probe"


def test_a_panic_of_a_probe_that_has_said_nothing_yet(machines: Machines) -> None:
    boot = machines.boot("at_once")
    assert (boot.ending, boot.outcome) == (Ending.PANIC, Outcome.BOOT_FAILED)


# --- ours ---------------------------------------------------------------------------------------


@LONG
@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (signal.SIGKILL, f"exit status {128 + signal.SIGKILL}"),
        (signal.SIGTERM, r"host-signal|terminating on signal 15"),
    ],
)
def test_a_qemu_that_is_killed_is_our_fault(machines: Machines, sent: signal.Signals, words: str) -> None:
    async def kill_it_midway() -> Boot:
        boot = asyncio.create_task(machines.start("user_hang"))
        qemu = await asyncio.to_thread(_our_qemu)
        await asyncio.sleep(2)
        os.kill(qemu, sent)
        return await boot

    with pytest.raises(InfraError, match=words):
        asyncio.run(kill_it_midway())


@LONG
def test_a_qemu_that_answers_no_more_is_our_fault(machines: Machines, hasty: None) -> None:
    async def stop_it_midway() -> Boot:
        boot = asyncio.create_task(machines.start("user_hang"))
        qemu = await asyncio.to_thread(_our_qemu)
        await asyncio.sleep(2)
        os.kill(qemu, signal.SIGSTOP)
        return await boot

    began = time.monotonic()
    with pytest.raises(InfraError, match="does not answer on its monitor"):
        asyncio.run(stop_it_midway())
    assert time.monotonic() - began < 60


def _our_qemu() -> int:
    """The process id of the QEMU that this process has started."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if (pid := below(os.getpid(), "qemu-system-x86")) is not None:
            return pid
        time.sleep(0.05)
    raise AssertionError("no QEMU was started")
