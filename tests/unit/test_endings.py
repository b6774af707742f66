# SPDX-License-Identifier: GPL-2.0-only
"""How a guest ended, told from what it printed. data/endings/ has both channels of real boots of
tests/guest/mutants/endings.patch, named after the probe of tests/guest/probes/ending.c that ran.
"""

import random
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kseries.guest import channel, complaints, ending, klog
from kseries.guest.channel import Channel
from kseries.guest.ending import How, Stop
from kseries.guest.klog import KernelLog, Splat
from kseries.guest.liveness import Watch
from kseries.model import DEFAULT_MACHINE, Check, Ending, Outcome, Status
from kseries.model.errors import InfraError
from kseries.probes import ktap

DATA = Path(__file__).parent / "data" / "endings"
STALL_SECONDS, BOOT_SECONDS = DEFAULT_MACHINE.stall_seconds, DEFAULT_MACHINE.boot_seconds

END = Stop(How.END)
RESET = Stop(How.DOWN, "the guest went down (guest-reset)", "guest-reset")
OFF = Stop(How.DOWN, "the guest went down (guest-shutdown)", "guest-shutdown")
STALL = Stop(How.STALL, "no progress in 30 s, and not a word")
FLOOD = Stop(How.FLOOD, "it printed without end")
LATE = Stop(How.DEADLINE, "it was not done in time")

PANIC = Splat("Kernel panic - not syncing: x", "p.a")
OOPS = Splat("BUG: kernel NULL pointer dereference, address: 0000000000000000", "p.a")
WARNING = Splat("WARNING: CPU: 0 PID: 1 at f+0x1/0x2", "p.a")
BEGAN = ktap.parse("KTAP version 1\n1..1\n    # Subtest: p\n    # plan: a b\n")
NOTHING = ktap.parse("KTAP version 1\n1..1\n")


def golden(name: str) -> tuple[ktap.Report, KernelLog]:
    texts = [(DATA / f"{name}.{kind}").read_bytes().decode(errors="replace") for kind in ("ktap", "console")]
    return ktap.parse(texts[0]), klog.read(texts[1])


# --- real boots ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "stop", "expected", "outcome"),
    [
        ("calm", END, Ending.DONE, Outcome.OK),
        ("warning", END, Ending.WARNING, Outcome.OK),
        ("oops", END, Ending.OOPS, Outcome.OK),
        ("bug", END, Ending.OOPS, Outcome.OK),
        ("deadly_oops", STALL, Ending.OOPS, Outcome.CRASHED),
        ("panic", RESET, Ending.PANIC, Outcome.CRASHED),
        ("triple_fault", RESET, Ending.RESET, Outcome.CRASHED),
        ("reboot", RESET, Ending.RESET, Outcome.CRASHED),
        ("hang", STALL, Ending.HANG, Outcome.TIMED_OUT),
        ("loop", STALL, Ending.HANG, Outcome.TIMED_OUT),
        ("no_init", RESET, Ending.PANIC, Outcome.BOOT_FAILED),
        ("noise", END, Ending.DONE, Outcome.OK),
    ],
)
def test_a_real_boot(name: str, stop: Stop, expected: Ending, outcome: Outcome) -> None:
    report, log = golden(name)
    judged = ending.judge(stop, report, log)
    assert (judged.ending, judged.outcome) == (expected, outcome)


@pytest.mark.parametrize("name", ["panic", "triple_fault", "hang", "deadly_oops"])
def test_the_check_in_which_a_machine_ended_fails_and_those_after_it_are_missing(name: str) -> None:
    report, log = golden(name)
    judged = ending.judge(RESET, report, log)
    settled = ending.settled(report.checks, judged, log, report.running([name]))
    assert [check.status for check in settled] == [Status.PASS, Status.FAIL, Status.MISSING]
    assert f"the machine ended in it: {judged.detail}" in settled[1].blamed


