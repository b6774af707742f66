# SPDX-License-Identifier: GPL-2.0-only
"""What our init and probes print, read back. data/*.ktap are logs of real boots:

base, tip and without-3 of testcases/exit-on-missing-split; panic, where a check killed init;
hostile, where probes crash, hang, fail at length and write rubbish.
"""

import re
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kseries.model import Check, Status
from kseries.probes import ktap

DATA = Path(__file__).parent / "data"
GOLDEN = ("base", "tip", "without-3", "panic", "hostile")
ON_MISSING = (
    "read_exits",
    "write_exits",
    "fetch_exits",
    "maps_nothing",
    "resumes_after_populate",
    "unflagged_just_works",
    "readonly_refused",
    "toggle_is_quiet",
)
ALL = (
    *(f"capabilities.{one}" for one in ("system_and_vm_agree", "flag_accepted", "flag_refused")),
    "capabilities.undefined_flags_refused",
    *(f"memory_fault_info.private_access_{one}" for one in ("without_slot", "to_shared_slot")),
    *(f"exit_on_missing.{one}" for one in ON_MISSING),
)


def golden(name: str) -> str:
    return (DATA / f"{name}.ktap").read_bytes().decode(errors="replace")


def checks(text: str) -> dict[str, Check]:
    return {check.id: check for check in ktap.parse(text).checks}


def statuses(text: str) -> dict[str, Status]:
    return {name: check.status for name, check in checks(text).items()}


def probe(*lines: str, name: str = "p") -> str:
    """What comes through the channel when a probe prints these lines."""
    return "".join(
        f"{line}\n" for line in ("KTAP version 1", "1..1", *("    " + x for x in (f"# Subtest: {name}", *lines)))
    )


# --- real logs ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["base", "tip", "without-3"])
def test_a_whole_run_has_every_check_in_its_order_and_an_end(name: str) -> None:
    report = ktap.parse(golden(name))
    assert tuple(check.id for check in report.checks) == ALL
    assert report.ended and report.began
    assert list(report.probes) == ["capabilities", "memory_fault_info", "exit_on_missing"]


def test_tip_passes_all_but_the_refusal_that_is_not_asked_of_it() -> None:
    report = ktap.parse(golden("tip"))
    assert report.caps == {"KVM_CAP_MEMORY_FAULT_INFO": 1, "KVM_CAP_EXIT_ON_MISSING": 1}
    assert {check.id for check in report.checks if check.status is not Status.PASS} == {"capabilities.flag_refused"}
    refused = checks(golden("tip"))["capabilities.flag_refused"]
    assert refused == Check(
        id="capabilities.flag_refused", status=Status.SKIP, detail="KVM_CAP_EXIT_ON_MISSING is advertised"
    )
    assert all(report.probes.values())


def test_base_skips_what_it_does_not_advertise_and_says_why() -> None:
    report = ktap.parse(golden("base"))
    assert report.caps == {"KVM_CAP_MEMORY_FAULT_INFO": 1, "KVM_CAP_EXIT_ON_MISSING": 0}
    skipped = {check.id: check.detail for check in report.checks if check.status is Status.SKIP}
    assert skipped == {
        "capabilities.flag_refused": "the headers define no KVM_MEM_EXIT_ON_MISSING",
        **{
            name: "KVM_CAP_EXIT_ON_MISSING is not advertised"
            for name in ("capabilities.flag_accepted", *(f"exit_on_missing.{one}" for one in ON_MISSING))
            if name != "exit_on_missing.unflagged_just_works"
        },
    }


def test_without_3_fails_with_expectation_and_answer_in_the_detail() -> None:
    report = ktap.parse(golden("without-3"))
    assert report.caps["KVM_CAP_EXIT_ON_MISSING"] == 1
    failed = {check.id: check.detail for check in report.checks if check.status is Status.FAIL}
    still_pass = {"unflagged_just_works", "readonly_refused"}
    assert set(failed) == {f"exit_on_missing.{name}" for name in ON_MISSING if name not in still_pass}
    assert failed["exit_on_missing.write_exits"] == (
        "write of 0x10005240: expected EFAULT with exit_reason KVM_EXIT_MEMORY_FAULT, "
        "got: KVM_RUN returned EFAULT with exit_reason 0 (KVM_EXIT_UNKNOWN), no memory_fault"
    )
    assert report.probes == {"capabilities": True, "memory_fault_info": True, "exit_on_missing": False}


def test_a_panic_leaves_the_announced_checks_missing_and_the_report_without_an_end() -> None:
    report = ktap.parse(golden("panic"))
    assert not report.ended
    assert {check.id: check.status for check in report.checks if check.id.startswith("killer.")} == {
        "killer.calm": Status.PASS,
        "killer.kills_init": Status.MISSING,
        "killer.never_reached": Status.MISSING,
    }


