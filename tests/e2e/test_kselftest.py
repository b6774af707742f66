# SPDX-License-Identifier: GPL-2.0-only
"""kselftest's scripts and whole targets on a real kernel: each ends as it does for a person who runs it by hand."""

import re
from pathlib import Path

import pexpect
import pytest

from kseries import inputs
from kseries.app import rundir
from kseries.judge import expectation
from kseries.model import StateResult, Status
from tests.support import kcidbs
from tests.support.commands import TOP, Kseries
from tests.support.patches import adding

pytestmark = pytest.mark.full("userland")

WORDS = ("--userland", "debian:bookworm", "--package", "e2fsprogs,ethtool,iputils-ping,jq", "--probe", "capabilities")
ASKED = (
    "net:fib_nexthop_nongw.sh,netns-name.sh,fib_rule_tests.sh,route_localnet.sh",
    "timers:nanosleep",
    "sysctl:sysctl.sh",
    "kmod:kmod.sh",
    "splice:short_splice_read.sh",
    "mount_setattr",
    "filesystems",
)
TESTS = (
    *(f"net:{name}.sh" for name in ("fib_nexthop_nongw", "netns-name", "fib_rule_tests", "route_localnet")),
    *("timers:nanosleep", "sysctl:sysctl.sh", "kmod:kmod.sh", "splice:short_splice_read.sh"),
    *("mount_setattr:mount_setattr_test", "filesystems:devpts_pts"),
)
"""Those that are run, of which the kernel's configuration and the packages decide how each ends."""
PROGRAMS = ("timers:nanosleep",)
"""Those that are asked for by themselves, and are compiled as probes are."""
SECONDS = 900
ANSWERS = "tools/testing/selftests/answers"
BROUGHT = {
    f"{ANSWERS}/Makefile": (
        "TEST_PROGS := answers.sh",
        "TEST_GEN_PROGS := answers",
        "CFLAGS += $(KHDR_INCLUDES)",
        "include ../lib.mk",
    ),
    f"{ANSWERS}/answers.sh": ("#!/bin/sh", "exec ./answers"),
    f"{ANSWERS}/answers.c": (
        "#include <sys/prctl.h>",
        "#include <linux/answers.h>",
        "int main(void) { return prctl(PR_ANSWERS, 0, 0, 0, 0) != 42; }",
    ),
}
"""A target of tests, of which a script runs a program that is compiled against a header of the series."""


def test_ten_tests_end_in_a_run_as_they_do_by_hand(kseries: Kseries, tmp_path: Path) -> None:
    series = tmp_path / "series"
    series.mkdir()
    patch = adding("fs/eventfd.c", "\tmb();", "eventfd: Wait", below="\tctx->count = count;")
    (series / "0001-wait.patch").write_text(patch)
    tests = [word for value in ASKED for word in ("--selftest", value)]
    done = kseries("run", "series", *WORDS, *tests, "--scenario", "prefixes", "--out", "out")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tools/testing/selftests/net/config adds to every kernel: CONFIG_" in done.stdout
    result, _ = rundir.read(tmp_path / "out")
    told = {state.id: {name: ended(state, name) for name in TESTS} for state in result.states}
    wanted = by_hand(series, tests)
    assert told == {"base": wanted, "prefix-1": wanted}
    assert list(wanted.values()).count(Status.PASS) >= 5, "little was tried"


def ended(state: StateResult, name: str) -> Status | None:
    target, _, test = name.partition(":")
    probe = ".".join((target.replace("/", "."), re.sub(r"[^\w+-]", "_", test)))
    return next((check.status for check in state.checks if check.id == f"{probe}.exit_status"), None)


def by_hand(series: Path, tests: list[str]) -> dict[str, Status]:
    """How each ends for who runs it in a shell of base."""
    words = ["shell", "base", str(series), *WORDS, *tests]
    shell: pexpect.spawn[str] = pexpect.spawn(str(TOP / "kseries"), words, encoding="utf-8", timeout=SECONDS)
    try:
        shell.expect("This is base")
        shell.sendline("cd /selftests; ip link set lo up")
        return {name: _by_hand(shell, name) for name in TESTS}
    finally:
        shell.close(force=True)


def _by_hand(shell: "pexpect.spawn[str]", name: str) -> Status:
    if name in PROGRAMS:
        shell.sendline(f"{name.replace(':', '.')} </dev/null; echo ended $?")
        shell.expect(r"\nended (\d+)\r*\n")
        assert shell.match is not None and not isinstance(shell.match, type)
        return {"0": Status.PASS, "4": Status.SKIP}.get(str(shell.match[1]), Status.FAIL)
    shell.sendline(f"./run_kselftest.sh -t {name} </dev/null")  # as in a run: a few want a terminal
    shell.expect(rf"\n((?:not )?ok) 1 selftests: {name.replace(':', ': ')}([^\r\n]*)\r*\n")
    assert shell.match is not None and not isinstance(shell.match, type)
    said = str(shell.match[2])
    if shell.match[1] == "not ok":
        return Status.FAIL
    return Status.SKIP if "SKIP" in said else Status.PASS


def test_a_silent_break_that_only_a_script_shows_is_found(kseries: Kseries, tmp_path: Path) -> None:
    case = TOP / "testcases" / "ramfs-max-file"
    done = kseries("run", case, "--out", "out")
    assert done.returncode == 1, done.stdout + done.stderr
    result, _ = rundir.read(tmp_path / "out")
    testcase = inputs.load(str(case)).testcase
    assert testcase is not None
    assert expectation.differences(testcase.expect, result) == ()
    kcidbs.assert_taken(tmp_path / "out")


def test_a_target_that_a_series_brings_tells_of_the_kernels_without_it(kseries: Kseries, tmp_path: Path) -> None:
    series = tmp_path / "series"
    series.mkdir()
    below = "\terror = security_task_prctl(option, arg2, arg3, arg4, arg5);"
    prctl = adding("kernel/sys.c", "\tif (option == 0x4b534552) return 42;", "sys: Answer", below=below)
    header = new_file("include/uapi/linux/answers.h", ("#define PR_ANSWERS 0x4b534552",))
    (series / "0001-prctl.patch").write_text(prctl + header)
    tests = "".join(new_file(path, lines) for path, lines in BROUGHT.items())
    (series / "0002-tests.patch").write_text(f"Subject: [PATCH] selftests: Ask\n\n---\n{tests}")
    asked = ("--userland", "debian:bookworm", "--probe", "capabilities", "--selftest", "answers")
    done = kseries("run", "series", *asked, "--selftest-from", "tip", "--scenario", "prefixes", "--out", "out")
    assert done.returncode == 0, done.stdout + done.stderr
    result, _ = rundir.read(tmp_path / "out")
    told = {
        state.id: [ended(state, f"answers:{name}") for name in ("answers.sh", "answers")] for state in result.states
    }
    fails, passes = [Status.FAIL] * 2, [Status.PASS] * 2
    assert told == {"base": fails, "prefix-1": passes, "prefix-2": passes}, "base fails, so that this is no break"


def new_file(path: str, lines: tuple[str, ...]) -> str:
    """The part of a patch that brings a program or a source."""
    head = (f"diff --git a/{path} b/{path}", "new file mode 100755", "--- /dev/null", f"+++ b/{path}")
    return "\n".join((*head, f"@@ -0,0 +1,{len(lines)} @@", *(f"+{one}" for one in lines), ""))