@pytest.mark.parametrize(
    "why",
    [
        "softlockup: hung tasks",
        "Hard LOCKUP",
        "hung_task: blocked tasks",
        "RCU Stall",
        "workqueue: 2 stall(s) exceeded threshold 2",
        "workqueue: stall lasted 31s, exceeding threshold 30s",
    ],
)
def test_a_panic_for_slowness_is_the_kernels_on_an_idle_host_alone(why: str) -> None:
    """softlockup_panic=1 and its like make a panic of what a host with other work to do may be why of."""
    said = f"Kernel panic - not syncing: {why}"
    stall, panic = Splat("watchdog: BUG: soft lockup - CPU#1 stuck for 26s! [p:40]", "p.a"), Splat(said, "p.a")
    log = KernelLog((stall, panic), "p.a")
    idle, busy = (ending.judge(RESET, BEGAN, log, busy=busy) for busy in (False, True))
    assert (idle.ending, idle.outcome) == (Ending.PANIC, Outcome.CRASHED)
    assert (busy.ending, busy.outcome) == (Ending.DEADLINE, Outcome.TIMED_OUT)
    assert busy.detail == f"{said}, on a host with other work to do"
    a, _ = ending.settled(BEGAN.checks, busy, log, "p")
    assert a.status is Status.MISSING and ending.ended_in(busy, log, "p") == ()
    assert ending.judge(RESET, NOTHING, log, busy=True).outcome is Outcome.TIMED_OUT, (
        "nor is it known that it boots not"
    )
    (of_busy,) = complaints.placed(complaints.found(f"[    1.0] {said}\n"), {}, busy=True)
    assert not of_busy.sure


@pytest.mark.parametrize("first", [PANIC, OOPS])
def test_a_panic_for_slowness_behind_a_death_excuses_nothing(first: Splat) -> None:
    log = KernelLog((first, Splat("Kernel panic - not syncing: softlockup: hung tasks", "p.a")), "p.a")
    assert ending.judge(RESET, BEGAN, log, busy=True).outcome is Outcome.CRASHED


# --- the cause, not the symptom -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("stop", "splats", "expected", "outcome"),
    [
        (END, (), Ending.DONE, Outcome.OK),
        (END, (WARNING,), Ending.WARNING, Outcome.OK),
        (END, (WARNING, OOPS), Ending.OOPS, Outcome.OK),
        (RESET, (), Ending.RESET, Outcome.CRASHED),
        (RESET, (WARNING,), Ending.RESET, Outcome.CRASHED),
        (RESET, (OOPS,), Ending.OOPS, Outcome.CRASHED),
        (RESET, (OOPS, PANIC), Ending.PANIC, Outcome.CRASHED),
        (OFF, (), Ending.POWEROFF, Outcome.CRASHED),
        (STALL, (), Ending.HANG, Outcome.TIMED_OUT),
        (STALL, (WARNING,), Ending.HANG, Outcome.TIMED_OUT),
        (STALL, (OOPS,), Ending.OOPS, Outcome.CRASHED),
        (STALL, (PANIC,), Ending.PANIC, Outcome.CRASHED),
        (FLOOD, (), Ending.FLOOD, Outcome.TIMED_OUT),
        (FLOOD, (OOPS,), Ending.OOPS, Outcome.CRASHED),
        (LATE, (), Ending.DEADLINE, Outcome.TIMED_OUT),
        (LATE, (PANIC,), Ending.PANIC, Outcome.CRASHED),
        (Stop(How.DOWN, "d", "guest-reset", panicked=True), (), Ending.PANIC, Outcome.CRASHED),
    ],
)
def test_what_stopped_it_and_what_was_said(
    stop: Stop, splats: tuple[Splat, ...], expected: Ending, outcome: Outcome
) -> None:
    judged = ending.judge(stop, BEGAN, KernelLog(splats, None))
    assert (judged.ending, judged.outcome) == (expected, outcome)
    early = ending.judge(stop, NOTHING, KernelLog(splats, None))
    assert early.ending is expected
    assert early.outcome is (Outcome.OK if stop is END else Outcome.BOOT_FAILED)


@pytest.mark.parametrize(
    ("splats", "detail"),
    [((), ""), ((WARNING,), WARNING.text), ((WARNING, OOPS), OOPS.text), ((OOPS, OOPS, WARNING), OOPS.text)],
)
def test_a_kernel_that_went_on_says_what_it_complained_of(splats: tuple[Splat, ...], detail: str) -> None:
    assert ending.judge(END, BEGAN, KernelLog(splats, None)).detail == detail


def test_a_probe_that_only_the_kernel_log_knows_of_has_begun() -> None:
    log = KernelLog((), "p.a")
    judged = ending.judge(RESET, NOTHING, log)
    assert judged.outcome is Outcome.CRASHED
    (check,) = ending.settled((), judged, log, "p")
    assert (check.id, check.status) == ("p.a", Status.FAIL)


def test_the_kernel_log_answers_for_the_probe_that_ran_and_for_no_other() -> None:
    said = "".join(f"kseries: leave {name} pass\n" for name in ("ours.refused", "run.a", "run.new", "later.x", "new.y"))
    log = klog.read(f"{said}kseries: enter later.z\n")
    report = ktap.parse(
        "    # Subtest: ours\n    # plan: refused\nnot ok 1 ours # killed\n    # Subtest: run\n    # plan: a b\n"
    )
    running = report.running(("ours", "run", "later"))
    assert running == "run"
    told = ending.settled(report.checks, ending.judge(RESET, report, log), log, running)
    assert {check.id: check.status for check in told} == {
        "ours.refused": Status.MISSING,
        "run.a": Status.PASS,
        "run.b": Status.MISSING,
        "run.new": Status.PASS,
    }