def test_hostile_probes_are_read_line_by_line() -> None:
    report = ktap.parse(golden("hostile"))
    assert {check.id: check.status for check in report.checks} == {
        "torture.crash": Status.FAIL,
        "torture.doabort": Status.FAIL,
        "torture.odd": Status.FAIL,
        "torture.sk": Status.SKIP,
        "torture.fl": Status.FAIL,
        "torture.spin": Status.FAIL,
        "torture.leave": Status.PASS,
        "torture.good": Status.PASS,
    }
    assert report.caps == {"X": 1}
    assert report.probes == {"torture": False, "raw": False}
    assert report.ended
    details = {check.id: check.detail for check in report.checks}
    assert details["torture.doabort"] == "two lines\nkilled by signal 6 (Aborted)"
    assert details["torture.sk"] == "because a b # c"
    assert details["torture.good"] == ""


@pytest.mark.parametrize("name", GOLDEN)
def test_cut_at_any_line_an_announced_check_is_answered_as_in_the_whole_or_missing(name: str) -> None:
    text = golden(name)
    whole = statuses(text)
    lines = text.splitlines(keepends=True)
    for count in range(len(lines) + 1):
        part = "".join(lines[:count])
        announced = {f"{probe}.{check}" for probe, plan in _plans(lines[:count]) for check in plan}
        seen = statuses(part)
        assert announced <= set(seen)
        assert set(seen) <= set(whole)
        assert all(status in (Status.MISSING, whole[check]) for check, status in seen.items())
        assert ktap.parse(part).ended == (f"{ktap.END}\n" in part)


def _plans(lines: list[str]) -> list[tuple[str, list[str]]]:
    """(probe, names) of each plan, by other means than the parser's."""
    found: list[tuple[str, list[str]]] = []
    probe = ""
    for line in lines:
        match line.split():
            case ["#", "Subtest:", name]:
                probe = name
            case ["#", "plan:", *names]:
                found.append((probe, names))
    return found


@pytest.mark.parametrize("name", ["tip", "without-3", "panic"])
def test_a_serial_port_that_sends_cr_lf_changes_nothing(name: str) -> None:
    assert ktap.parse(golden(name).replace("\n", "\r\n")) == ktap.parse(golden(name))


# --- the grammar --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "status", "detail"),
    [
        ("ok 1 a", Status.PASS, ""),
        ("ok 1 - a", Status.PASS, ""),
        ("not ok 1 a", Status.FAIL, ""),
        ("ok 1 a # SKIP no such thing", Status.SKIP, "no such thing"),
        ("ok 1 a # SKIP", Status.SKIP, ""),
        ("not ok 1 a # XFAIL known", Status.XFAIL, "known"),
        ("not ok 1 a # SKIP of no account", Status.SKIP, "of no account"),
        ("not ok 1 a # no answer after 5 s", Status.FAIL, "no answer after 5 s"),
        ("ok 12345678901234567890 a", Status.PASS, ""),
        # TAP 12 to 14: a number, a description, and the case of a directive are anybody's choice.
        ("ok a", Status.PASS, ""),
        ("not ok a", Status.FAIL, ""),
        ("not ok - a", Status.FAIL, ""),
        ("ok\t1\ta", Status.PASS, ""),
        ("ok 1 a # skip no such thing", Status.SKIP, "no such thing"),
        ("ok 1 a # Skipped: no such thing", Status.SKIP, "no such thing"),
        ("ok 1 a #skip no such thing", Status.SKIP, "no such thing"),
        ("not ok 1 a # todo later", Status.XFAIL, "later"),
        ("ok 1 a # TODO later", Status.PASS, "later"),
        # ktap.rst, kselftest.h, kselftest/runner.sh.
        ("ok 1 a # XFAIL known", Status.XFAIL, "known"),
        ("ok 1 a # XPASS unknown", Status.PASS, "XPASS unknown"),
        ("not ok 1 a # TIMEOUT 45 seconds", Status.FAIL, "TIMEOUT 45 seconds"),
        ("ok 1 a # TIMEOUT 45 seconds", Status.FAIL, "TIMEOUT 45 seconds"),
        ("ok 1 a # ERROR no memory", Status.FAIL, "ERROR no memory"),
        ("not ok 1 a #  exit=1", Status.FAIL, "exit=1"),
        ("ok 1 a # rcode=0", Status.PASS, "rcode=0"),
        # A word is a directive only whole, and where it stands first.
        ("not ok 1 a # skip-me is broken", Status.FAIL, "skip-me is broken"),
        ("not ok 1 a # nothing to skip # SKIP", Status.FAIL, "nothing to skip # SKIP"),
        ("ok 1 a # error: none", Status.PASS, "error: none"),
        # The console's time in front, as a program that prints the kernel's log has it.
        ("[    1.234567] not ok 1 a", Status.FAIL, ""),
        ("<6>[    1.234567][  T1] not ok 1 a", Status.FAIL, ""),
    ],
)
def test_a_result_line(line: str, status: Status, detail: str) -> None:
    assert ktap.parse(probe(line)).checks == (Check(id="p.a", status=status, detail=detail),)


