# SPDX-License-Identifier: GPL-2.0-only
"""Tests that drive a booted guest from outside, on a real kernel: each is a check, and none costs another."""

import json
import shutil
import textwrap
from pathlib import Path
from typing import Any

import pytest

from kseries import arch as archs
from tests.support.commands import TOP, Kseries
from tests.support.split import result_of

pytestmark = pytest.mark.full("host-tests")

OFF = """\
#include <stdio.h>
#include <sys/reboot.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	FILE *log = fopen("/dev/kmsg", "w");
	(void)argv;
	if (log && fputs("off: here\\n", log) >= 0)
		fclose(log);
	if (argc > 1)
		reboot(RB_POWER_OFF);
	return 0;
}
"""
TESTS = {
    "runs": ('done = guest.run(["/probes/capabilities"])\nassert done.status == 0 and "# cap " in done.output', "pass"),
    "stops": (
        'qmp("stop")\nassert qmp("query-status")["status"] == "paused"\nqmp("cont")\nqmp.event("RESUME")',
        "pass",
    ),
    "fails": ('assert guest.run(["/nowhere"]).status == 0', "fail"),
    "leaves_it_stopped": ('qmp("stop")', "pass"),
    "reads_the_log": (
        'assert guest.wait_for("Linux version [67]") and "kseries: enter t.test_reads" in guest.log()',
        "pass",
    ),
    "reads_the_console": (
        'guest.run(["/programs/off"])\nassert guest.console.expect(["gone", "off: h(er)e"]) == 1\n'
        'assert guest.console.match[1] == "er"',
        "pass",
    ),
    "is_refused": (
        'import pytest\nfrom qemu.qmp import ExecuteError\nwith pytest.raises(ExecuteError): qmp("nonsense")',
        "pass",
    ),
    "hangs": ('guest.console.expect("never", timeout=600)', "fail"),
    "quits": ('qmp("quit")', "fail"),
    "after_quit": ("assert state.caps and guest.run(['/programs/off']).status == 0", "pass"),
    "exits": ("import os\nos._exit(3)", "fail"),
    "after_exit": ('assert qmp("query-status")["status"] == "running"', "pass"),
    "garbles": (
        'guest.console.send("x" * 100)\nguest._inside._channel.sendall(b"\\xff" * 5000 + b"\\nkill 1\\n")',
        "pass",
    ),
    "powers_off": ("guest.run(['/programs/off', 'now'], timeout=10)", "fail"),
    "last": ("assert guest.run(['/programs/off']).status == 0", "pass"),
}
"""What each does, and how its check ends."""


@pytest.mark.parametrize("arch", ["x86_64", "arm64"])
def test_each_is_a_check_and_none_costs_another(arch: str, kseries: Kseries, tmp_path: Path) -> None:
    (tmp_path / "off.c").write_text(OFF)
    (tmp_path / "tests").mkdir()
    text = "import pytest\n"
    for name, (body, _) in TESTS.items():
        marker = "@pytest.mark.timeout(5)\n" if name == "hangs" else ""
        text += f"{marker}def test_{name}(guest, qmp, state):\n{textwrap.indent(body, '    ')}\n"
    (tmp_path / "tests" / "test_t.py").write_text(text + "@pytest.mark.fresh_boot\ndef test_fresh(guest): pass\n")
    words = ("--arch", arch, "--probe", "capabilities,./off.c", "--host-test", "tests/test_t.py", "--json")
    done = kseries("try", "base", TOP / "testcases" / "eventfd-saturate", *words)
    result: dict[str, Any] = json.loads(done.stdout)["result"]
    told = {check["id"]: check for check in result["checks"]}
    found = {name: told[f"t.test_{name}"]["status"] for name in (*TESTS, "fresh")}
    assert found == {name: status for name, (_, status) in TESTS.items()} | {"fresh": "pass"}, told
    assert told["off.exit_status"]["status"] == "pass"
    assert "where 127 = Done(status=127" in told["t.test_fails"]["detail"]
    assert "the machine ended in it" in told["t.test_quits"]["detail"]
    assert "exit status 3" in told["t.test_exits"]["detail"]
    assert "no answer after 5 s" in told["t.test_hangs"]["detail"]


