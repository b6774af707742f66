# SPDX-License-Identifier: GPL-2.0-only
"""What a box may not ask of this host's kernel."""

import errno
import functools
import operator
import os
import struct
import subprocess
from pathlib import Path

import pytest

from kseries import arch as archs
from kseries.host import processes
from kseries.host.box import syscalls

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
	tell("shmget", syscall(SYS_shmget, 0 /* IPC_PRIVATE */, 4096, 0600));
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
REFUSED = [
    "clone3",
    "keyctl",
    "add_key",
    "request_key",
    "perf_event_open",
    "bpf",
    "userfaultfd",
    "shmget",
    "io_uring_setup",
]
NEW_USER = 0x10000000
FORBIDDEN, MISSING, ALLOWED = "EPERM", "ENOSYS", "allowed"


@pytest.fixture(scope="module")
def asker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("asker")
    (place / "ask.c").write_text(PROGRAM)
    subprocess.run(["gcc", "-Wall", "-Wextra", "-Werror", "-o", place / "ask", place / "ask.c"], check=True)
    return place


def answers(output: bytes) -> dict[str, int]:
    return {name: int(code) for name, code in (line.split() for line in output.decode().splitlines())}


async def in_a_box(place: Path) -> dict[str, int]:
    deadline = processes.Deadline.after(30)
    async with processes.start([place / "ask"], processes.Box(writable=(), readable=(place,))) as running:
        lines = [line async for line in running.lines(deadline)]
        assert await running.wait(deadline) == 0, lines
    return answers(b"\n".join(lines))


async def test_a_box_has_no_way_to_a_user_namespace_or_to_what_it_does_not_need(asker: Path) -> None:
    asked = await in_a_box(asker)
    wanted = dict.fromkeys(NAMESPACE, errno.EPERM) | dict.fromkeys(HARMLESS, 0)
    assert asked == {name: wanted.get(name, errno.ENOSYS) for name in asked}


async def test_it_is_the_filter_that_refuses_a_namespace(asker: Path) -> None:
    outside = answers(subprocess.run([asker / "ask"], stdout=subprocess.PIPE, check=True).stdout)
    if any(outside[name] for name in NAMESPACE):
        pytest.skip("this host makes no user namespace for anybody")
    inside = await in_a_box(asker)
    assert {name for name in outside if outside[name] != inside[name]} >= {*NAMESPACE, "clone3"}


async def test_nobody_in_a_box_gets_a_namespace_by_a_tool(asker: Path) -> None:
    deadline = processes.Deadline.after(30)
    async with processes.start(["unshare", "--map-root-user", "id"], processes.Box(writable=())) as running:
        lines = [line async for line in running.lines(deadline)]
        assert await running.wait(deadline) != 0
    assert lines == [b"unshare: unshare failed: Operation not permitted"]


# --- the filter of either architecture, whatever this host is ------------------------------------


def said(program: bytes, arch: int, number: int, argument: int = 0) -> str:
    """What a filter answers to a system call, by Documentation/networking/filter.rst as far as it is used."""
    data = {0: number, 4: arch, 16: argument & 0xFFFFFFFF}
    rows = list(struct.iter_unpack("=HBBI", program))
    at = loaded = 0
    while True:
        code, yes, no, operand = rows[at]
        at += 1
        if code == 0x06:
            return {0x50000 | errno.EPERM: FORBIDDEN, 0x50000 | errno.ENOSYS: MISSING, 0x7FFF0000: ALLOWED}[operand]
        if code == 0x20:
            loaded = data[operand]
        else:
            holds = {0x15: loaded == operand, 0x35: loaded >= operand, 0x45: bool(loaded & operand)}[code]
            at += yes if holds else no


def expanded(compiler: str, *names: str) -> list[int]:
    """What macros of the kernel's headers come to, for whom the compiler compiles."""
    source = f"#include <linux/audit.h>\n#include <sys/syscall.h>\n={'='.join(names)}"
    done = subprocess.run([compiler, "-E", "-P", "-"], input=source, capture_output=True, text=True, check=True)
    return [joined(value) for value in done.stdout.split("=")[-len(names) :]]


def joined(value: str) -> int:
    """One number, or several joined by |."""
    return functools.reduce(operator.or_, (int(part.strip(" ()\n"), 0) for part in value.split("|")))


@pytest.mark.parametrize(
    ("machine", "arch", "compiler"),
    [
        ("x86_64", "AUDIT_ARCH_X86_64", "x86_64-linux-gnu-gcc"),
        ("aarch64", "AUDIT_ARCH_AARCH64", "aarch64-linux-gnu-gcc"),
    ],
)
def test_the_filter_refuses_what_the_headers_number_so(machine: str, arch: str, compiler: str) -> None:
    program = syscalls.program(next(one.syscalls for one in archs.known().values() if one.machine == machine))
    ours, clone, unshare, *refused = expanded(compiler, arch, *(f"SYS_{name}" for name in (*NAMESPACE, *REFUSED)))
    for number in range(600):
        expected = MISSING if number in refused else ALLOWED
        assert said(program, ours, number) == expected, number
        assert said(program, ours, number, NEW_USER | 17) == (FORBIDDEN if number in (clone, unshare) else expected)
        assert said(program, ours ^ 1, number) == said(program, ours, number | 0x40000000) == MISSING


def test_a_host_that_we_know_nothing_of_has_no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "x", "6", "1", "riscv64")))
    assert syscalls.filter_file() is None
