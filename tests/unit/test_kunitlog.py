# SPDX-License-Identifier: GPL-2.0-only
"""KUnit's results in a kernel log: each case a check, and what the kernel complains of is of the case that runs."""

import re
from pathlib import Path

import pytest

from kseries.guest import complaints, ending, klog, kunitlog
from kseries.guest.ending import How, Stop
from kseries.guest.kunitlog import Suites
from kseries.model import Check, Status
from kseries.probes import ktap

WARNING = "WARNING: CPU: 0 PID: 9 at lib/list.c:12 list_del+0x8/0x10"
PANIC = "Kernel panic - not syncing: a case of ours"
BEGINS = "Linux version 6.12.0\nKTAP version 1\n1..2\n"
FIRST = """\
    KTAP version 1
    # Subtest: first
    # module: first_test
    1..3
    ok 1 adds
    # takes: EXPECTATION FAILED at lib/first_test.c:12
    Expected 1 == 2, but
        1 == 1 (0x1)
    not ok 2 takes
        KTAP version 1
        # Subtest: counts
        ok 1 one and two
        not ok 2 three
    # counts: pass:1 fail:1 skip:0 total:2
    not ok 3 counts
# first: pass:1 fail:2 skip:0 total:3
# Totals: pass:2 fail:2 skip:0 total:4
not ok 1 first
"""
SECOND = """\
    KTAP version 1
    # Subtest: second suite
    1..1
    ok 1 waits # SKIP not on this machine
ok 2 second suite
"""
LISTED: Suites = {"first": ("adds", "takes", "counts"), "second suite": ("waits",)}


def statuses(log: str, listed: Suites | None = None, stop: Stop | None = None) -> dict[str, Status]:
    return {name: check.status for name, check in checks(log, listed, stop).items()}


def checks(log: str, listed: Suites | None = None, stop: Stop | None = None) -> dict[str, Check]:
    """What comes of the log of a boot that ended so; well, where nothing is said."""
    results = kunitlog.read(log, listed)
    report, said = ktap.parse(results.ktap), klog.read(results.log)
    judged = ending.judge(stop or Stop(How.END), report, said)
    return {check.id: check for check in ending.settled(report.checks, judged, said, results.running)}


def with_timestamps(log: str) -> str:
    return "".join(
        f"[    {number // 1000}.{number % 1000:06}] {line}\n" for number, line in enumerate(log.splitlines())
    )


@pytest.mark.parametrize("as_printed", [str, with_timestamps, lambda log: log.replace("\n", "\r\n")])
def test_each_case_is_a_check_and_each_parameter_a_part_of_one(as_printed: object) -> None:
    assert callable(as_printed)
    assert statuses(as_printed(BEGINS + FIRST + SECOND)) == {
        "kunit.first.adds": Status.PASS,
        "kunit.first.takes": Status.FAIL,
        "kunit.first.counts": Status.FAIL,
        "kunit.first.counts/one_and_two": Status.PASS,
        "kunit.first.counts/three": Status.FAIL,
        "kunit.second_suite.waits": Status.SKIP,
    }


def test_what_was_expected_is_told_and_what_the_kernel_says_in_between_is_not() -> None:
    between = FIRST.replace("    Expected", "eth0: link is up\nok 7 comes from the kernel\n    Expected")
    assert checks(BEGINS + between)["kunit.first.takes"].detail == (
        "takes: EXPECTATION FAILED at lib/first_test.c:12\nExpected 1 == 2, but\n1 == 1 (0x1)"
    )


def test_a_warning_counts_against_the_case_that_it_comes_in_and_no_other() -> None:
    log = BEGINS + FIRST.replace("    ok 1 adds\n", f"{WARNING}\n    ok 1 adds\n") + SECOND
    assert checks(log)["kunit.first.adds"].blamed == (f"the kernel said: {WARNING}",)
    assert [name for name, check in checks(log).items() if check.blamed] == ["kunit.first.adds"]
    assert [found.complaint.check for found in complaints.found(kunitlog.read(log).log)] == ["kunit.first.adds"]


@pytest.mark.parametrize(
    "where",
    [
        BEGINS + f"{WARNING}\n" + FIRST + SECOND,
        BEGINS + FIRST.replace("# first: pass", f"{WARNING}\n# first: pass") + SECOND,
    ],
    ids=["before its cases", "after them"],
)
def test_a_warning_outside_of_the_cases_counts_against_the_suite(where: str) -> None:
    found = checks(where)
    assert found["kunit.first.suite"].status is Status.FAIL
    assert [name for name, check in found.items() if check.blamed] == ["kunit.first.suite"]


def test_a_warning_before_and_after_all_suites_is_nobodys() -> None:
    log = f"{WARNING}\n{BEGINS}{FIRST}{SECOND}{WARNING}\n"
    assert not any(check.blamed for check in checks(log).values())
    assert [found.complaint.check for found in complaints.found(kunitlog.read(log).log)] == [None]


