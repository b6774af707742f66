# SPDX-License-Identifier: GPL-2.0-only
"""Processes in their box: what they may touch, how long they may take, and that none outlives us.

Whether a process still lives is told by a pipe with a name that it holds open for writing: its reader
sees the end of the file when the last of them is gone, and not before.
"""

import asyncio
import contextlib
import errno
import os
import select
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from kseries.host import cachelock, processes
from kseries.host.box import UID, Host, devices
from kseries.host.box.layout import Layout
from kseries.model.errors import InfraError


def soon() -> processes.Deadline:
    """From now on, and not from when this module was loaded: the tests before these may take a minute."""
    return processes.Deadline.after(60)


PATIENCE_SECONDS = 20.0
"""How long a process may take to die before the test fails; it takes milliseconds."""


@dataclass
class Clock:
    """A clock that goes when it is told to."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


class Lifeline:
    """A pipe with a name that processes hold open while they live."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        path.chmod(0o666)  # a box has a user of its own
        self.path = path
        self._end = os.open(path, os.O_RDONLY | os.O_NONBLOCK)

    def wait_for(self, expected: bytes) -> None:
        """Wait until someone has written this, or b"" for: until the last writer is gone."""
        poll = select.poll()
        poll.register(self._end, select.POLLIN | select.POLLHUP)
        assert poll.poll(PATIENCE_SECONDS * 1000), f"still waiting for {expected!r}"
        assert os.read(self._end, 100) == expected

    def close(self) -> None:
        os.close(self._end)


@pytest.fixture
def lifeline(tmp_path: Path) -> Iterator[Lifeline]:
    lifeline = Lifeline(tmp_path / "lifeline")
    yield lifeline
    lifeline.close()


async def output(command: list[str], box: processes.Box) -> list[bytes]:
    async with processes.start(command, box) as process:
        return [line async for line in process.lines(soon())]


async def shell(script: str, *writable: Path, readable: tuple[Path, ...] = ()) -> list[bytes]:
    """What a script prints that runs in a box."""
    return await output(["sh", "-c", script], processes.Box(writable=writable, readable=readable))


# --- deadlines ----------------------------------------------------------------------------------


def test_a_deadline_counts_down_to_zero_and_no_further() -> None:
    clock = Clock()
    deadline = processes.Deadline.after(10, clock)
    assert (deadline.left, deadline.passed) == (10.0, False)
    clock.now += 9.5
    assert (deadline.left, deadline.passed) == (0.5, False)
    clock.now += 0.5
    assert (deadline.left, deadline.passed) == (0.0, True)
    clock.now += 1000
    assert (deadline.left, deadline.passed) == (0.0, True)


def test_a_deadline_of_no_time_has_passed() -> None:
    assert processes.Deadline.after(0, Clock()).passed
    assert processes.Deadline.after(-1, Clock()).left == 0.0


async def test_lines_of_a_silent_process_end_at_the_deadline_and_it_is_killed(
    tmp_path: Path, lifeline: Lifeline
) -> None:
    script = f"exec 3>{lifeline.path}; echo up >&3; exec sleep 1000"
    with pytest.raises(processes.DeadlineError):
        async with processes.start(["sh", "-c", script], processes.Box(writable=(tmp_path,))) as process:
            lifeline.wait_for(b"up\n")
            async for _ in process.lines(processes.Deadline.after(0)):
                pass
    lifeline.wait_for(b"")


async def test_waiting_for_a_process_ends_at_the_deadline(tmp_path: Path, lifeline: Lifeline) -> None:
    script = f"exec 3>{lifeline.path}; echo up >&3; exec sleep 1000"
    with pytest.raises(processes.DeadlineError):
        async with processes.start(["sh", "-c", script], processes.Box(writable=(tmp_path,))) as process:
            lifeline.wait_for(b"up\n")
            await process.wait(processes.Deadline.after(0))
    lifeline.wait_for(b"")


# --- nothing outlives us ------------------------------------------------------------------------

