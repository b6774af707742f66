# SPDX-License-Identifier: GPL-2.0-only
"""A person at a terminal: a shell in a real guest, and a bisection by hand that survives the terminal."""

import os
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.support import processes
from tests.support.commands import SPLIT, TOP, Kseries
from tests.support.patches import adding

SHORT = ("--probe", "capabilities")
PATIENCE = 300
"""Seconds for a state to be built and to boot, on a machine that has more to do."""


def terminal(*words: str | Path, cwd: Path) -> "pexpect.spawn[str]":
    return pexpect.spawn(
        str(TOP / "kseries"), [str(word) for word in words], cwd=str(cwd), encoding="utf-8", timeout=PATIENCE
    )


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """Two patches that nobody has built before: comments in KVM."""
    directory = tmp_path / "two"
    directory.mkdir()
    for number, path in enumerate(("virt/kvm/eventfd.c", "virt/kvm/coalesced_mmio.c"), 1):
        patch = adding(path, f"/* {os.urandom(8).hex()} */", f"KVM: Comment {number}")
        (directory / f"000{number}-comment.patch").write_text(patch)
    return directory


@pytest.fixture
def shell(two: Path, tmp_path: Path) -> Iterator["pexpect.spawn[str]"]:
    (tmp_path / "mine" / "deep").mkdir(parents=True)
    (tmp_path / "mine" / "deep" / "word").write_text("from the host\n")
    words: tuple[str | Path, ...] = (
        "shell",
        "without-1",
        two,
        *SHORT,
        "--add",
        tmp_path / "mine",
        "--sockets",
        tmp_path / "sockets",
    )
    child = terminal(*words, cwd=tmp_path)
    yield child
    child.close(force=True)


@pytest.mark.full("e2e")
def test_a_shell_has_busybox_the_probes_dmesg_and_the_users_files_and_ends_without_a_trace(
    shell: "pexpect.spawn[str]", tmp_path: Path
) -> None:
    shell.expect("This is without-1. 6\\.12")
    shell.expect("without-1 # ")
    assert (tmp_path / "sockets" / "qmp").is_socket() and (tmp_path / "sockets" / "gdb").is_socket()
    for command, answer in (
        ("cat /add/deep/word", "from the host\r"),
        ("cat /user/deep/word", "from the host\r"),
        ("ls /probes", "capabilities"),
        ("dmesg | head -1", "Linux version 6"),
        ("capabilities", "KTAP version 1"),
    ):
        shell.sendline(command)
        shell.expect_exact(answer)
        shell.expect("without-1 # ")
    # A Ctrl-C that comes before the shell has left the terminal to the command would be a character to it.
    shell.sendline("sh -c 'echo it runs; exec sleep 1000'")
    shell.expect_exact("\nit runs")
    shell.sendcontrol("c")
    shell.expect("without-1 # ", timeout=20)
    shell.sendline("exit")
    shell.expect(pexpect.EOF, timeout=60)
    shell.wait()
    assert shell.exitstatus == 0
    assert processes.at_work(tmp_path / "sockets") == []
    assert list((tmp_path / "sockets").iterdir()) == []


@pytest.mark.full("e2e")
def test_a_terminal_that_is_closed_ends_the_guest(shell: "pexpect.spawn[str]", tmp_path: Path) -> None:
    shell.expect("without-1 # ")
    assert processes.at_work(tmp_path / "sockets")
    shell.close(force=True)
    assert processes.at_work(tmp_path / "sockets") == []


@pytest.mark.full("e2e")
def test_a_bisection_by_hand_looks_into_a_guest_and_goes_on_after_the_terminal_was_closed(
    two: Path, tmp_path: Path
) -> None:
    words: tuple[str | Path, ...] = ("bisect", two, *SHORT, "--manual")
    first = terminal(*words, cwd=tmp_path)
    first.expect("1/2 'KVM: Comment 1': ")
    first.sendline("shell")
    first.expect("prefix-1 # ")
    first.sendline("exit")
    first.expect("1/2 'KVM: Comment 1': ")
    first.close(force=True)
    again = terminal(*words, cwd=tmp_path)
    again.expect("going on: 0 answers so far")
    again.expect("1/2 'KVM: Comment 1': ")
    again.sendline("bad")
    again.expect("The first bad patch is 1/2 'KVM: Comment 1'\\.")
    again.expect(pexpect.EOF)
    again.wait()
    assert again.exitstatus == 1
    assert "# first bad commit" in (tmp_path / "kseries-out" / "bisect.log").read_text()


def test_without_a_terminal_there_is_no_shell(kseries: Kseries) -> None:
    done = kseries("shell", "base", SPLIT)
    assert done.returncode == 2
    assert "a shell needs a terminal" in done.stderr