def test_a_file_that_is_no_test_or_cannot_be_imported_is_told(kseries: Kseries, tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    case = TOP / "testcases" / "eventfd-saturate"
    done = kseries("try", "base", case, "--host-test", "tests/test_t.py")
    assert done.returncode == 128 and "--host-test tests/test_t.py: it is no file" in done.stderr
    (tmp_path / "tests" / "test_t.py").write_text("import nowhere\n")
    done = kseries("try", "base", case, "--probe", "capabilities", "--host-test", "tests/test_t.py", "--json")
    told = {check["id"]: check for check in json.loads(done.stdout)["result"]["checks"]}
    assert told["t.collected"]["status"] == "fail" and "No module named 'nowhere'" in told["t.collected"]["detail"]
    assert told["capabilities.undefined_flags_refused"]["status"] == "pass"


GDB = """\
import re

import pytest


def test_a_breakpoint_is_met_and_the_machine_goes_on(gdb, guest):
    said = gdb.run("hbreak ktime_get", "continue", "bt 2")
    assert re.search(r"#0 .*ktime_get", said), said
    assert guest.run(["/probes/capabilities"]).status == 0


def test_one_that_never_stops_leaves_nothing_behind(gdb, guest):
    with pytest.raises(Exception) as caught:
        gdb.run("hbreak panic", "continue", timeout=3)
    assert type(caught.value).__name__ == "InfraError", caught.value
    assert guest.run(["/probes/capabilities"]).status == 0
    assert "Linux version" in gdb.run("x/s &linux_banner")
"""


@pytest.mark.parametrize("arch", ["x86_64", "arm64"])
def test_gdb_stops_a_kernel_where_it_is_told(arch: str, kseries: Kseries, tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_gdb.py").write_text(GDB)
    (tmp_path / "tests" / "test_other.py").write_text(GDB)
    tests = ("--host-test", "tests/test_gdb.py", "--host-test", "tests/test_other.py")
    words = ("--arch", arch, "--probe", "capabilities", *tests, "--json")
    done = kseries("try", "base", TOP / "testcases" / "eventfd-saturate", *words)
    told = {check["id"]: check for check in json.loads(done.stdout)["result"]["checks"]}
    checks = [check for name, check in told.items() if name.partition(".")[0] in ("gdb", "other")]
    debugger = shutil.which("gdb-multiarch") or (
        shutil.which("gdb") if archs.is_host(archs.get(arch).machine) else None
    )
    assert [check["status"] for check in checks] == ["pass" if debugger is not None else "skip"] * 4, checks


@pytest.mark.parametrize(("arch", "annotates", "honours"), [("x86_64", 3, 4), ("arm64", 7, 8)])
@pytest.mark.parametrize("series", ["split", "squashed"])
def test_a_silent_break_is_found_by_host_side_tests_alone(
    series: str, arch: str, annotates: int, honours: int, kseries: Kseries, tmp_path: Path
) -> None:
    words = ("--arch", arch, "--probe", "capabilities", "--host-test", "missing_page", "--out", "out")
    done = kseries("run", TOP / "testcases" / f"exit-on-missing-{series}", *words)
    result = result_of(tmp_path / "out" / "result.json")
    tip = max((state for state in result["states"] if state["scenario"] == "prefixes"), key=lambda one: one["applied"])
    told = {check["id"]: check["status"] for check in tip["checks"] if check["id"].startswith("missing_page.")}
    passing = 3 if arch == "x86_64" else 1  # no NMI elsewhere, and no snapshot; no balloon where nobody asks for one
    assert (len(told), [*told.values()].count("pass")) == (4, passing), told
    found = [
        (one["kind"], one["state"], one["contract"]) for one in result["findings"] if one["kind"] == "silent-break"
    ]
    if series == "squashed":
        assert (done.returncode, found) == (0, []), done.stdout
        return
    assert done.returncode == 1 and found == [("silent-break", f"without-{annotates}", "exit-on-missing")], done.stdout
    (broken,) = (one for one in result["findings"] if one["kind"] == "silent-break")
    assert broken["partner"] == honours
    probes = {one["name"].partition(".")[0] for one in broken["evidence"]}
    # Where the annotating patch brings KVM_CAP_MEMORY_FAULT_INFO, too, the probe of all runs misses that.
    assert probes == {"missing_page"} | ({"capabilities"} if arch == "arm64" else set())


@pytest.mark.parametrize("arch", ["x86_64", "arm64"])
def test_a_balloon_and_a_timer_are_told_of_a_machine_that_has_them(arch: str, kseries: Kseries, tmp_path: Path) -> None:
    tests = ("--host-test", "missing_page", "--host-test", "stopped_timer", "--device", "virtio-balloon-pci")
    words = ("--arch", arch, "--probe", "capabilities", *tests, "--json")
    done = kseries("try", "prefix-8", TOP / "testcases" / "exit-on-missing-split", *words)
    told = {check["id"]: check for check in json.loads(done.stdout)["result"]["checks"]}
    balloon = told["missing_page.test_balloon_takes_memory_and_gives_it_back"]
    assert balloon["status"] == "pass", balloon
    assert told["stopped_timer.test_timerfd_expires_by_the_machines_own_time"]["status"] == "pass"