# Forks twice, leaves its session and ignores what it can; only its grandchild holds the pipe.
DAEMON = """
import os, signal, sys, time
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(number, signal.SIG_IGN)
end = os.open(sys.argv[1], os.O_WRONLY)
os.closerange(0, end)
os.write(end, b"up")
time.sleep(1000)
"""


async def test_a_daemon_is_gone_when_its_box_is_left(tmp_path: Path, lifeline: Lifeline) -> None:
    script = f"/usr/bin/python3 -c '{DAEMON.replace(chr(39), chr(34))}' {lifeline.path} & exec sleep 1000"
    async with processes.start(["sh", "-c", script], processes.Box(writable=(tmp_path,))):
        lifeline.wait_for(b"up")
    lifeline.wait_for(b"")


async def test_a_daemon_is_gone_when_the_process_that_started_it_ends(tmp_path: Path, lifeline: Lifeline) -> None:
    os.mkfifo(tmp_path / "go")
    script = f"(trap '' TERM HUP; exec 3>{lifeline.path}; echo up >&3; exec sleep 1000) & read x <{tmp_path}/go; exit 7"
    async with processes.start(["sh", "-c", script], processes.Box(writable=(tmp_path,))) as process:
        lifeline.wait_for(b"up\n")
        (tmp_path / "go").write_text("go\n")
        assert await process.wait(soon()) == 7
    lifeline.wait_for(b"")


PARENT = """
import asyncio, sys
from pathlib import Path
from kseries.host import cachelock, processes

async def main():
    place, lifeline = sys.argv[1:]
    script = f"exec 3>{lifeline}; (setsid sleep 1000 &) ; echo up >&3; exec sleep 1000"
    async with processes.start(["sh", "-c", script], processes.Box(writable=(Path(place),))) as process:
        await process.wait(processes.Deadline.after(1000))

asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_whatever_kills_us_leaves_no_child(number: signal.Signals, tmp_path: Path, lifeline: Lifeline) -> None:
    words = [sys.executable, "-c", PARENT, str(tmp_path), str(lifeline.path)]
    env = {**os.environ, "PYTHONPATH": str(Path(processes.__file__).parents[3])}
    parent = subprocess.Popen(words, env=env, stderr=subprocess.DEVNULL)
    try:
        lifeline.wait_for(b"up\n")
        parent.send_signal(number)
        assert parent.wait(PATIENCE_SECONDS) != 0
        lifeline.wait_for(b"")
    finally:
        parent.kill()
        parent.wait()


# --- what a box lets out ------------------------------------------------------------------------


async def test_only_what_is_writable_can_be_written_to(tmp_path: Path) -> None:
    own, source = tmp_path / "own", tmp_path / "source"
    own.mkdir()
    source.mkdir()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as elsewhere:
        places = (own, source, Path(elsewhere))
        script = "; ".join(f"(echo x >{place}/stamp) 2>/dev/null" for place in places) + "; true"
        await shell(script, own, readable=(source,))
        assert [(place / "stamp").exists() for place in places] == [True, False, False]


async def test_what_is_readable_is_so_whatever_our_umask(tmp_path: Path) -> None:
    place = tmp_path / "place" / "below"
    place.mkdir(parents=True)
    (place / "file").write_text("seen\n")
    (place / "link").symlink_to("/etc/shadow")
    for path in (place / "file", place, place.parent):
        path.chmod(0o700)
    shadow = Path("/etc/shadow").stat()
    box = processes.Box(writable=(), readable=(place.parent,))
    for _ in range(2):
        assert await output(["cat", str(place / "file")], box) == [b"seen"]
    assert Path("/etc/shadow").stat() == shadow
    assert (place / "file").stat().st_mode & 0o007 == 0, "by the user of the box, and by nobody else"


async def test_tmp_is_empty_and_its_own(tmp_path: Path) -> None:
    with tempfile.NamedTemporaryFile(dir="/tmp", prefix="kseries-test-") as ours:
        assert await shell(
            f"test -e {ours.name} || echo none; ls -A /run 2>/dev/null; echo x >/tmp/kseries-test-stamp", tmp_path
        ) == [b"none"]
    assert not Path("/tmp/kseries-test-stamp").exists()


async def test_no_process_of_the_host_is_seen(tmp_path: Path) -> None:
    (count,) = await shell("ls -d /proc/[0-9]* | wc -l", tmp_path)
    assert int(count) <= 5
    assert await shell(f"kill -0 {os.getpid()} 2>/dev/null || echo none", tmp_path) == [b"none"]


async def test_there_is_no_network_not_even_to_this_host(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        connect = ["bash", "-c", f"(exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null && echo connected || echo none"]
        assert subprocess.run(connect, capture_output=True, check=True).stdout == b"connected\n"
        assert await output(connect, processes.Box(writable=(tmp_path,))) == [b"none"]


async def test_a_box_has_its_environment_and_its_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    box = processes.Box(writable=(tmp_path,), cwd=tmp_path, env={"WORD": "with space", "CCACHE_DIR": "/x"})
    said = await output(["sh", "-c", 'pwd; echo "$WORD" $CCACHE_DIR $LC_ALL "$GIT_DIR"'], box)
    assert said == [str(tmp_path).encode(), b"with space /x C "]


def test_words_reach_bwrap_as_they_are(tmp_path: Path) -> None:
    box = processes.Box(writable=(tmp_path / "a b",), devices=(Path("/dev/kvm"),))
    argv = box.argv(["make", "CC=ccache gcc", "$(evil)"], Host(drops=False))
    assert argv[0] == "bwrap"
    assert argv[-3:] == ["make", "CC=ccache gcc", "$(evil)"]
    assert argv[argv.index("--bind") + 1 :][:2] == [str(tmp_path / "a b")] * 2
    assert argv[argv.index("--dev-bind") + 1 :][:2] == ["/dev/kvm"] * 2
    assert {"--unshare-pid", "--unshare-net", "--die-with-parent"} <= set(argv[: argv.index("--")])


NULL = Path("/dev/null")
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root is somebody else in a box, and makes devices")


@AS_ROOT
async def test_a_device_that_is_roots_alone_is_opened_in_a_box_all_the_same(tmp_path: Path) -> None:
    """As /dev/kvm is where no rule of udev's has given it to a group."""
    device = tmp_path / "null"
    os.mknod(device, stat.S_IFCHR | 0o600, NULL.stat().st_rdev)
    (home := tmp_path / "home").mkdir()
    try:
        device.open("r+").close()
    except PermissionError:
        pytest.skip("no devices here")
    write = ["sh", "-c", "echo x >/dev/probe && echo written"]

    async def said(node: Path) -> bytes:
        box = processes.Box(writable=(), devices=(node,), layout=Layout({node: Path("/dev/probe")}))
        return (await output(write, box))[-1]

    assert (await said(device)).endswith(b"Permission denied")
    assert await said(devices.for_box((device,), home, Host.here())[device]) == b"written"
    device.chmod(0o660)
    os.chown(device, 0, 4711)
    assert await said(device) == b"written", "a box has the groups of its devices"