@pytest.mark.parametrize(("ended", "running"), [("", "p"), ("ok 1 p\n", "q"), ("ok 1 p\nnot ok 2 q\n", None)])
def test_the_probe_that_ran_is_the_first_that_did_not_end(ended: str, running: str | None) -> None:
    assert ktap.parse(ended).running(("p", "q")) == running


def test_a_panic_that_only_qmp_tells_of() -> None:
    judged = ending.judge(Stop(How.DOWN, "it did not come down", panicked=True), BEGAN, KernelLog((), None))
    assert judged.detail == "a kernel panic that did not reach the log, then it did not come down"


def test_a_qemu_that_died_is_no_ending() -> None:
    with pytest.raises(InfraError, match="QEMU ended by itself: exit status 137"):
        ending.judge(Stop(How.GONE, "exit status 137"), BEGAN, KernelLog((PANIC,), None))


def test_the_complaints_of_one_check_have_a_limit() -> None:
    log = KernelLog(tuple(Splat(f"BUG: {n}", "p.a") for n in (*range(1000), 1)), None)
    judged = ending.judge(END, BEGAN, log)
    (check,) = ending.settled((Check(id="p.a", status=Status.PASS, detail="said"),), judged, log, None)
    *lines, more, said = check.words.splitlines()
    assert lines == [f"the kernel said: BUG: {n}" for n in range(10)]
    assert (more, said) == ("and 990 more", "said")
    assert check.gist == "said; the kernel said: BUG: 0"


def test_what_took_too_long_fails_no_check() -> None:
    """The host may have had other work to do; a kernel that always stalls is told of as one that complains."""
    said = (
        "watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [p:40]",
        "rcu: INFO: rcu_sched self-detected stall on CPU",
    )
    log = KernelLog(tuple(Splat(one, "p.a") for one in said), None)
    judged = ending.judge(END, BEGAN, log)
    assert judged.ending is Ending.WARNING
    passed = (Check(id="p.a", status=Status.PASS),)
    assert ending.settled(passed, judged, log, None) == passed


# --- a channel, in pieces -----------------------------------------------------------------------


def told(pieces: list[bytes], limit: int = channel.LIMIT) -> tuple[list[str], Channel]:
    lines: list[str] = []
    port = Channel(lines.append, limit)
    for piece in pieces:
        port.feed(piece)
    return lines, port


@pytest.mark.parametrize("name", ["panic.console", "calm.ktap", "noise.ktap"])
def test_pieces_of_every_size_tell_the_same_lines(name: str) -> None:
    data = (DATA / name).read_bytes()[-3000:]
    whole = [line[: channel.MAX_LINE].decode(errors="replace") for line in data.split(b"\n")[:-1]]
    for size in range(1, 200):
        lines, port = told([data[at : at + size] for at in range(0, len(data), size)])
        assert lines == whole
        assert bytes(port.data) == data


def test_the_end_is_found_wherever_it_is_cut() -> None:
    data = (DATA / "calm.ktap").read_bytes()
    for cut in range(len(data) + 1):
        seen = Watch()
        port = Channel(seen.results_line, channel.LIMIT)
        port.feed(data[:cut])
        assert not seen.ended.is_set() or cut == len(data)
        port.feed(data[cut:])
        assert seen.ended.is_set()


@given(st.lists(st.binary(max_size=50)), st.integers(1, 100))
def test_what_is_kept_is_the_beginning_and_has_a_limit(pieces: list[bytes], limit: int) -> None:
    _, port = told(pieces, limit)
    everything = b"".join(pieces)
    assert bytes(port.data) == everything[:limit]
    assert port.full.is_set() == (len(everything) >= limit)


def test_a_line_without_end_is_cut() -> None:
    lines, _ = told([b"x" * 1000] * 100 + [b"\nnext\n"])
    assert [len(line) for line in lines] == [channel.MAX_LINE, 4]