@pytest.mark.parametrize(
    ("line", "name", "status", "detail"),
    [
        ("ok", "1", Status.PASS, ""),
        ("not ok", "1", Status.FAIL, ""),
        ("not ok 3", "3", Status.FAIL, ""),
        ("not ok 3 -", "3", Status.FAIL, ""),
        ("ok 1 #", "1", Status.PASS, ""),
        ("ok 3 # SKIP foo is not there", "3", Status.SKIP, "foo is not there"),
        ("ok 3 # XFAIL foo", "3", Status.XFAIL, "foo"),
        ("not ok 4 # error bar", "4", Status.FAIL, "error bar"),
        ("ok 5 baz # skip lower case", "baz", Status.SKIP, "lower case"),
        ("ok - # skip x", "1", Status.SKIP, "x"),
        ("not ok 2 ***", "2", Status.FAIL, "***"),
        ("ok 6 issue #42 is fixed", "issue_42_is_fixed", Status.PASS, ""),
        ("ok 6 issue #42 is fixed # SKIP no time", "issue_42_is_fixed", Status.SKIP, "no time"),
        (r"ok 6 issue \#42 is fixed", "issue_42_is_fixed", Status.PASS, ""),
        (r"not ok 6 a \# SKIP", "a_SKIP", Status.FAIL, ""),
        ("not ok 6 it handles #skip-me", "it_handles_skip-me", Status.FAIL, ""),
        ("ok 7 x == 1 (really)", "x_1_really_", Status.PASS, ""),
        ("ok 8 3 of them", "3_of_them", Status.PASS, ""),
        ("ok 9th of them", "9th_of_them", Status.PASS, ""),
        ("ok 1 global.works", "global_works", Status.PASS, ""),
        ("ok 1 selftests: net: foo.sh # SKIP", "selftests_net_foo_sh", Status.SKIP, ""),
        ("not ok 1 \ufffd\ufffd", "1", Status.FAIL, "\ufffd\ufffd"),
    ],
)
def test_a_result_is_called_by_its_description_or_else_by_its_number(
    line: str, name: str, status: Status, detail: str
) -> None:
    assert ktap.parse(probe(line)).checks == (Check(id=f"p.{name}", status=status, detail=detail),)


def test_a_result_without_a_number_has_the_next() -> None:
    assert statuses(probe("ok", "not ok", "ok 7", "not ok - # no", "ok")) == {
        "p.1": Status.PASS,
        "p.2": Status.FAIL,
        "p.7": Status.PASS,
        "p.8": Status.FAIL,
        "p.9": Status.PASS,
    }


def test_a_result_without_a_description_has_the_name_that_was_announced_for_its_number() -> None:
    assert statuses(probe("1..3", "# plan: a b c", "ok 1 a", "not ok 2", "ok 3 # SKIP c is not there")) == {
        "p.a": Status.PASS,
        "p.b": Status.FAIL,
        "p.c": Status.SKIP,
    }


@pytest.mark.parametrize(
    "line",
    ["notok 1 a", "OK 1 a", "Not ok 1 a", "xok 1 a", "# ok 1 a", "okay 1 a", "ok: a", "not okay", "-ok 1 a", "not"],
)
def test_what_only_looks_like_a_result_explains_the_next(line: str) -> None:
    assert ktap.parse(probe(line)).checks == ()
    assert checks(probe(line, "not ok 1 b"))["p.b"].detail == line.removeprefix("# ")


# --- plans, and giving up -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "lines",
    [
        ("1..5", "ok 1 a", "ok 2 b", "ok 3 c"),
        ("ok 1 a", "ok 2 b", "ok 3 c", "1..5"),
        ("TAP version 13", "1..5 # in all", "ok a", "ok b", "ok c"),
        ("TAP version 14", "1..5", "ok 3 c", "ok 1 a", "ok 2 b"),
        ("1..5", "ok 1 a", "ok 1 b", "ok 1 c"),
    ],
)
def test_what_was_planned_and_never_came_is_missing(lines: tuple[str, ...]) -> None:
    found = checks(probe(*lines) + "ok 1 p\n")
    assert {name: check.status for name, check in found.items()} == {
        "p.a": Status.PASS,
        "p.b": Status.PASS,
        "p.c": Status.PASS,
        "p.4": Status.MISSING,
        "p.5": Status.MISSING,
    }
    assert found["p.5"].detail == "1..5 was planned, and it never came"


@pytest.mark.parametrize("lines", [("1..2", "ok 1 a", "ok 2 b"), ("ok", "ok", "1..2"), ("1..2", "ok 2 b", "ok 1 a")])
def test_a_plan_that_adds_up_is_no_check(lines: tuple[str, ...]) -> None:
    assert len(statuses(probe(*lines))) == 2


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("1..1", "ok 1 a", "ok 2 b"), "1..1 was planned, and 2 results came"),
        (("ok 1 a", "ok 2 b", "1..1"), "1..1 was planned, and 2 results came"),
        (("1..2", "ok 1 a", "ok 3 b"), "1..2 was planned, and number 3 came"),
        (("1..0 # SKIP none", "ok 1 a", "ok 2 b"), "1..0 was planned, and 2 results came"),
    ],
)
def test_what_came_and_was_not_planned_counts_and_fails_the_plan(lines: tuple[str, ...], said: str) -> None:
    found = checks(probe(*lines))
    assert [found[f"p.{name}"].status for name in ("a", "b", "plan")] == [Status.PASS, Status.PASS, Status.FAIL]
    assert found["p.plan"].detail == said