@AS_ROOT
@pytest.mark.parametrize("mode", [0o660, 0o666, 0o606])
def test_a_device_that_a_box_may_open_is_its_own(mode: int, tmp_path: Path) -> None:
    device = tmp_path / "null"
    os.mknod(device, stat.S_IFCHR, NULL.stat().st_rdev)
    device.chmod(mode)
    assert devices.for_box((device,), tmp_path / "none", Host(drops=True)) == {device: device}
    device.chmod(0o600)
    assert devices.for_box((device,), tmp_path / "none", Host(drops=False)) == {device: device}


@AS_ROOT
def test_a_device_of_which_no_other_node_can_be_made_stays_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "mknod", refused)
    device = Path("/dev/mem") if Path("/dev/mem").exists() else Path("/dev/kvm")
    if not device.exists() or device.stat().st_mode & 0o006:
        pytest.skip("no device that is root's alone")
    assert devices.for_box((device,), tmp_path, Host(drops=True)) == {device: device}


async def test_what_is_given_to_a_box_is_its_users_whoever_made_it(tmp_path: Path) -> None:
    """A cache that somebody has copied, without the owners of what is in it."""
    (tmp_path / "obj" / "deep").mkdir(parents=True)
    (tmp_path / "obj" / "deep" / "file").write_text("old")
    outside = tmp_path / "outside"
    outside.touch()
    (tmp_path / "obj" / "link").symlink_to(outside)
    box = processes.Box(writable=(tmp_path / "obj",))
    async with processes.start(["sh", "-c", f"echo new >{tmp_path}/obj/deep/file"], box) as process:
        assert await process.wait(processes.Deadline.after(60)) == 0
    assert (tmp_path / "obj" / "deep" / "file").read_text() == "new\n"
    assert outside.stat().st_uid != UID


