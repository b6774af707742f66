# SPDX-License-Identifier: GPL-2.0-only
"""What every report tells of the kernel's own tests: their words, what fails on base, what no other state is asked."""

from pathlib import Path

import msgspec

from kseries.model import Check, RunResult, SelftestNote, Status
from kseries.report import html, json, junit, selftests, text
from tests.support.runs import run, state

NOTES = (
    SelftestNote(name="kvm.a-2", call="kvm:a -b <1>"),
    SelftestNote(name="kvm.slow", on_base="no answer after 100 s", left_out=True),
    SelftestNote(name="kvm.d", on_base="exit status 254"),
    SelftestNote(name="kvm.e", on_base="killed by signal <6>"),
)
TOLD = [
    "kvm.a-2 is --selftest 'kvm:a -b <1>'",
    "out of time on base, so that no other state is asked: kvm.slow (no answer after 100 s);"
    " --timeout NAME=SECONDS gives one more time, --keep-timeouts has all states asked",
    "not passed on base, and asked of all states, since a patch may mend it:"
    " kvm.d (exit status 254), kvm.e (killed by signal <6>)",
]


def result() -> RunResult:
    slow = Check(id="kvm.slow.exit_status", status=Status.FAIL, detail="no answer after 100 s")
    return run(state("base", checks=(slow,)), state("prefix-1", 1), state("prefix-2", 2), selftests=NOTES)


def test_each_report_tells_it_in_a_line() -> None:
    assert list(selftests.lines(result())) == TOLD
    assert [line for line in text.render(result()).splitlines() if line in TOLD] == TOLD
    page = html.render(result(), Path())
    for line in TOLD:
        assert f"{line.replace('<', '&lt;').replace('>', '&gt;')}." in page.replace("&#39;", "'")


def test_in_junit_each_state_that_was_not_asked_skips_it() -> None:
    told = junit.render(result(), Path())
    assert told.count("not asked of this state: on base it gives no answer in time") == 2
    assert 'classname="prefix-1.kvm.slow"' in told and 'classname="prefix-2.kvm.slow"' in told
    same = run(state("base"), state("prefix-1", 1, same_as="base"), selftests=NOTES)
    assert "not asked of this state" not in junit.render(same, Path())


def test_a_line_has_an_end_however_many_there_are() -> None:
    many = tuple(SelftestNote(name=f"kvm.{number}", on_base="exit status 1") for number in range(30))
    (line,) = selftests.lines(run(state("base"), selftests=many))
    assert line.endswith("kvm.9 (exit status 1), and 20 more")


def test_who_has_nothing_to_tell_has_the_json_of_before() -> None:
    plain = run(state("base"))
    assert '"selftests"' not in json.render(plain) and list(selftests.lines(plain)) == []
    told = msgspec.json.decode(json.render(result()))
    assert told["variants"][0]["selftests"][2] == {"name": "kvm.d", "on_base": "exit status 254"}