@pytest.mark.parametrize(
    ("line", "why"), [("1..0 # SKIP no hardware", "no hardware"), ("1..0 # no", "no"), ("1..0", "")]
)
def test_a_plan_of_nothing_is_skipped(line: str, why: str) -> None:
    text = probe("TAP version 13", line) + "ok 1 p\n"
    assert ktap.parse(text).checks == (Check(id="p.plan", status=Status.SKIP, detail=why),)


@pytest.mark.parametrize("indent", ["\t", "  ", "\t\t", " \t"])
def test_results_are_indented_by_tabs_too(indent: str) -> None:
    found = statuses(probe("1..1", f"{indent}not ok 1 a", "ok 1 s"))
    assert found == {"p.s/a": Status.FAIL, "p.s": Status.FAIL}
    assert statuses(probe(f"{indent}not ok 1 a")) == {"p.a": Status.FAIL}


def test_names_that_are_announced_are_the_plan() -> None:
    found = statuses(probe("1..3", "# plan: a b c", "ok 1 a", "ok 7 b") + "ok 1 p\n")
    assert found == {"p.a": Status.PASS, "p.b": Status.PASS, "p.c": Status.MISSING}


def test_a_plan_says_why_what_it_promised_did_not_come() -> None:
    found = checks(probe("1..2", "ok 1 a") + "not ok 1 p # killed by signal 9\n")
    assert found["p.2"].detail == "1..2 was planned, and it never came: the probe ended: killed by signal 9"


def test_plans_without_end_cost_no_more_than_their_lines() -> None:
    few, many = (_work(probe(*["1..999999999"] * n)) for n in (100, 200))
    assert many < 1.5 * few


def test_a_probe_for_which_there_is_no_room_costs_no_more_than_its_lines() -> None:
    full = "".join(probe("1..9999", name=f"p{number}") + f"ok 1 p{number}\n" for number in range(4))
    more = "".join(probe("1..9999", name=f"q{number}") + f"ok 1 q{number}\n" for number in range(4))
    assert _work(full + more) < 1.1 * _work(full)


def test_a_plan_without_end_costs_no_more_than_its_limit() -> None:
    found = statuses(probe("1..999999999", "ok 1 a") + "ok 1 p\n" + probe("ok 1 a", name="q"))
    assert found["p.beyond_limit"] is Status.FAIL and found["q.a"] is Status.PASS
    assert len(found) == ktap.MAX_CHECKS + 2
    assert statuses(probe("1..99999999999999999999", "ok 1 a")) == {"p.a": Status.PASS}


@pytest.mark.parametrize("line", ["Bail out! no database", "bail out!  no database", "    Bail out! no database"])
def test_after_bail_out_nothing_passes_and_the_rest_is_missing(line: str) -> None:
    text = probe(
        "1..4", "ok 1 a", "# why", line, "ok 2 b", "ok 3 c # SKIP", "KTAP version 1", "1..1", "ok 1 exit_status"
    )
    found = checks(text + "ok 1 p\n")
    assert {name: check.status for name, check in found.items()} == {
        "p.a": Status.PASS,
        "p.bail_out": Status.FAIL,
        "p.b": Status.FAIL,
        "p.c": Status.SKIP,
        "p.4": Status.MISSING,
        "p.exit_status": Status.FAIL,
    }
    assert found["p.bail_out"].detail == "why\nBail out! no database"
    assert found["p.4"].detail == "1..4 was planned, and it never came: Bail out! no database"
    assert found["p.exit_status"].detail == "Bail out! no database"


def test_bail_out_without_a_reason_and_what_it_leaves_of_the_names_announced() -> None:
    found = checks(probe("# plan: a b", "ok 1 a", "Bail out!") + "ok 1 p\n" + probe("ok 1 c", name="q"))
    assert (found["p.bail_out"].detail, found["p.b"].status) == ("Bail out!", Status.MISSING)
    assert found["p.b"].detail == "Bail out!" and found["q.c"].status is Status.PASS


def test_several_documents_have_a_plan_each() -> None:
    found = statuses(
        probe("TAP version 13", "1..2", "ok 1 a", "ok 2 b", "TAP version 13", "1..2", "not ok 1 c", "KTAP version 1")
    )
    assert found == {"p.a": Status.PASS, "p.b": Status.PASS, "p.c": Status.FAIL, "p.2": Status.MISSING}
    assert statuses(probe("1..1", "ok 1 a", "1..2", "ok 1 b", "ok 2 c")) == {
        "p.a": Status.PASS,
        "p.b": Status.PASS,
        "p.c": Status.PASS,
    }


# --- nested results -----------------------------------------------------------------------------

