# SPDX-License-Identifier: GPL-2.0-only
"""What our init and probes print, read back. data/*.ktap are logs of real boots:

base, tip and without-3 of testcases/exit-on-missing-split; panic, where a check killed init;
hostile, where probes crash, hang, fail at length and write rubbish.
"""

import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness import ktap
from harness.model import Check, Status

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
        ("not ok 1 a # SKIP and yet it failed", Status.FAIL, "and yet it failed"),
        ("not ok 1 a # no answer after 5 s", Status.FAIL, "no answer after 5 s"),
        ("ok 12345678901234567890 a", Status.PASS, ""),
    ],
)
def test_a_result_line(line: str, status: Status, detail: str) -> None:
    assert ktap.parse(probe(line)).checks == (Check(id="p.a", status=status, detail=detail),)


@pytest.mark.parametrize("line", ["ok", "ok a", "ok 1", "notok 1 a", "OK 1 a", "xok 1 a", "# ok 1 a", "ok 1 #"])
def test_what_only_looks_like_a_result_is_none(line: str) -> None:
    assert ktap.parse(probe(line)).checks == ()


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
    text = probe(*(f"# {'x' * 900}" for _ in range(50)), "not ok 1 a")
    assert len(checks(text)["p.a"].detail) == ktap.MAX_DETAIL


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
    assert once == twice


def test_a_second_answer_may_make_a_failure_of_a_pass() -> None:
    assert statuses(probe("ok 1 a", "not ok 1 a")) == {"p.a": Status.FAIL}


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
    failed = _answers(text, "not ok 1 ")
    passed = _answers(text, "ok 1 ")
    for check in report.checks:
        name = check.id.split(".")[1]
        if check.status is Status.PASS:
            assert name in passed
        if check.status is Status.FAIL:
            assert name in failed


def _answers(text: str, how: str) -> set[str]:
    return {line.split()[how.count(" ")] for line in text.split("\n") if line.startswith(f"    {how}")}


def _sane(report: ktap.Report) -> None:
    for check in report.checks:
        probe, _, name = check.id.partition(".")
        assert probe and name
        assert len(check.detail) <= ktap.MAX_DETAIL
    assert len({check.id for check in report.checks}) == len(report.checks)


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
