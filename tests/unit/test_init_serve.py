# SPDX-License-Identifier: GPL-2.0-only
"""init once all its probes have run: it runs what it is asked for, and tells what that prints and how it ends."""

import os
import pty
import socket
import subprocess
import threading
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from kseries.host import paths
from kseries.hosttest.inside import Done, Inside, InsideError

SECONDS = 20.0


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root directory with init, no probe and programs of this host."""
    out = tmp_path_factory.mktemp("guest") / "root"
    words = ["make", "--silent", f"--directory={paths.project('guests')}", f"OUT={out}", "HEADERS=/usr/include"]
    subprocess.run([*words, str(out / "init")], check=True, timeout=300)
    for folder in ("dev", "proc", "sys", "tmp", "usr"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    for name in filter(lambda name: Path("/", name).exists(), ("bin", "lib", "lib64")):
        (out / name).symlink_to(f"usr/{name}")
    (out / "probes.list").write_text("")
    return out


@pytest.fixture
def inside(root: Path) -> Iterator[Inside]:
    """init as PID 1 of a namespace, with a terminal for its channel."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    box = ["bwrap", "--unshare-user", "--unshare-pid", "--as-pid-1", "--uid", "0", "--gid", "0", "--cap-add", "ALL"]
    box += ["--die-with-parent", "--bind", str(root), "/", "--ro-bind", "/usr", "/usr", "--dev", "/dev", "--proc"]
    box += ["/proc", "--dev-bind", os.ttyname(theirs), "/dev/ktap", "--setenv", "KTAP", "ktap"]
    near, far = socket.socketpair()
    running = subprocess.Popen([*box, "--", "/init"])
    bridges = [threading.Thread(target=bridge, args=pair, daemon=True) for pair in ((ours, far), (far, ours))]
    for one in bridges:
        one.start()
    try:
        near.settimeout(SECONDS)
        said = b""
        while not said.endswith(b"# kseries: end\n"):
            said += near.recv(1) or pytest.fail(f"init has ended: {said!r}")
        yield Inside(near)
    finally:
        running.kill()
        running.wait()
        os.close(theirs)
        near.close()
        for one in bridges:  # before another has the numbers of its files
            one.join()
        far.close()
        os.close(ours)


def bridge(source: int | socket.socket, sink: int | socket.socket) -> None:
    try:
        while piece := os.read(number(source), 4096):
            while piece:
                piece = piece[os.write(number(sink), piece) :]
    except OSError:
        pass


def number(end: int | socket.socket) -> int:
    return end if isinstance(end, int) else end.fileno()


def test_a_program_runs_and_what_it_prints_and_exits_with_is_told(inside: Inside) -> None:
    words = ["/bin/sh", "-c", 'echo "$1"; echo "$2" >&2; exit 3', "sh", "a b%41", "\x01é\n%"]
    assert inside.run(words, SECONDS) == Done(3, "a b%41\n\x01é\n%\n")
    assert inside.run(["/bin/true"], SECONDS) == Done(0, "")


def test_a_probe_that_is_driven_makes_no_marks_of_its_own(inside: Inside) -> None:
    """Else what the kernel complains of would be said of the probe, and fail no test (guests/lib/ktap.c)."""
    assert inside.run(["/bin/sh", "-c", "echo $KTAP_DRIVEN"], SECONDS) == Done(0, "1\n")


@pytest.mark.parametrize(
    ("words", "done"),
    [
        (["/bin/sh", "-c", "kill -SEGV $$"], Done(-11, "")),
        (["/nowhere"], Done(127, "cannot run /nowhere: No such file or directory\n")),
        (["/bin/sh", "-c", "head -c 200000 /dev/zero | tr '\\0' x"], Done(0, "x" * 200_000)),
        (["/bin/sh", "-c", "sleep 600 & echo left"], Done(0, "left\n")),
        (["/bin/sh", "-c", "setsid sleep 600 & echo left"], Done(0, "left\n")),
        (["/bin/cat"], Done(0, "")),
    ],
)
def test_it_is_told_however_it_ends(words: list[str], done: Done, inside: Inside) -> None:
    assert inside.run(words, SECONDS) == done
    assert inside.run(["/bin/echo", "next"], SECONDS) == Done(0, "next\n")


def test_lines_go_in_and_out_of_programs_that_run_beside_one_another(inside: Inside) -> None:
    one, other = inside.start(["/bin/cat"]), inside.start(["/bin/sed", "-u", "s/^/> /"])
    other.write("first\n")
    one.write("a\nb\nc")
    assert [one.line(SECONDS), other.line(SECONDS), one.line(SECONDS)] == ["a", "> first", "b"]
    one.close()
    assert [one.line(SECONDS), one.line(SECONDS)] == ["c", None]
    assert other.line(SECONDS) if other.write("more\n") is None else None  # type: ignore[func-returns-value]
    other.kill()
    assert (one.wait(SECONDS), other.wait(SECONDS)) == (Done(0, ""), Done(-9, ""))


def test_what_is_not_done_in_time_is_killed(inside: Inside) -> None:
    began = time.monotonic()
    program = inside.start(["/bin/sleep", "600"])
    with pytest.raises(InsideError, match="it was not done"):
        program.wait(0.5)
    assert program.wait(SECONDS) == Done(-9, "") and time.monotonic() - began < SECONDS
    with pytest.raises(InsideError, match="no line in"):
        inside.start(["/bin/sleep", "600"]).line(0.2)


def test_too_many_programs_or_words_are_refused(inside: Inside) -> None:
    running = [inside.start(["/bin/sleep", "600"]) for _ in range(17)]
    with pytest.raises(InsideError, match="too many run"):
        running[-1].wait(SECONDS)
    running[0].kill()
    assert running[0].wait(SECONDS) == Done(-9, "")
    assert inside.run(["/bin/echo", "again"], SECONDS) == Done(0, "again\n")
    with pytest.raises(InsideError, match="too many words"):
        inside.run(["/bin/echo", *(["x"] * 300)], SECONDS)
    with pytest.raises(InsideError, match="a word is empty"):
        inside.run(["/bin/echo", "x" * 100_000], SECONDS)


def test_a_program_that_reads_nothing_costs_itself_alone(inside: Inside) -> None:
    program = inside.start(["/bin/sleep", "1"])
    program.write("x" * 200_000)
    assert inside.run(["/bin/echo", "next"], SECONDS) == Done(0, "next\n")
    assert program.wait(SECONDS) == Done(0, "")


def test_lines_that_ask_for_nothing_are_passed_over(inside: Inside) -> None:
    for line in (b"", b"start", b"nonsense 1", b"kill 77", b"input x", b"\xff \x00", b"x" * 100_000):
        inside._channel.sendall(line + b"\n")
    assert inside.run(["/bin/echo", "next"], SECONDS) == Done(0, "next\n")