KTAP = """KTAP version 1
1..1
  KTAP version 1
  1..3
    KTAP version 1
    1..1
    # one: initializing
    ok 1 one
  ok 1 first
    KTAP version 1
    1..2
    ok 1 one # SKIP not here
    ok 2 two
  ok 2 second
    KTAP version 1
    1..3
    ok 1 one
    # two: FAIL
    not ok 2 two
    ok 3 three # SKIP not here
  not ok 3 third
not ok 1 main"""
KUNIT = """[    0.060000] KTAP version 1
[    0.060001] 1..2
[    0.060002]     KTAP version 1
[    0.060003]     # Subtest: list
[    0.060004]     # module: list_test
[    0.060005]     1..2
[    0.060006]     ok 1 add
[    0.060007]         KTAP version 1
[    0.060008]         # Subtest: sort
[    0.060009]     # sort: EXPECTATION FAILED at lib/list-test.c:20
[    0.060010]         not ok 1 long lists
[    0.060011]         ok 2 short lists
[    0.060012]     # sort: pass:1 fail:1 skip:0 total:2
[    0.060013]     not ok 2 sort
[    0.060014] # list: pass:1 fail:1 skip:0 total:2
[    0.060015] not ok 1 list
[    0.060016] ok 2 rest # SKIP"""
TAP14 = """TAP version 14
# Subtest: foo
    # Subtest: bar
        ok 1 - deep
        1..1
    ok 1 - bar
    not ok 2 - baz # TODO
    1..2
ok 1 - foo
1..1"""


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            KTAP,
            {
                "main/first/one": Status.PASS,
                "main/first": Status.PASS,
                "main/second/one": Status.SKIP,
                "main/second/two": Status.PASS,
                "main/second": Status.PASS,
                "main/third/one": Status.PASS,
                "main/third/two": Status.FAIL,
                "main/third/three": Status.SKIP,
                "main/third": Status.FAIL,
                "main": Status.FAIL,
            },
        ),
        (
            KUNIT,
            {
                "list/add": Status.PASS,
                "list/sort/long_lists": Status.FAIL,
                "list/sort/short_lists": Status.PASS,
                "list/sort": Status.FAIL,
                "list": Status.FAIL,
                "rest": Status.SKIP,
            },
        ),
        (
            TAP14,
            {"foo/bar/deep": Status.PASS, "foo/bar": Status.PASS, "foo/baz": Status.XFAIL, "foo": Status.PASS},
        ),
    ],
    ids=["KTAP", "KUnit", "TAP 14"],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_nested_results_are_called_by_their_parents(text: str, wanted: dict[str, Status], end: str) -> None:
    found = statuses(probe(*text.split("\n")).replace("\n", end))
    assert {name.removeprefix("p."): status for name, status in found.items()} == wanted


def test_what_explains_a_nested_result_stands_with_it() -> None:
    found = checks(probe(*KUNIT.split("\n")))
    assert found["p.list/sort/long_lists"].detail == "sort: EXPECTATION FAILED at lib/list-test.c:20"
    assert found["p.list"].detail == "list: pass:1 fail:1 skip:0 total:2"


@pytest.mark.parametrize("parent", ["ok 1 a", "ok 1 a # SKIP", "ok 1 a # XFAIL"])
def test_a_parent_whose_part_fails_has_failed_whatever_it_says(parent: str) -> None:
    found = checks(probe("1..1", "    1..2", "    ok 1 b", "      not ok 1 deep", "    ok 2 c", parent))
    bad = {name for name, check in found.items() if check.status is Status.FAIL}
    assert bad == {"p.a/c/deep", "p.a/c", "p.a"} and found["p.a/b"].status is Status.PASS
    assert found["p.a"].detail == "a part of it failed"


def test_nested_results_without_a_parent_are_not_lost() -> None:
    assert statuses(
        probe("KTAP version 1", "1..2", "  KTAP version 1", "  # Subtest: s", "  1..2", "  not ok 1 a")
    ) == {
        "p.s/2": Status.MISSING,
        "p.s/a": Status.FAIL,
    }
    lines = ("  not ok 1 a", "KTAP version 1", "1..1", "ok 1 exit_status")
    assert statuses(probe(*lines) + "ok 1 p\n") == {"p.a": Status.FAIL, "p.exit_status": Status.PASS}


def test_a_nested_plan_is_kept_to_as_well() -> None:
    found = statuses(probe("1..1", "    1..3", "    ok 1 a", "ok 1 s"))
    assert found == {"p.s/a": Status.PASS, "p.s/2": Status.MISSING, "p.s/3": Status.MISSING, "p.s": Status.PASS}


def test_results_deeper_than_anybody_nests_are_read_in_seconds_and_none_is_lost() -> None:
    rows = [f"{' ' * depth}not ok 1 n{depth}" for depth in (*range(400), *reversed(range(400)))]
    found = statuses(probe(*rows))
    assert sum(status is Status.FAIL for status in found.values()) >= 800
    many = [f"  ok {number} n{number}" for number in range(ktap.MAX_CHECKS + 10)]
    assert statuses(probe(*many, "ok 1 a"))["p.beyond_limit"] is Status.FAIL