def test_a_box_shows_a_place_under_its_fixed_path_and_goes_there() -> None:
    place = Path("/c/a b")
    box = processes.Box(
        writable=(place / "obj",), readable=(place / "in",), cwd=place / "in", layout=Layout.of({"x": place})
    )
    argv = box.argv(["true"], Host(drops=False))
    assert argv[argv.index("--bind") + 1 :][:2] == ["/c/a b/obj", "/kseries/x/obj"]
    assert argv[argv.index("--ro-bind") + 1 :][:2] == ["/c/a b/in", "/kseries/x/in"]
    assert "--chdir=/kseries/x/in" in argv


# --- output -------------------------------------------------------------------------------------


async def test_output_and_errors_come_as_lines_with_the_last_one_whole_or_not(tmp_path: Path) -> None:
    assert await shell("echo one; echo two >&2; echo; printf three", tmp_path) == [b"one", b"two", b"", b"three"]


async def test_a_long_line_is_cut_and_not_lost(tmp_path: Path) -> None:
    size = 5 * processes.MAX_LINE + 17
    lines = await shell(f"head -c {size} /dev/zero | tr '\\0' x; echo; echo after", tmp_path)
    assert lines[-1] == b"after"
    assert b"".join(lines[:-1]) == b"x" * size
    assert len(lines) > 2


async def test_binary_output_comes_through_as_it_is(tmp_path: Path) -> None:
    data = bytes(range(256)) * 3000
    (tmp_path / "data").write_bytes(data)
    lines = await output(["cat", str(tmp_path / "data")], processes.Box(writable=(tmp_path,)))
    longest = max(len(line) for line in data.split(b"\n"))
    assert longest < processes.MAX_LINE
    assert b"\n".join(lines) == data.removesuffix(b"\n")


async def test_the_exit_status_is_that_of_the_process(tmp_path: Path) -> None:
    box = processes.Box(writable=(tmp_path,))
    for status in (0, 1, 42):
        async with processes.start(["sh", "-c", f"exit {status}"], box) as process:
            assert await process.wait(soon()) == status


async def test_killing_what_has_ended_is_harmless(tmp_path: Path) -> None:
    async with processes.start(["true"], processes.Box(writable=(tmp_path,))) as process:
        await process.wait(soon())
        process.signal_end()


# --- short tools --------------------------------------------------------------------------------


def test_a_tool_gets_its_input_and_both_outputs_are_kept() -> None:
    done = processes.run(["sh", "-c", "cat; echo no >&2; exit 3"], seconds=60, stdin=b"in\xff\n")
    assert done == processes.Done(3, b"in\xff\n", b"no\n")
    assert done.text == "in�"


def test_a_tool_that_is_not_there_is_named() -> None:
    with pytest.raises(InfraError, match="no-such-tool"):
        processes.run(["no-such-tool"], seconds=60)


def test_a_tool_that_gives_no_answer_is_a_fault_of_the_host() -> None:
    with pytest.raises(InfraError, match="sleep 1000 gave no answer in 0 s"):
        processes.run(["sleep", "1000"], seconds=0)


def test_a_missing_tool_is_named_with_the_package_that_has_it() -> None:
    assert processes.require("sh", "dash").endswith("/sh")
    with pytest.raises(InfraError, match=r"^qemu-system-none is not installed\n  .*apt-get install qemu-none$"):
        processes.require("qemu-system-none", "qemu-none")


async def test_no_box_without_bwrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InfraError, match=r"bwrap is not installed\n.*bubblewrap"):
        await shell("true", tmp_path)


