# SPDX-License-Identifier: GPL-2.0-only
"""A boot without a machine: QEMU's command line, the initramfs, the channels, and what an ending means."""

import asyncio
import itertools
import re
import stat
import subprocess
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from kseries import arch as archs
from kseries.guest import channel, ending, klog, qemu
from kseries.guest.channel import Channel
from kseries.guest.ending import How, Stop
from kseries.guest.klog import KernelLog, Splat
from kseries.kbuild import initramfs
from kseries.model import Accel, Check, Machine, Origin, Outcome, Probe, Status
from kseries.model.errors import InfraError, InputError
from kseries.probes import ktap
from tests.support.cpio import unpacked

ARCH = archs.get("x86_64")
DATA = Path(__file__).parent / "data"
SOCKETS = qemu.Sockets(7, 8, 9)
TCG, KVM = Accel(name="tcg", why=""), Accel(name="kvm", why="")

# --- QEMU's command line ------------------------------------------------------------------------


def argv(accel: Accel = TCG, command_line: str = "console=ttyS0") -> list[str]:
    return qemu.argv(ARCH, accel, Path("/k/a kernel"), Path("/k/initrd"), command_line, SOCKETS)


def options(words: list[str]) -> list[tuple[str, str | None]]:
    """(option, value) of each option."""
    assert words[0] == ARCH.qemu
    pairs = itertools.pairwise([*words[1:], "-"])
    return [(one, None if after.startswith("-") else after) for one, after in pairs if one.startswith("-")]


@pytest.mark.parametrize("accel", [TCG, KVM])
def test_no_option_that_can_stand_once_stands_twice(accel: Accel) -> None:
    count = Counter(name for name, _ in options(argv(accel)))
    assert {name for name, times in count.items() if times > 1} <= {"-chardev", "-serial", "-device"}


def test_a_guest_waits_for_us_and_does_not_come_back_after_a_reboot() -> None:
    given = dict(options(argv()))
    assert {"-S", "-no-reboot", "-nodefaults", "-no-user-config"} <= given.keys()
    assert given["-display"] == "none"


def test_what_is_booted_is_handed_over_word_by_word() -> None:
    given = dict(options(argv(command_line="a=1 -- b c")))
    assert (given["-kernel"], given["-initrd"], given["-append"]) == ("/k/a kernel", "/k/initrd", "a=1 -- b c")


@pytest.mark.parametrize("accel", [TCG, KVM])
def test_the_accelerator_comes_with_its_cpu(accel: Accel) -> None:
    given = dict(options(argv(accel)))
    assert (given["-accel"], given["-cpu"]) == (accel.name, ARCH.cpu[accel.name])


def test_every_channel_is_there_once_and_used_once_and_the_console_is_first() -> None:
    given = options(argv())
    chardevs = [value for name, value in given if name == "-chardev"]
    assert chardevs == [f"socket,id={name},fd={file}" for name, file in (("qmp", 7), ("console", 8), ("ktap", 9))]
    assert ("-mon", "chardev=qmp,mode=control") in given
    assert [value for name, value in given if name == "-serial"] == ["chardev:console", "chardev:ktap"]
    assert (ARCH.console, ARCH.ktap) == ("ttyS0", "ttyS1")


def test_the_command_line_is_a_pure_function() -> None:
    assert argv() == argv()


def test_qemu_takes_the_command_line(tmp_path: Path) -> None:
    """It ends with QEMU's complaint about the kernel, after it has understood everything before."""
    words = argv()
    words[words.index("-S") : words.index("-S") + 1] = []
    words = [re.sub(r"^socket,(id=\w+),fd=\d$", r"null,\1", word) for word in words]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "could not open kernel file '/k/a kernel'" in done.stderr


def test_the_kernel_is_told_its_channels_and_what_the_user_adds() -> None:
    words = qemu.kernel_command_line(ARCH, Machine(append=("more=1",))).split()
    assert {"console=ttyS0", "KTAP=ttyS1", "more=1", "panic=-1", "ignore_loglevel", "no_timer_check"} <= set(words)