def test_a_nested_header_begins_no_probe_and_makes_no_plan_of_names() -> None:
    assert statuses("        # Subtest: p\n        ok 1 a\n") == {}
    assert statuses(
        probe("    # Subtest: q", "    ok 1 a", "ok 1 q", "[ 1.0] # plan: b", "[ 1.0] # Subtest: r", "ok 2 c")
    ) == {
        "p.q/a": Status.PASS,
        "p.q": Status.PASS,
        "p.c": Status.PASS,
    }


# --- probes -------------------------------------------------------------------------------------


def test_a_result_outside_of_a_probe_belongs_to_nobody() -> None:
    assert ktap.parse("    ok 1 a\n    # plan: a b\n    # cap X=1\n").checks == ()
    assert ktap.parse("    # cap X=1\n").caps == {}


def test_a_result_after_the_end_of_its_probe_belongs_to_nobody() -> None:
    assert statuses(probe("ok 1 a") + "ok 1 p\n    ok 2 b\n") == {"p.a": Status.PASS}


def test_a_probe_begins_no_other_one_and_answers_for_none() -> None:
    lost = probe("# plan: refused", name="ours") + "not ok 1 ours # killed by signal 9\n"
    forged = probe("# Subtest: ours", "# cap X=0", "ok 1 refused", "# Subtest: theirs", "ok 2 b", name="theirs")
    assert statuses(lost + forged) == {
        "ours.refused": Status.MISSING,
        "theirs.refused": Status.PASS,
        "theirs.b": Status.PASS,
    }


def test_a_probe_that_init_began_may_begin_again_and_explains_nothing_by_that() -> None:
    assert checks(probe("# before", "# Subtest: p", "not ok 1 a"))["p.a"].detail == ""


def test_the_same_name_in_two_probes_is_two_checks() -> None:
    text = probe("ok 1 a") + "ok 1 p\n" + probe("not ok 1 a", name="q")
    assert statuses(text) == {"p.a": Status.PASS, "q.a": Status.FAIL}


def test_diagnostics_belong_to_the_result_that_follows_them() -> None:
    found = checks(probe("# one", "# two", "not ok 1 a", "# three", "ok 2 b", "ok 3 c"))
    assert [check.detail for check in found.values()] == ["one\ntwo", "three", ""]


def test_a_capability_is_no_diagnostic() -> None:
    text = probe("# cap KVM_CAP_X=1", "# cap KVM_CAP_Y=-22", "ok 1 a")
    assert ktap.parse(text).caps == {"KVM_CAP_X": 1, "KVM_CAP_Y": -22}
    assert checks(text)["p.a"].detail == ""


def test_a_capability_of_which_two_probes_say_different_things_is_not_known() -> None:
    text = probe("# cap X=1", "# cap Y=1", "ok 1 a", name="ours") + "ok 1 ours\n"
    text += probe("# cap X=0", "# cap Y=1", "# cap X=1", "# cap Z=0", name="theirs")
    report = ktap.parse(text)
    assert (report.caps, report.disputed) == ({"Y": 1, "Z": 0}, ("X",))
    assert statuses(text) == {"ours.a": Status.PASS, "theirs.cap_X": Status.FAIL}
    assert checks(text)["theirs.cap_X"].detail == "says X=0, and X=1 has been said before"


@pytest.mark.parametrize(
    "line", ["# cap X=", "# cap X=one", "# cap =1", "# cap X=1x", "cap X=1", f"# cap X={'9' * 99}"]
)
def test_a_capability_without_a_number_is_none(line: str) -> None:
    assert ktap.parse(probe(line)).caps == {}


def test_a_detail_is_cut_at_its_limit() -> None:
    text = probe(*(f"# {number}{'x' * 900}" for number in range(50)), "not ok 1 a # exit status 3")
    detail = checks(text)["p.a"].detail
    assert len(detail) == ktap.MAX_DETAIL
    assert detail.startswith("0xxx") and detail.endswith("xxx\nexit status 3") and "x\n…\nx" in detail


def test_the_reason_for_which_a_probe_ended_is_told_of_its_missing_checks_and_of_no_others() -> None:
    text = probe("# plan: a b", "ok 1 a") + "not ok 1 p # killed by signal 9\n" + probe("# plan: c", name="q")
    found = checks(text)
    assert found["p.a"].status is Status.PASS
    assert found["p.b"] == Check(id="p.b", status=Status.MISSING, detail="the probe ended: killed by signal 9")
    assert "signal" not in found["q.c"].detail


def test_a_probe_that_ends_costs_the_work_of_its_own_checks_and_not_of_all() -> None:
    few, many = (_work(probe(f"# plan: {' '.join(map(str, range(n)))}") + _ends(n)) for n in (100, 200))
    assert many < 3 * few


def _ends(count: int) -> str:
    return "".join(f"not ok {number} p{number} # x\n" for number in range(count))


