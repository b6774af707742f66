# SPDX-License-Identifier: GPL-2.0-only
"""Commands in a userland of Debian's packages, on a real kernel: each is told as it ended, and none costs another."""

import json
from pathlib import Path
from typing import Any

import pexpect
import pytest

from kseries import arch as archs
from kseries.guest import userland
from kseries.guest.userland import Wanted
from tests.support.commands import TOP, Kseries
from tests.support.patches import adding
from tests.support.split import assert_logs_are_there, result_of

pytestmark = pytest.mark.full("userland")

USERLAND = ("--userland", "debian:bookworm", "--probe", "capabilities")
COMMANDS = {
    "fine": ("[ $(id -u) = 0 ] && ip link show lo && grep -q mine /add/file", {"exit_status": "pass"}),
    "skips": ("exit 4", {"exit_status": "skip"}),
    "fails": ("ls /nowhere", {"exit_status": "fail"}),
    "tells": ("echo ok 1 one; echo not ok 2 two", {"one": "pass", "two": "fail", "exit_status": "pass"}),
    "floods": ("yes | head -c 50000000", {"beyond_limit": "fail", "exit_status": "pass"}),
    "fills": ("cat /dev/zero >/tmp/all", {"exit_status": "fail"}),
    "forks": ("f() { f | f & }; f; sleep 4; exit 1", {"exit_status": "fail"}),
    "kills": ("kill -9 -1", {"exit_status": "pass"}),
    "streams": ("echo a >/dev/stderr && bash -c 'cat <(echo b)' && df / && unshare -Urn true", {"exit_status": "pass"}),
    "stays": ("setsid sh -c 'while :; do echo still; sleep 1; done' & exit 0", {"exit_status": "pass"}),
    "last": ("echo here > /tmp/all && ! grep -q 'not ok' /etc/passwd", {"exit_status": "pass"}),
}
"""What is run, in this order, and the checks that it has to be."""


@pytest.mark.parametrize("arch", ["x86_64", "arm64"])
def test_commands_are_checks_and_none_costs_another(arch: str, kseries: Kseries, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "file").write_text("mine\n")
    (tmp_path / "series").mkdir()
    patch = adding("fs/eventfd.c", "\tmb();", "eventfd: Wait", below="\tctx->count = count;")
    (tmp_path / "series" / "0001-wait.patch").write_text(patch)
    runs = [word for name, (command, _) in COMMANDS.items() for word in ("--run", f"{name}={command}")]
    done = kseries("run", "series", "--arch", arch, *USERLAND, *runs, "--add", tmp_path / "files", "--out", "out")
    assert done.returncode == 0, done.stdout + done.stderr
    result = result_of(tmp_path / "out" / "result.json")
    assert_logs_are_there(result, tmp_path / "out")
    states = {state["id"]: state for state in result["states"]}
    assert states.keys() >= {"base", "prefix-1"}
    for state in states.values():
        _assert_told(state)
    assert "No such file" in (tmp_path / "out" / "states" / "base" / "commands.log").read_text()


OFF = """\
#include <sys/reboot.h>

int main(int argc, char **argv)
{
	(void)argv;
	return argc > 1 ? reboot(RB_POWER_OFF) : 0;
}
"""


def test_a_command_that_brings_base_down_costs_its_own_check_in_each_state(kseries: Kseries, tmp_path: Path) -> None:
    (tmp_path / "series").mkdir()
    patch = adding("fs/eventfd.c", "\tmb();", "eventfd: Wait", below="\tctx->count = count;")
    (tmp_path / "series" / "0001-wait.patch").write_text(patch)
    (tmp_path / "off.c").write_text(OFF)
    runs = ("--run", "before=true", "--run", "down=/programs/off now", "--run", "after=test -d /proc/1")
    done = kseries("run", "series", *USERLAND[:-1], "capabilities,./off.c", *runs, "--out", "out")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "brought down on base" in done.stderr
    result = result_of(tmp_path / "out" / "result.json")
    for state in result["states"]:
        told = {check["id"]: check["status"] for check in state["checks"]}
        assert state["outcome"] == "ok" and told["down.exit_status"] == "fail"
        assert told["before.exit_status"] == told["after.exit_status"] == "pass"
        (down,) = (check for check in state["checks"] if check["id"] == "down.exit_status")
        assert down["blamed"][0].startswith("the machine ended in it")
    assert result["findings"] == []