def test_a_stream_is_fed_and_the_end_waited_for(tmp_path: Path) -> None:
    with processes.feeding(["sh", "-c", f"cat >{tmp_path}/out"]) as stream:
        for _ in range(1000):
            stream.write(b"x" * 1000)
    assert (tmp_path / "out").stat().st_size == 1_000_000


def test_a_fed_process_that_fails_says_why() -> None:
    with (
        pytest.raises(InfraError, match="sh failed: the reason"),
        processes.feeding(["sh", "-c", "echo the reason >&2; exit 1"]) as stream,
    ):
        for _ in range(1000):
            stream.write(b"x" * 1000)


@pytest.mark.parametrize("script", ["sleep 1000", "cat; exec sleep 1000"])
def test_a_fed_process_that_hangs_is_killed(script: str) -> None:
    with (
        pytest.raises(InfraError, match="sh -c was still at work after 0 s"),
        processes.feeding(["sh", "-c", script], seconds=0.5) as stream,
    ):
        for _ in range(1000):
            stream.write(b"x" * 1000)


def test_an_error_while_feeding_is_the_one_that_is_told() -> None:
    with pytest.raises(KeyError), processes.feeding(["cat"]):
        raise KeyError


async def test_a_box_that_is_left_at_once_is_gone(tmp_path: Path) -> None:
    async with asyncio.timeout(20):
        with pytest.raises(processes.DeadlineError):
            async with processes.start(["sleep", "1000"], processes.Box(writable=(tmp_path,))) as process:
                await process.wait(processes.Deadline.after(0))


async def test_a_flood_that_is_left_unread_ends_as_soon_as_anything(tmp_path: Path) -> None:
    deadline = soon()
    async with processes.start(["yes"], processes.Box(writable=(tmp_path,))) as process:
        async for _ in process.lines(deadline):
            await asyncio.sleep(0.5)  # meanwhile every buffer fills up
            break


async def test_a_box_cannot_be_made_writable_from_within(tmp_path: Path) -> None:
    own, source = tmp_path / "own", tmp_path / "source"
    own.mkdir()
    source.mkdir()
    await shell(f"mount -o remount,bind,rw {source}; touch {source}/x", own, readable=(source,))
    assert list(source.iterdir()) == []


async def test_no_line_is_longer_than_the_limit(tmp_path: Path) -> None:
    lines = await shell(
        f"head -c {2 * processes.MAX_LINE} /dev/zero | tr '\\0' x; echo; printf '%0100000d\\n' 1", tmp_path
    )
    assert max(map(len, lines)) <= processes.MAX_LINE


async def test_a_box_that_cannot_be_made_is_the_hosts_fault_and_no_exit_status(tmp_path: Path) -> None:
    """As where user namespaces are not allowed: what was to run did not run, and has not failed."""
    async with processes.start(["true"], processes.Box(writable=(), readable=(tmp_path / "none",))) as running:
        _ = [line async for line in running.lines(soon())]
        with pytest.raises(InfraError, match=r"bwrap cannot make a box: .*none"):
            await running.wait(soon())


async def test_a_program_that_talks_like_bwrap_has_failed_by_itself() -> None:
    async with processes.start(["sh", "-c", "echo bwrap: no; exit 1"], processes.Box(writable=())) as running:
        _ = [line async for line in running.lines(soon())]
        assert await running.wait(soon()) == 1