def _work(text: str) -> int:
    """The lines of code of the parser that a text has run."""
    count = 0

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace if frame.f_code.co_filename == ktap.__file__ else None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        ktap.parse(text)
    finally:
        sys.settrace(before)
    return count


def test_what_a_probe_says_too_much_is_told_and_costs_the_next_one_nothing() -> None:
    lines = [f"ok 1 n{number}" for number in range(ktap.MAX_CHECKS + 10)]
    found = checks(probe("ok 1 beyond_limit", *lines) + "ok 1 p\n" + probe("# plan: a b", "ok 1 a", name="q"))
    assert len(found) == ktap.MAX_CHECKS + 2
    assert found["p.beyond_limit"] == Check(
        id="p.beyond_limit",
        status=Status.FAIL,
        detail=f"too many checks: none is read from n{ktap.MAX_CHECKS - 1} on",
    )
    assert (found["q.a"].status, found["q.b"].status) == (Status.PASS, Status.MISSING)


def test_a_check_that_is_known_is_answered_however_many_there_are() -> None:
    names = [f"n{number}" for number in range(ktap.MAX_CHECKS)]
    plans = [f"# plan: {' '.join(names[at : at + 500])}" for at in range(0, len(names), 500)]
    found = statuses(probe(*plans, *(f"not ok 1 {name}" for name in names)))
    assert len(found) == len(names) and {*found.values()} == {Status.FAIL}


def test_the_checks_the_capabilities_and_the_probes_of_a_boot_have_a_limit() -> None:
    rows = [f"ok 1 n{number}" for number in range(ktap.MAX_CHECKS)]
    told = "".join(probe(*rows, name=f"p{number}") + f"ok 1 p{number}\n" for number in range(6))
    found = statuses(told)
    assert len(found) == ktap.MAX_IN_ALL + 2
    assert [name for name in found if name.endswith(ktap.BEYOND)] == ["p4.beyond_limit", "p5.beyond_limit"]

    caps = ktap.parse(probe(*(f"# cap X{number}=1" for number in range(ktap.MAX_CHECKS + 2))))
    assert len(caps.caps) == ktap.MAX_CHECKS
    assert [(check.id, check.status) for check in caps.checks] == [("p.beyond_limit", Status.FAIL)]

    many = "".join(probe("ok 1 a", name=f"p{number}") + f"ok 1 p{number}\n" for number in range(ktap.MAX_PROBES + 5))
    report = ktap.parse(many)
    assert len(report.probes) == ktap.MAX_PROBES and len(report.checks) == ktap.MAX_PROBES + 1
    assert report.checks[-1].id == f"p{ktap.MAX_PROBES}.beyond_limit"


@pytest.mark.parametrize("first", ["not ok 1 a", "ok 1 a # SKIP no", "not ok 1 a # XFAIL known"])
def test_a_second_answer_does_not_make_a_pass_of_anything(first: str) -> None:
    once, twice = statuses(probe(first)), statuses(probe(first, "ok 1 a", "ok 2 a"))
    assert twice["p.a"] is once["p.a"]


def test_a_second_answer_may_make_a_failure_of_a_pass() -> None:
    assert statuses(probe("ok 1 a", "not ok 1 a"))["p.a"] is Status.FAIL


def test_each_answer_under_a_name_is_a_check_or_one_could_fail_behind_another() -> None:
    assert statuses(probe("not ok 1 a b", "ok 2 a, b", "ok 3 a-b", "ok 4 a: b")) == {
        "p.a_b": Status.FAIL,
        "p.a_b#1": Status.FAIL,
        "p.a_b#2": Status.PASS,
        "p.a-b": Status.PASS,
        "p.a_b#3": Status.PASS,
    }
    assert statuses(probe("# plan: a", "ok 1 a", "not ok 1 a")) == {
        "p.a": Status.FAIL,
        "p.a#1": Status.PASS,
        "p.a#2": Status.FAIL,
    }


def test_announcing_a_check_again_does_not_take_its_answer_back() -> None:
    assert statuses(probe("# plan: a", "not ok 1 a", "# plan: a")) == {"p.a": Status.FAIL}


def test_only_init_can_say_that_all_is_done() -> None:
    assert not ktap.parse(probe(ktap.END)).ended
    assert ktap.parse(f"{ktap.END}\n").ended


def test_nothing_is_nothing() -> None:
    report = ktap.parse("")
    assert (report.began, report.ended, report.checks, report.caps, report.probes) == (False, False, (), {}, {})


def test_init_alone_is_no_beginning_of_a_probe() -> None:
    assert not ktap.parse("KTAP version 1\n1..3\n").began


# --- whatever the text --------------------------------------------------------------------------

_NAMES = st.sampled_from(["a", "b", "c"])
_LINES = st.one_of(
    st.builds("    # Subtest: {}".format, st.sampled_from(["p", "q"])),
    st.builds("    # plan: {} {}".format, _NAMES, _NAMES),
    st.builds(
        "    {}ok 1 {}{}".format, st.sampled_from(["", "not "]), _NAMES, st.sampled_from(["", " # SKIP x", " # XFAIL"])
    ),
    st.builds("{}ok 1 {} # gone".format, st.sampled_from(["", "not "]), st.sampled_from(["p", "q"])),
    st.builds("    # {}".format, st.text(max_size=20)),
    st.text(max_size=20),
)