def test_a_suite_that_cannot_be_set_up_fails() -> None:
    log = BEGINS + "    # failed to initialize (-12)\nnot ok 1 first\n" + SECOND
    assert statuses(log) == {"kunit.first.suite": Status.FAIL, "kunit.second_suite.waits": Status.SKIP}


DOWN = Stop(How.DOWN, "the guest went down (guest-reset)", "guest-reset")
DIES = FIRST[: FIRST.index("    # takes")] + f"{PANIC}\n"


def test_a_crash_is_that_of_the_next_case_as_the_list_has_it() -> None:
    found = checks(BEGINS + DIES, LISTED, DOWN)
    assert found["kunit.first.takes"].blamed == (
        f"the kernel said: {PANIC}",
        f"the machine ended in it: {PANIC}, during kunit.first.takes",
    )
    assert found["kunit.first.adds"].status is Status.PASS
    assert found["kunit.first.counts"].status is Status.MISSING
    assert kunitlog.read(BEGINS + DIES, LISTED).running == "kunit.first"


def test_a_crash_of_which_nobody_knows_the_case_is_the_suites() -> None:
    found = checks(BEGINS + DIES, None, DOWN)
    assert found["kunit.first.suite"].status is Status.FAIL
    assert found["kunit.first.adds"].status is Status.PASS


def test_a_crash_before_a_suite_begins_is_of_the_next_in_the_list() -> None:
    log = BEGINS + FIRST + f"{PANIC}\n"
    assert checks(log, LISTED, DOWN)["kunit.second_suite.suite"].status is Status.FAIL
    assert kunitlog.read(log, LISTED).running == "kunit.second_suite"
    assert kunitlog.read(log).running is None


def test_what_comes_after_the_last_suite_breaks_off_in_none() -> None:
    assert kunitlog.read(BEGINS + FIRST + SECOND + f"{PANIC}\n", LISTED).running is None


def test_a_kernel_without_suites_says_nothing() -> None:
    assert checks("Linux version 6.12.0\nok 1 thing\n") == {}
    assert checks("KTAP version 1\n1..0\nRun /init as init process\n") == {}


def test_a_list_is_read_among_other_messages() -> None:
    log = (
        "Linux version 6.12.0\nfirst.not_yet\nKTAP version 1\nfirst\nfirst.adds\neth0: up\nfirst.takes\n"
        "second suite\nsecond suite.waits\nRun /init as init process\nother.thing\n"
    )
    assert list(kunitlog.suites(log).items()) == [("first", ("adds", "takes")), ("second suite", ("waits",))]


def test_a_list_of_a_kernel_before_6_6_names_no_suites_beforehand() -> None:
    log = (
        "Linux version 6.1.0\nfirst.not_yet\n[    0.3] TAP version 14\n[    0.3] first.adds\neth0: up\n"
        "first.takes\nsecond-suite.waits\nfoo 1.2\nbar.1\nIt is so.\nRun /init as init process\n"
    )
    assert list(kunitlog.suites(log).items()) == [("first", ("adds", "takes")), ("second-suite", ("waits",))]


DATA = Path(__file__).parent / "data" / "kunit"
RESULT = re.compile(r"^    (ok|not ok) [0-9]+ (\w+)(?: # SKIP.*)?$", re.MULTILINE)


def test_what_a_kernel_printed_that_ran_all_its_suites_is_told_up_to_its_panic() -> None:
    """6.12.118 with each suite of lib/ and kernel/ that Kconfig takes, and a panic in one of cmdline's cases."""
    log = (DATA / "panics.console").read_text()
    listed = kunitlog.suites((DATA / "list.console").read_text())
    assert (len(listed), sum(map(len, listed.values())), listed["bits-test"][-1]) == (
        43,
        369,
        "genmask_input_check_test",
    )
    found = checks(log, listed, DOWN)
    ended = {name: passed == "ok" for passed, name in RESULT.findall(log)}
    assert len(ended) > 200 and sum(not passed for passed in ended.values()) == 11
    told = {name.split(".")[2]: check.status for name, check in found.items() if "/" not in name}
    assert {name: told[name] is not Status.FAIL for name in ended} == ended
    left = told.keys() - ended.keys() - {"suite"}
    assert left == {"cmdline_test_get_sizes", "cmdline_test_get_sizes_iec"}
    assert told["cmdline_test_get_sizes"] is Status.FAIL and found["kunit.cmdline.cmdline_test_get_sizes"].blamed
    assert told["cmdline_test_get_sizes_iec"] is Status.MISSING
    assert all(
        "Kernel panic - not syncing: sizes" in why for why in found["kunit.cmdline.cmdline_test_get_sizes"].blamed
    )
    assert "len == 1234 (0x4d2)" in found["kunit.sysctl_test.sysctl_test_api_dointvec_table_maxlen_unset"].detail