def test_an_unknown_architecture_is_named_with_those_that_there_are() -> None:
    with pytest.raises(InputError, match=r"unknown architecture: m68k\n  there are: .*x86_64"):
        archs.get("m68k")


@pytest.mark.parametrize(
    ("name", "ours"), [("aarch64", "arm64"), ("amd64", "x86_64"), ("x86", "x86_64")]
)  # uname -m, Debian, and the kernel's arch/
def test_an_architecture_by_a_name_of_somebody_else_is_told_ours(name: str, ours: str) -> None:
    with pytest.raises(InputError, match=rf"unknown architecture: {name}\n  did you mean {ours}\? there are: x86_64"):
        archs.get(name)


# --- the initramfs ------------------------------------------------------------------------------


@pytest.fixture
def guests(tmp_path: Path) -> Path:
    guests = tmp_path / "guests"
    (guests / "probes").mkdir(parents=True)
    for name, contents in (("init", b"init"), ("probes/b", b"bb"), ("probes/a", b"a" * 5), ("probes/c", b"")):
        (guests / name).write_bytes(contents)
        (guests / name).chmod(0o755)
    (guests / "probes" / "notes.d").write_text("no program")
    return guests


def test_the_initramfs_holds_init_the_probes_and_what_init_needs(guests: Path, tmp_path: Path) -> None:
    initramfs.write(tmp_path / "initrd", guests)
    members = unpacked((tmp_path / "initrd").read_bytes())
    files = {name: one.data for name, one in members.items() if stat.S_ISREG(one.mode)}
    assert files == {"init": b"init", "probes/a": b"aaaaa", "probes/b": b"bb", "probes/c": b""}
    assert all(members[name].mode & 0o111 for name in files)
    assert {name for name, one in members.items() if stat.S_ISDIR(one.mode)} == {
        "dev",
        "proc",
        "sys",
        "tmp",
        "probes",
        "programs",
    }
    assert stat.S_ISCHR(members["dev/console"].mode)
    assert members["dev/console"].device == (5, 1)


def test_programs_with_the_same_bytes_are_in_it_once(guests: Path, tmp_path: Path) -> None:
    """As our probes are; of a program that somebody has brought twice nothing else is asked, either."""
    alone = _packed(guests, tmp_path)
    for name in ("probes/d", "probes/e"):
        (guests / name).write_bytes(b"a" * 5)
        (guests / name).chmod(0o755)
    members = unpacked(_packed(guests, tmp_path))
    assert [name for name, one in members.items() if one.data == b"a" * 5] == ["probes/a", "probes/d", "probes/e"]
    assert _packed(guests, tmp_path).count(b"a" * 5) == alone.count(b"a" * 5) == 1


def _packed(guests: Path, home: Path) -> bytes:
    initramfs.write(home / "initrd", guests)
    return (home / "initrd").read_bytes()


def test_a_directory_comes_before_what_lies_in_it(guests: Path, tmp_path: Path) -> None:
    initramfs.write(tmp_path / "initrd", guests)
    seen: set[str] = {""}
    for name in unpacked((tmp_path / "initrd").read_bytes()):
        assert name.rpartition("/")[0] in seen
        seen.add(name)


def test_the_list_of_a_boot_is_an_archive_behind_the_image(guests: Path, tmp_path: Path) -> None:
    initramfs.write(tmp_path / "initrd", guests)
    whole = (tmp_path / "initrd").read_bytes()
    assert len(whole) % 4 == 0, "the kernel looks for the next one there (init/initramfs.c)"
    listed = unpacked(initramfs.listing((Probe.ours(f"probe{number}") for number in range(1000)), 100))
    lines = listed["probes.list"].data.decode().splitlines()
    assert [line for line in lines if line.startswith("probe ")] == [f"probe probe{number}" for number in range(1000)]


def test_init_is_told_of_a_probe_what_it_is_and_how_long_it_may_take() -> None:
    more = Probe(
        name="x", argv=("/programs/x", "a b", ""), origin=Origin.PROGRAM, seconds=7, environment={"A": "=b c", "D": ""}
    )
    listed = unpacked(initramfs.listing((Probe.ours("a"), more), 100))
    assert listed["probes.list"].data.decode() == (
        "probe a\nseconds 100\narg /probes/a\n"
        "program x\nseconds 7\narg /programs/x\narg a b\narg \nenv A==b c\nenv D=\n"
    )