@given(st.text())
@example("    # Subtest: \n    ok 1 a\n")
@example("    # Subtest: p\n    # plan:\n    ok 1  # SKIP\n")
@example("ok 1 " + "a" * 100_000 + " " * 100_000)
def test_no_text_is_too_odd(text: str) -> None:
    _sane(ktap.parse(text))


@given(st.binary())
def test_no_bytes_are_too_odd(data: bytes) -> None:
    _sane(ktap.parse(data.decode(errors="replace")))


@given(st.lists(_LINES, max_size=30).map("\n".join))
def test_no_order_of_good_lines_is_too_odd(text: str) -> None:
    report = ktap.parse(text)
    _sane(report)
    failed, passed = (_answers(text, how) for how in ("not ok", "ok"))
    for check in report.checks:
        name = check.id.split(".")[1].partition("#")[0]
        if check.status is Status.PASS:
            assert name in passed
        if check.status is Status.FAIL:
            assert name in failed


def _answers(text: str, how: str) -> set[str]:
    """The names that results may have: one without a description has its number, which may be any."""
    words = [line.removeprefix(f"    {how}").split() for line in text.split("\n") if line.startswith(f"    {how}")]
    return {name for rest in words for name in (rest[1:2] or map(str, range(100)))}


def _sane(report: ktap.Report) -> None:
    for check in report.checks:
        probe, _, name = check.id.partition(".")
        assert probe and name
        assert len(check.detail) <= ktap.MAX_DETAIL
    assert len({check.id for check in report.checks}) == len(report.checks)


_INDENTS = st.integers(0, 4).map(lambda depth: "  " * depth)
_SAYS = st.sampled_from(["ok", "not ok"])
_BEHIND = st.sampled_from(["", " # SKIP why", " #skip", " # TODO", " # XFAIL x", " # TIMEOUT", " # slow", " issue #42"])
_ROWS = st.tuples(_INDENTS, _SAYS, st.sampled_from([" 1", " 7", ""]), st.sampled_from([" - ", " "]), _BEHIND)
_AROUND = ["TAP version 14", "KTAP version 1", "1..2", "1..0 # SKIP", "# Subtest: s", "Bail out!", "words", "# x"]
_FRAMES = st.builds("{}{}".format, _INDENTS, st.sampled_from(_AROUND))
_OURS = re.compile(r"(?:plan|bail_out)(?:#\d+)?")


@given(st.lists(st.one_of(_ROWS, _FRAMES), max_size=30))
def test_whatever_stands_around_it_each_result_is_a_check_and_none_that_failed_passes(rows: list[Any]) -> None:
    results = {f"n{number}": row for number, row in enumerate(rows) if isinstance(row, tuple)}
    lines = [
        "{0}{1}{2}{3}n{number}{4}".format(*row, number=number) if isinstance(row, tuple) else row
        for number, row in enumerate(rows)
    ]
    told = {check.id.split(".")[1].rpartition("/")[2]: check for check in ktap.parse(probe(*lines)).checks}
    found = {name.partition("_issue")[0]: check for name, check in told.items() if not _OURS.fullmatch(name)}
    assert {*results} <= {*found}
    for name, (_, says, _, _, behind) in results.items():
        status = found[name].status
        assert status is not Status.MISSING
        assert not (says == "not ok" and status is Status.PASS)
        assert not (says == "not ok" and behind in ("", " issue #42", " # slow") and status is not Status.FAIL)
        assert not ("skip" in behind.lower() and status is Status.PASS)
    assert all(found[name].status is Status.MISSING for name in {*found} - {*results})


@given(st.lists(st.tuples(_SAYS, st.sampled_from(["a", "b", "", "3"])), max_size=20))
def test_as_many_results_as_lines_are_seen_whatever_they_are_called(rows: list[tuple[str, str]]) -> None:
    found = statuses(probe(*(f"{says} - {name}" for says, name in rows)))
    answers = [status for name, status in found.items() if f"{name}#1" not in found]
    assert len(answers) == len(rows)
    assert answers.count(Status.FAIL) == sum(says == "not ok" for says, _ in rows)


@given(st.lists(_LINES, max_size=20).map("\n".join))
def test_once_failed_a_check_stays_failed_whatever_comes_after(rest: str) -> None:
    text = probe("not ok 1 a")
    assert statuses(text + rest)["p.a"] is Status.FAIL


@pytest.mark.parametrize("name", GOLDEN)
def test_cut_anywhere_no_check_is_better_than_in_the_whole(name: str) -> None:
    text = golden(name)
    whole = statuses(text)
    for cut in range(len(text)):
        for check, status in statuses(text[:cut]).items():
            assert status in (Status.MISSING, whole.get(check)), text[:cut][-60:]