@pytest.mark.parametrize(
    "pattern",
    [
        b"\n",
        b" ",
        b"x",
        b"INFO: rcu ",
        b"BUG: out of luck, and of memory\n",
        b"WARNING: at f+0x1/0x2, CPU#0: \n",
        b"    ok 1 a ",
        b"ok 1 -\t",
        b"# ",
        b"[ 1.0] ",
        b"f+0x1/",
        random.Random(1).randbytes(999),
    ],
)
def test_the_worst_that_a_channel_holds_takes_no_more_than_its_share(pattern: bytes) -> None:
    """Four times as much takes four times as long; what takes sixteen times would take minutes of a whole channel."""
    assert seconds(pattern, channel.LIMIT // 4) < 8 * seconds(pattern, channel.LIMIT // 16) + 0.5


def seconds(pattern: bytes, size: int) -> float:
    """A processor's time for reading so many bytes of it."""
    line = pattern.decode(errors="replace") * (8000 // len(pattern))
    lines = size // len(line)
    began = time.process_time()
    ktap.parse("    # Subtest: p\n" + f"    {line}\n" * lines)
    klog.read(f"{line}\n" * lines)
    klog.read(line * lines)
    complaints.found(f"{line}\n" * lines)
    return time.process_time() - began


# --- progress -----------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_silent_machine_is_given_up_after_a_while(clock: Clock) -> None:
    seen = Watch(clock=clock)
    assert seen.left == STALL_SECONDS
    clock.now += STALL_SECONDS - 1
    assert seen.left == 1
    clock.now += 5
    assert seen.left == 0
    assert seen.stall == "no progress in 34 s, and not a word"


def test_a_machine_that_boots_may_talk_but_not_for_ever(clock: Clock) -> None:
    seen = Watch(clock=clock)
    for _ in range(int(BOOT_SECONDS)):
        assert seen.left > 0
        clock.now += 1
        seen.console_line("one more driver")
    assert seen.left == 0
    assert seen.stall == "no progress in 60 s, while it printed 60 lines"


@pytest.mark.parametrize(
    "line", ["KTAP version 1", "1..3", "    # Subtest: p", "    # plan: a b", "    ok 1 a", "not ok 2 p", "    not ok"]
)
def test_what_counts_as_progress(clock: Clock, line: str) -> None:
    seen = Watch(clock=clock)
    clock.now += 20
    seen.results_line(line)
    assert seen.left == STALL_SECONDS


@pytest.mark.parametrize("line", ["", "# a diagnostic", "    # cap X=1", "    # ok 1 a", "\x00\x01", "okay 1"])
def test_what_can_be_printed_for_ever_does_not(clock: Clock, line: str) -> None:
    seen = Watch(clock=clock)
    seen.results_line("KTAP version 1")
    clock.now += 20
    seen.results_line(line)
    seen.console_line(line)
    assert seen.left == STALL_SECONDS - 20


def test_a_kernel_that_tests_itself_gets_on_by_its_results_and_by_nothing_else(clock: Clock) -> None:
    seen = Watch(clock=clock, kunit=True)
    longest = max(BOOT_SECONDS, DEFAULT_MACHINE.probe_seconds)
    clock.now += longest - 1
    assert seen.left == 1
    seen.console_line("[    1.000000]     ok 1 a case")
    assert seen.left == longest
    clock.now += 10
    for line in ("one more driver", "    # a diagnostic", "okay"):
        seen.console_line(line)
        assert seen.left == longest - 10
    assert Watch(clock=clock).left == STALL_SECONDS
    clock.now += longest
    assert (seen.left, seen.stall) == (0, f"no progress in {longest + 10:.0f} s, while it printed 3 lines")
    seen.results_line("KTAP version 1")
    assert seen.left == STALL_SECONDS


def test_a_result_in_the_log_of_another_kernel_is_none(clock: Clock) -> None:
    seen = Watch(clock=clock)
    seen.results_line("KTAP version 1")
    clock.now += 20
    seen.console_line("    ok 1 a case")
    assert seen.left == STALL_SECONDS - 20


def test_patience_covers_what_a_probe_may_take() -> None:
    """CHECK_SECONDS + REAP_SECONDS of guests/lib/ktap.c, and SILENT_SECONDS of init, which must speak first."""
    guests = Path(__file__).resolve().parents[2] / "guests"
    check, reap = (_defined(guests / "lib" / "ktap.c", name) for name in ("CHECK_SECONDS", "REAP_SECONDS"))
    silent = _defined(guests / "init" / "init.c", "SILENT_SECONDS")
    assert check + reap < silent < STALL_SECONDS


def _defined(source: Path, name: str) -> int:
    return next(
        int(line.split()[2]) for line in source.read_text().splitlines() if line.startswith(f"#define {name}\t")
    )


def test_the_first_result_is_timed(clock: Clock) -> None:
    seen = Watch(clock=clock)
    seen.results_line("KTAP version 1")
    assert seen.first_result_at is None
    clock.now += 3
    seen.results_line("    not ok 1 a")
    clock.now += 3
    seen.results_line("    ok 2 b")
    assert seen.first_result_at == 1003