@pytest.mark.parametrize(
    "probe",
    [
        {"name": "a b", "argv": ["/x"]},
        {"name": "", "argv": ["/x"]},
        {"name": "a", "argv": []},
        {"name": "a", "argv": ["/x"] * 32},
        {"name": "a", "argv": ["/x", "b\nprobe c"]},
        {"name": "a", "argv": ["/x"], "seconds": 0},
        {"name": "a", "argv": ["/x"], "seconds": 2**31},
        {"name": "a" * 129, "argv": ["/x"]},
        {"name": "a", "argv": ["/x"], "environment": {"A=B": "c"}},
        {"name": "a", "argv": ["/x"], "environment": {"A": "b\n"}},
    ],
)
def test_what_would_be_another_line_for_init_is_no_probe(probe: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(probe, Probe)
    assert msgspec.convert({"name": "a", "argv": ["/x"]}, Probe) == Probe(name="a", argv=("/x",))


def test_the_same_guests_give_the_same_bytes(guests: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        initramfs.write(tmp_path / name, guests)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


# --- channels -----------------------------------------------------------------------------------


async def heard(pieces: list[bytes], limit: int = channel.LIMIT) -> tuple[Channel, list[str]]:
    """A channel after these pieces came through a socket, each read before the next is sent, and its lines."""
    lines: list[str] = []
    port = Channel(lines.append, limit)
    server = await asyncio.start_server(port.read, "127.0.0.1", 0)
    _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    sent = 0
    async with asyncio.timeout(60):
        for piece in pieces:
            writer.write(piece)
            sent += len(piece)
            while len(port.data) < min(sent, limit):
                await asyncio.sleep(0)
        writer.close()
        await port.closed.wait()
    server.close()
    return port, lines


async def test_a_line_is_told_wherever_it_is_cut() -> None:
    text = b"ok 1 a\n# end\nmore\n"
    for cut in range(len(text) + 1):
        port, lines = await heard([text[:cut], text[cut:]])
        assert lines == ["ok 1 a", "# end", "more"]
        assert port.text == text.decode()


async def test_a_line_without_its_end_is_kept_and_not_told() -> None:
    port, lines = await heard([b"ok 1 a\n# en"])
    assert port.closed.is_set() and lines == ["ok 1 a"]
    assert port.text == "ok 1 a\n# en"


async def test_more_than_the_limit_is_read_on_and_not_remembered() -> None:
    port, _ = await heard([b"x" * 700] * 100, limit=1000)
    assert bytes(port.data) == b"x" * 1000
    assert port.full.is_set()


async def test_bytes_that_are_no_text_do_not_matter() -> None:
    port, lines = await heard([b"a\xff\xfe\0b\n"])
    assert port.text == "a\ufffd\ufffd\0b\n" and lines == ["a\ufffd\ufffd\0b"]


# --- what an ending means -----------------------------------------------------------------------

NOTHING = ktap.parse("")
BEGAN = ktap.parse((DATA / "panic.ktap").read_text())
QUIET = KernelLog((), None)
PANIC = Splat("Kernel panic - not syncing: Fatal exception", "p.a")
DOWN = Stop(How.DOWN, "the guest went down (guest-reset)", "guest-reset")
LATE = Stop(How.DEADLINE, "no end in sight after the time limit")


def outcome_of(stop: Stop, report: ktap.Report, log: KernelLog) -> tuple[Outcome, str]:
    judged = ending.judge(stop, report, log)
    return judged.outcome, judged.detail


def with_splats(checks: tuple[Check, ...], splats: tuple[Splat, ...]) -> tuple[Check, ...]:
    """The checks of a guest that came to its end."""
    log = KernelLog(splats, None)
    return ending.settled(checks, ending.judge(Stop(How.END), BEGAN, log), log, None)


@pytest.mark.parametrize("report", [NOTHING, BEGAN])
@pytest.mark.parametrize("log", [QUIET, KernelLog((PANIC,), "p.a")])
def test_a_qemu_that_died_says_nothing_of_the_kernel(report: ktap.Report, log: KernelLog) -> None:
    with pytest.raises(InfraError, match="no such accelerator"):
        outcome_of(Stop(How.GONE, "no such accelerator"), report, log)


def test_a_run_to_its_end_is_ok_whatever_the_kernel_complained_of() -> None:
    assert outcome_of(Stop(How.END), BEGAN, QUIET) == (Outcome.OK, "")
    assert outcome_of(Stop(How.END), BEGAN, KernelLog((Splat("WARNING: x", None),), None))[0] is Outcome.OK


@pytest.mark.parametrize("stop", [DOWN, LATE])
def test_before_the_first_probe_no_kernel_has_booted(stop: Stop) -> None:
    outcome, detail = outcome_of(stop, NOTHING, QUIET)
    assert outcome is Outcome.BOOT_FAILED
    assert stop.detail in detail


def test_a_panic_before_the_first_probe_is_told() -> None:
    log = klog.read((DATA / "no-init.console").read_text())
    outcome, detail = outcome_of(DOWN, ktap.parse("KTAP version 1\n1..3\n"), log)
    assert outcome is Outcome.BOOT_FAILED
    assert "No working init found" in detail


def test_a_guest_that_goes_down_after_it_began_has_crashed() -> None:
    assert outcome_of(DOWN, BEGAN, QUIET) == (Outcome.CRASHED, DOWN.detail)


def test_a_crash_is_told_by_its_panic_and_the_check_under_way() -> None:
    log = klog.read((DATA / "panic.console").read_text())
    assert outcome_of(DOWN, BEGAN, log) == (
        Outcome.CRASHED,
        "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000004, during killer.kills_init",
    )


def test_a_deadline_after_it_began_is_a_hang_during_the_check_under_way() -> None:
    outcome, detail = outcome_of(LATE, BEGAN, KernelLog((), "p.a"))
    assert outcome is Outcome.TIMED_OUT
    assert detail == f"{LATE.detail}, during p.a"


def test_a_panic_that_does_not_go_down_is_a_crash_and_no_hang() -> None:
    assert outcome_of(LATE, BEGAN, KernelLog((PANIC,), "p.a"))[0] is Outcome.CRASHED


# --- complaints of the kernel -------------------------------------------------------------------


@pytest.mark.parametrize("status", [Status.PASS, Status.FAIL, Status.SKIP, Status.XFAIL])
def test_a_check_during_which_the_kernel_complained_has_failed(status: Status) -> None:
    (check,) = with_splats((Check(id="p.a", status=status, detail="said"),), (Splat("BUG: x", "p.a"),))
    assert check == Check(id="p.a", status=Status.FAIL, detail="said", blamed=("the kernel said: BUG: x",))
    assert check.words == "the kernel said: BUG: x\nsaid"
    assert check.gist == "said; the kernel said: BUG: x"


def test_a_check_that_never_came_because_the_kernel_died_has_failed() -> None:
    (check,) = with_splats((Check(id="p.a", status=Status.MISSING, detail="announced"),), (PANIC,))
    assert (check.status, check.words) == (Status.FAIL, f"the kernel said: {PANIC.text}")


def test_other_checks_and_complaints_outside_of_checks_are_left_alone() -> None:
    checks = (Check(id="p.a", status=Status.PASS), Check(id="p.b", status=Status.SKIP, detail="why"))
    assert with_splats(checks, (Splat("WARNING: x", None), Splat("WARNING: y", "q.a"))) == checks
    assert with_splats(checks, ()) == checks


def test_a_real_warning_fails_the_check_that_says_ok() -> None:
    report = ktap.parse((DATA / "warning.ktap").read_text())
    assert all(check.status in (Status.PASS, Status.SKIP) for check in report.checks)
    log = klog.read((DATA / "warning.console").read_text())
    judged = with_splats(report.checks, log.splats)
    assert {check.id for check in judged if check.status is Status.FAIL} == {"exit_on_missing.read_exits"}