@pytest.mark.parametrize("arch", ["x86_64", "arm64"])
def test_the_image_of_the_packages_is_the_same_in_two_caches(arch: str, tmp_path: Path) -> None:
    made = [userland.find(Wanted("debian:bookworm"), archs.get(arch), tmp_path / cache, print) for cache in "ab"]
    images = [userland.path(tmp_path / cache, one.digest) for cache, one in zip("ab", made, strict=True)]
    assert made[0] == made[1] and images[0].read_bytes() == images[1].read_bytes()
    assert not {"perl", "usrmerge"} & made[0].packages.keys() and {"bash", "iproute2"} <= made[0].packages.keys()


def _assert_told(state: Any) -> None:
    assert state["outcome"] == "ok", state
    told = {check["id"]: check["status"] for check in state["checks"]}
    for name, (_, checks) in COMMANDS.items():
        found = {f"{name}.{check}": told.get(f"{name}.{check}") for check in checks}
        assert found == {f"{name}.{check}": status for check, status in checks.items()}
    details = {check["id"]: check["detail"] for check in state["checks"]}
    assert "as many processes as it may have" in details["forks.exit_status"]


LOADS = "modprobe test_module && grep test_module /proc/modules && modprobe -r test_module && ! lsmod | grep test_"


def test_what_kconfig_takes_as_a_module_only_is_loaded_by_modprobe(kseries: Kseries, tmp_path: Path) -> None:
    (tmp_path / "fragment").write_text("CONFIG_RUNTIME_TESTING_MENU=y\nCONFIG_TEST_LKM=m\nCONFIG_TEST_SYSCTL=m\n")
    runs = ("--run", f"loads={LOADS}", "--run", "built=test -e /proc/sys/debug/test_sysctl/int_0001")
    words = (*USERLAND, "--config", tmp_path / "fragment", *runs, "--json")
    done = kseries("try", "base", TOP / "testcases" / "eventfd-saturate", *words)
    told = json.loads(done.stdout)["result"]
    assert told["config_dropped"] == [], done.stderr
    checks = {check["id"]: check["status"] for check in told["checks"]}
    assert (checks["loads.exit_status"], checks["built.exit_status"]) == ("pass", "pass"), told["checks"]


@pytest.mark.parametrize("arch", ["x86_64", "arm64"])
def test_a_shell_is_one_of_the_userland(arch: str, tmp_path: Path) -> None:
    words = ("shell", "base", str(TOP / "testcases" / "eventfd-saturate"), "--arch", arch, *USERLAND)
    shell: pexpect.spawn[str] = pexpect.spawn(
        str(TOP / "kseries"), list(words), cwd=str(tmp_path), encoding="utf-8", timeout=900
    )
    try:
        shell.expect("This is base")
        shell.expect_exact("base # ")
        for command, answer in (
            ("cat /etc/os-release", "bookworm"),
            ("bash --version", "GNU bash"),
            ("echo probes: /probes/*", "probes: /probes/capabilities"),
            ("cat <(echo $((6 * 7)) is told) >/dev/stderr", "42 is told"),
        ):
            shell.sendline(command)
            shell.expect_exact(answer)
            shell.expect_exact("base # ")
        shell.sendline("sh -c 'echo it runs; exec sleep 1000'")
        shell.expect_exact("\nit runs")
        shell.sendcontrol("c")
        shell.expect_exact("base # ", timeout=60)
        shell.sendline("exit")
        shell.expect(pexpect.EOF, timeout=60)
        shell.close()
        assert shell.exitstatus == 0
    finally:
        shell.close(force=True)
