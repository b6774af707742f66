# SPDX-License-Identifier: GPL-2.0-only
"""What a box may not ask of this host's kernel."""

import errno
import os
import subprocess
from pathlib import Path

import pytest

from harness import proc
from harness.box import syscalls

PROGRAM = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void tell(const char *name, long done)
{
	printf("%s %d\n", name, done < 0 ? errno : 0);
	fflush(stdout);
}

/* A child of clone(2) or clone3(2) ends at once, and its parent tells of it. */
static void tell_cloned(const char *name, long done)
{
	if (!done)
		_exit(0);
	tell(name, done);
	if (done > 0)
		waitpid(done, NULL, 0);
}

int main(void)
{
	struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	char attr[128] = { 0 };

	tell_cloned("fork", syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
	tell_cloned("clone", syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0));
	tell_cloned("clone3", syscall(SYS_clone3, &args, sizeof(args)));
	tell("unshare-fs", unshare(CLONE_FS));
	tell("keyctl", syscall(SYS_keyctl, 0 /* KEYCTL_GET_KEYRING_ID */, -3, 1));
	tell("add_key", syscall(SYS_add_key, "user", "kseries", "x", 1, -1 /* the thread's */));
	tell("request_key", syscall(SYS_request_key, "user", "there is none", NULL, 0));
	tell("perf_event_open", syscall(SYS_perf_event_open, attr, 0, -1, -1, 0));
	tell("bpf", syscall(SYS_bpf, 0, attr, sizeof(attr)));
	tell("userfaultfd", syscall(SYS_userfaultfd, 1 /* UFFD_USER_MODE_ONLY */));
	tell("io_uring_setup", syscall(SYS_io_uring_setup, 1, attr));
#ifdef __x86_64__
	tell("x32", syscall(0x40000000 | SYS_getpid));
	long pid = 20; /* getpid, as i386 has it */
	asm volatile("int $0x80" : "+a"(pid) : : "memory", "r8", "r9", "r10", "r11");
	errno = -pid;
	tell("i386", pid < 0 ? -1 : 0);
#endif
	tell("unshare", unshare(CLONE_NEWUSER));
	return 0;
}
"""
NAMESPACE = ("clone", "unshare")
HARMLESS = ("fork", "unshare-fs")


@pytest.fixture(scope="module")
def asker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("asker")
    (place / "ask.c").write_text(PROGRAM)
    subprocess.run(["gcc", "-Wall", "-Wextra", "-Werror", "-o", place / "ask", place / "ask.c"], check=True)
    return place


def answers(output: bytes) -> dict[str, int]:
    return {name: int(code) for name, code in (line.split() for line in output.decode().splitlines())}


async def in_a_box(place: Path) -> dict[str, int]:
    deadline = proc.Deadline.after(30)
    async with proc.start([place / "ask"], proc.Box(writable=(), readable=(place,))) as running:
        lines = [line async for line in running.lines(deadline)]
        assert await running.wait(deadline) == 0, lines
    return answers(b"\n".join(lines))


async def test_a_box_has_no_way_to_a_user_namespace_or_to_what_it_does_not_need(asker: Path) -> None:
    asked = await in_a_box(asker)
    wanted = dict.fromkeys(NAMESPACE, errno.EPERM) | dict.fromkeys(HARMLESS, 0)
    assert asked == {name: wanted.get(name, errno.ENOSYS) for name in asked}


async def test_it_is_the_filter_that_refuses_a_namespace(asker: Path) -> None:
    outside = answers(subprocess.run([asker / "ask"], stdout=subprocess.PIPE, check=True).stdout)
    assert outside.keys() == (await in_a_box(asker)).keys()
    if any(outside[name] for name in NAMESPACE):
        pytest.skip("this host makes no user namespace for anybody")


async def test_nobody_in_a_box_gets_a_namespace_by_a_tool(asker: Path) -> None:
    deadline = proc.Deadline.after(30)
    async with proc.start(["unshare", "--map-root-user", "id"], proc.Box(writable=())) as running:
        lines = [line async for line in running.lines(deadline)]
        assert await running.wait(deadline) != 0
    assert lines == [b"unshare: unshare failed: Operation not permitted"]


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_is_short_and_ends_in_an_answer(machine: str) -> None:
    words = syscalls.program(syscalls._NUMBERS[machine])
    assert len(words) % 8 == 0 and len(words) < 4096 * 8  # BPF_MAXINSNS
    assert words[-8:-6] == b"\x06\0"


def test_a_host_that_we_know_nothing_of_has_no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "x", "6", "1", "riscv64")))
    with syscalls.filter_file() as file:
        assert file is None