def test_a_tool_is_not_started_where_we_are_nor_finds_there_what_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where we are is often a tree: b4 reads the configuration of a repository there, and that names programs."""
    monkeypatch.chdir(tmp_path)
    names = ("PYTHONPATH", "PYTHONHOME", "PERL5LIB", "PERL5OPT", "COMPILER_PATH", "GCC_EXEC_PREFIX", "CPATH", "GIT_DIR")
    for name in names:
        monkeypatch.setenv(name, ".")
    (tmp_path / "file").touch()
    told = processes.run(["sh", "-c", 'pwd; env; ls "$1"', "sh", Path("file")], seconds=60).text.splitlines()
    assert told[0] == "/" and told[-1] == str(tmp_path / "file")
    assert not {line.partition("=")[0] for line in told} & set(names)
    with processes.feeding(["sh", "-c", f"pwd >{tmp_path}/fed; cat >/dev/null"]) as stream:
        stream.write(b"x")
    assert (tmp_path / "fed").read_text() == "/\n"


def told_beside(tmp_path: Path, **more: bool) -> str:
    """The environment of a program of ours."""
    with (tmp_path / "said").open("wb") as said:
        assert processes.ends(processes.beside(["env"], tmp_path, (), said, **more), 60)
    return (tmp_path / "said").read_text()


def test_a_token_is_only_for_a_program_that_publishes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("KSERIES_PATCHWORK_TOKEN", "KSERIES_GITHUB_TOKEN", "KSERIES_KCIDB_TOKEN", "GITHUB_TOKEN")
    for name in names:
        monkeypatch.setenv(name, "s3cr3t")
    monkeypatch.setenv("KSERIES_OTHER", "stays")
    told = told_beside(tmp_path)
    assert "s3cr3t" not in told and "KSERIES_OTHER=stays" in told
    assert all(f"{name}=s3cr3t" in told_beside(tmp_path, publishes=True) for name in names)


# --- what is ended in the middle ----------------------------------------------------------------


def test_a_process_that_is_fed_may_print_more_than_a_pipe_holds() -> None:
    """With nobody to read it, it would wait for us, and we for it."""
    script = "head -c 1000000 /dev/zero | tr '\\0' x >&2; cat >/dev/null; echo the last word >&2; exit 3"
    with pytest.raises(InfraError) as raised, processes.feeding(["sh", "-c", script], seconds=60) as stream:
        stream.write(bytes(1 << 20))
    assert str(raised.value).endswith("the last word")
    assert len(str(raised.value)) < 100_000


def test_nothing_waits_for_the_limit_of_a_process_that_was_fed() -> None:
    """Python waits at its exit for a timer that is no daemon's."""
    for script in ("cat >/dev/null", "exit 1"):
        with contextlib.suppress(InfraError), processes.feeding(["sh", "-c", script]) as stream:
            stream.write(bytes(1 << 20))
            timers = [one for one in threading.enumerate() if isinstance(one, threading.Timer)]
            assert all(timer.daemon for timer in timers)
    assert not [one for one in threading.enumerate() if isinstance(one, threading.Timer) and not one.finished.is_set()]


async def test_who_is_cancelled_waits_for_what_a_thread_has_started(lifeline: Lifeline) -> None:
    script = f"exec 3>{lifeline.path}; echo up >&3; exec sleep 1000"
    after: list[str] = []

    def work() -> None:
        try:
            processes.run(["sh", "-c", script], seconds=1000)
        finally:
            after.append("ended")

    task = asyncio.create_task(processes.aside(work))
    await asyncio.to_thread(lifeline.wait_for, b"up\n")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, PATIENCE_SECONDS)
    assert after == ["ended"]
    lifeline.wait_for(b"")


def test_what_others_have_started_for_one_that_fails_is_ended(lifeline: Lifeline) -> None:
    script = f"exec 3>{lifeline.path}; echo up >&3; exec sleep 1000"
    with pytest.raises(KeyboardInterrupt), ThreadPoolExecutor(1) as pool, processes.company() as started:
        pool.submit(started.call, processes.run, ["sh", "-c", script], seconds=1000)
        lifeline.wait_for(b"up\n")
        raise KeyboardInterrupt
    lifeline.wait_for(b"")


def test_no_lock_of_ours_is_open_in_a_box(tmp_path: Path) -> None:
    """What is in there could unlock it (flock(2))."""
    with cachelock.one_at_a_time(tmp_path / "lock"):
        files = asyncio.run(shell("readlink /proc/$$/fd/*"))
    assert files and str(tmp_path / "lock").encode() not in files


def test_what_runs_without_a_box_and_outlives_us_has_the_lock(tmp_path: Path) -> None:
    with cachelock.one_at_a_time(tmp_path / "lock"), processes.unboxed():
        files = asyncio.run(shell("readlink /proc/$$/fd/*"))
    assert str(tmp_path / "lock").encode() in files
