# SPDX-License-Identifier: GPL-2.0-only
"""Text made fit to show, and the terminal's report."""

import re

import msgspec
import pytest
from hypothesis import given

from kseries.model import Advice, Check, Ending, FindingKind, Frame, Outcome, RunResult, Squash, Status, Verdict
from kseries.model.sanitize import joined, line, printable, shortened
from kseries.report import mail, text
from kseries.report.endings import place
from tests.support.runs import STOPS, checks, contract, ended_state, finding, hostile, run, split_run, state

PASS, FAIL, SKIP, XFAIL, MISSING = Status


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("plain, with ümläuts, 日本 and \U0001f427", "plain, with ümläuts, 日本 and \U0001f427"),
        ("tab\tand\nnewline", "tab\tand\nnewline"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;a title\x07then", "\ufffd]0;a title\ufffdthen"),
        ("\x1b]8;; not ended, and ours", "\ufffd]8;; not ended, and ours"),
        ("\x1b[2Jcleared \x1b['ours'", "\ufffd[2Jcleared \ufffd['ours'"),
        ("\x1b\x1b[0m[0m", "\ufffd[0m"),
        ("\x1bMup", "\ufffdMup"),
        ("lone \x1b", "lone \ufffd"),
        ("dos\r\nmac\runix\n", "dos\nmac\nunix\n"),
        ("nul \0 bell \a del \x7f csi \x9b", "nul \ufffd bell \ufffd del \ufffd csi \ufffd"),
        ("half \ud83d of a pair", "half \ufffd of a pair"),
        ("\ufffe\uffff\ufdd0\U0001fffe\U0010ffff", "\ufffd" * 5),
    ],
)
def test_plain(given_text: str, shown: str) -> None:
    assert printable(given_text) == shown


@given(hostile)
def test_plain_text_is_fit_for_anything_and_stays_as_it_is(bad: str) -> None:
    shown = printable(bad)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]", shown)
    assert printable(shown) == shown
    assert "\n" not in line(bad)


def test_what_is_shortened_is_never_longer_for_it() -> None:
    assert shortened("x" * 11, 10) == "x" * 11
    assert shortened("x" * 60, 10) == "x" * 10 + " [and 50 more characters]"
    assert all(len(shortened("x" * count, 10)) <= count for count in range(200))


def test_two_lines_are_joined_with_what_parts_them() -> None:
    assert joined("no x\n  there is y\n") == "no x; there is y"
    assert joined("no x:\n  y\x1b[1m z") == "no x: y z"
    assert joined(" one  line ") == "one line"


def test_what_a_result_brings_begins_no_line_of_ours() -> None:
    forged = "x\n  To see it again: touch X\r\nbisectable: yes    revert-safe: yes"
    told = finding(FindingKind.REGRESSION, "base", f"p.a: fail: {forged}", contract=forged)
    seen = state("prefix-1", 1, outcome=Outcome.INFRA_ERROR, detail=forged, caps={forged: 1})
    result = run(state("base"), seen, findings=(told,))
    patches = tuple(msgspec.structs.replace(patch, subject=forged) for patch in result.series.patches)
    result = msgspec.structs.replace(
        result, series=msgspec.structs.replace(result.series, patches=patches, name=forged)
    )
    lines = text.render(result).splitlines()
    assert [one for one in lines if one.startswith("bisectable: ")] == ["bisectable: yes    revert-safe: NO"]
    assert [one for one in lines if one.startswith("  To see it")] == ["  To see it again: kseries try base TARGET"]
    assert "    |   To see it again: touch X" in lines


def test_checks_of_a_probe_that_tell_the_same_share_a_row() -> None:
    told = {
        "a.one": PASS,
        "a.two": FAIL,
        "a.three": PASS,
        "a.four": PASS,
        "b.one": PASS,
    }
    seen = tuple(Check(id=name, status=status) for name, status in told.items())
    rows = list(text.matrix(run(state("base", checks=seen), state("prefix-1", 1, checks=seen[:4]))))
    names = [row.split() for row in rows if row.startswith(("  a.", "  b."))]
    assert names == [["a.one", "+2", ".", "."], ["a.two", "FAIL", "FAIL"], ["b.one", "."]]


def test_the_report_of_the_split_series() -> None:
    shown = text.render(split_run())
    assert (
        "SILENT-BREAK: Reverting 3/6 'KVM: x86: Annotate guest accesses to pages user space has not mapped' leaves "
        "KVM_CAP_EXIT_ON_MISSING advertised (by 4/6 'KVM: x86: Honour KVM_MEM_EXIT_ON_MISSING'), but the kernel no "
        "longer keeps the promise:\n    exit_on_missing.read_exits: fail: read of"
    ) in shown
    assert "without-2: build-failed: arch/x86/kvm/x86.c:" in shown
    assert shown.endswith("bisectable: yes    revert-safe: NO")
    row = next(row for row in shown.splitlines() if row.startswith("  exit_on_missing.read_exits"))
    assert row.split() == ["exit_on_missing.read_exits", "+5", *"ssss....", "FAIL", "s", ".", "="]


def test_a_patch_cannot_write_to_the_terminal() -> None:
    result = run(state("without-1", 1, outcome=Outcome.BUILD_FAILED, detail="\x1b[2J\x1b]52;c;aGk=\x07gone\ud800"))
    shown = text.render(result)
    assert "\x1b" not in shown and "gone\ufffd" in shown
    shown.encode()


# --- how a kernel ended ---------------------------------------------------------------------------


def paragraph(result: RunResult, start: str) -> list[str]:
    """The lines of the report from the one that begins so to the next empty one."""
    lines = text.render(result).splitlines()
    first = next(number for number, one in enumerate(lines) if one.startswith(start))
    return lines[first : lines.index("", first)]


@pytest.mark.parametrize("boot", STOPS)
def test_a_kernel_that_did_not_end_in_peace_has_three_lines(boot: str) -> None:
    seen = ended_state("prefix-1", boot, 1, suspects=(1, 2), logs={"console": "states/prefix-1/console.log"})
    lines = paragraph(run(state("base"), seen), "prefix-1: ")
    assert len(lines) == 3
    outcome = "" if seen.outcome is Outcome.OK else f"{seen.outcome}, "
    assert lines[0].startswith(f"prefix-1: {outcome}{seen.ending}: {' '.join(seen.detail.split())}")
    assert re.match(r"    in (\? )?\w+ \(kernel/reboot\.c:\d+\), " if seen.trace else "    it said last: ", lines[1])
    assert lines[2].startswith("    suspected: 1/2 'KVM: Patch 1', 2/2 'KVM: Patch 2'; log: states/prefix-1/console")


def test_its_recording_is_named_beside_its_log() -> None:
    seen = ended_state("prefix-1", "panic", 1, logs={"console": "a.log", "recording": "a.cast"})
    assert paragraph(run(state("base"), seen), "prefix-1: ")[-1].endswith("log: a.log; recording: a.cast")


def test_it_is_told_where_a_finding_names_the_state_too() -> None:
    told = finding(FindingKind.BISECT_HOLE, "prefix-1", "panic.end: fail", patch=1)
    assert paragraph(
        run(state("base"), ended_state("prefix-1", "panic", 1), findings=(told,)), "prefix-1: crashed, panic"
    )


def test_states_that_ended_in_one_way_are_told_together() -> None:
    one, two, other = (
        ended_state(name, boot, 1)
        for name, boot in (("prefix-1", "oops"), ("prefix-2", "oops"), ("without-1", "panic"))
    )
    again = ended_state("only-1", "panic", 1, same_as="without-1")
    shown = text.render(run(state("base"), one, two, other, again))
    assert "and went on to the end (so did prefix-2)\n" in shown
    assert "prefix-2: " not in shown and "only-1" not in shown and "without-1: crashed, panic" in shown


def test_the_matrix_tells_a_kernel_that_warned_from_one_that_was_well() -> None:
    row = next(
        row
        for row in text.render(
            run(
                state("base", ending=Ending.DONE),
                ended_state("prefix-1", "warning", 1),
                ended_state("prefix-2", "bug", 2),
            )
        ).splitlines()
        if row.startswith("  outcome")
    )
    assert row.split() == ["outcome", "ok", "warn", "oops"]


@given(hostile)
def test_neither_a_guest_nor_a_patch_can_break_out_of_its_lines(bad: str) -> None:
    frames = (Frame(function=f"f{bad}", file=bad * 100, line=1),)
    seen = ended_state(
        "prefix-1", "panic", 1, trace=frames, detail=bad * 100, log_tail=bad, suspects=(1, 2), logs={"console": bad}
    )
    result = run(state("base"), seen)
    patches = tuple(msgspec.structs.replace(patch, subject=bad) for patch in result.series.patches)
    result = msgspec.structs.replace(result, series=msgspec.structs.replace(result.series, patches=patches))
    shown = text.render(result)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", shown)
    lines = paragraph(result, "prefix-1: ")
    assert len(lines) == 3 and all(len(one) < 320 for one in lines)


@pytest.mark.parametrize(
    ("frame", "shown"),
    [
        (Frame(function="f", file="a/b.c", line=3), "f (a/b.c:3)"),
        (Frame(function="f", file="a/b.c", line=3, sure=False), "? f (a/b.c:3)"),
        (Frame(function="", file="a/b.c", line=3), "a/b.c:3"),
        (Frame(function="f\n\x1b[1mg", file="a\r\nb.c", line=3), "f g (a b.c:3)"),
    ],
)
def test_a_frame_is_one_line(frame: Frame, shown: str) -> None:
    assert place(frame) == shown


def test_of_many_checks_the_terminal_names_the_first() -> None:
    told = finding(FindingKind.REGRESSION, "base", *(f"p.c{number}: fail" for number in range(50)))
    assert "    and p.c1, p.c2, p.c3, p.c4, p.c5, p.c6, p.c7, p.c8, and 41 more\n" in text.render(
        run(state("base"), findings=(told,))
    )


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (
            run(
                state("prefix-1", 1, outcome=Outcome.BUILD_FAILED),
                findings=(finding(FindingKind.BISECT_HOLE, "prefix-1", "build-failed: no", patch=1),),
            ),
            "The series does not build at 1/2 'KVM: Patch 1': git bisect cannot pass through it.",
        ),
        (
            run(
                state("prefix-1", 1, outcome=Outcome.BOOT_FAILED),
                findings=(finding(FindingKind.BISECT_HOLE, "prefix-1", "boot-failed: no", patch=1),),
            ),
            "The series does not boot at 1/2 'KVM: Patch 1': git bisect cannot pass through it.",
        ),
        (
            run(
                state("prefix-1", 1, checks=checks(p__a=FAIL)),
                findings=(finding(FindingKind.BISECT_HOLE, "prefix-1", "p.a: fail", patch=1),),
            ),
            "At 1/2 'KVM: Patch 1' the series breaks what works on the base:",
        ),
        (
            run(
                state("prefix-2", 2, contracts=(contract(False, True, "p.a"),)),
                findings=(finding(FindingKind.BROKEN_CONTRACT, "prefix-2", "p.a: fail", contract="feature"),),
            ),
            "With the whole series applied the kernel advertises KVM_CAP_FEATURE, and does not behave so:",
        ),
        (
            run(
                state("without-1", 1, contracts=(contract(False, False, "p.a"),)),
                findings=(finding(FindingKind.SILENT_BREAK, "without-1", "p.a: fail", patch=1, contract="feature"),),
            ),
            "Reverting 1/2 'KVM: Patch 1' leaves KVM_CAP_FEATURE not advertised, but what belongs to it is still "
            "accepted:",
        ),
        (
            run(
                state("without-1+2", scenario="pairs", contracts=(contract(False, True, "p.a"),)),
                findings=(finding(FindingKind.SILENT_BREAK, "without-1+2", "p.a: fail", contract="feature"),),
            ),
            "Reverting 1/2 'KVM: Patch 1' and 2/2 'KVM: Patch 2' leaves KVM_CAP_FEATURE advertised, but the kernel no "
            "longer keeps the promise:",
        ),
        (
            run(
                state("without-1", 1, checks=checks(p__a=FAIL)),
                findings=(finding(FindingKind.SILENT_BREAK, "without-1", "p.a: fail", patch=1, partner=2),),
            ),
            "Reverting 1/2 'KVM: Patch 1' breaks what works on the base and with the whole series, since 2/2 'KVM: "
            "Patch 2' (prefix-2/without-1 is broken so, prefix-1/without-1 is not):",
        ),
        (
            run(
                state("without-1+2", scenario="pairs", checks=checks(p__a=FAIL)),
                findings=(finding(FindingKind.SILENT_BREAK, "without-1+2", "p.a: fail"),),
            ),
            "Reverting 1/2 'KVM: Patch 1' and 2/2 'KVM: Patch 2' breaks what works on the base and with the whole "
            "series:",
        ),
        (
            run(state("prefix-2", 2), findings=(finding(FindingKind.REGRESSION, "prefix-2", "p.a: missing"),)),
            "With the whole series applied, checks fail that pass on the base:",
        ),
    ],
)
def test_each_kind_of_finding_has_its_sentence(result: RunResult, sentence: str) -> None:
    assert text.sentence(result, result.findings[0]) == sentence
    assert sentence in text.render(result)


@pytest.mark.parametrize(
    ("verified", "first", "said"),
    [
        (True, "Proved: ", "every revert of that series is clean of it."),
        (False, "Tried, and NO cure: ", "every revert of that series, and it does not go away."),
        (None, "Not proved: ", "could not be judged."),
    ],
)
def test_a_cure_says_first_whether_it_was_seen_to_work(verified: bool | None, first: str, said: str) -> None:
    """And of what: the series was asked for its reverts alone."""
    given = Advice(squash=(1, 2), verified=verified)
    states = (state("base"), msgspec.structs.replace(state("without-1", 1), scenario="reverts"))
    patches = run(state("base")).series.patches[:1]
    tried = Squash(
        id=given.series, patches=patches, states=states, findings=(), verdict=Verdict(bisectable=None, revert_safe=True)
    )
    shown = text.advice(run(state("base"), squashes=(tried,)), given)
    assert shown.startswith(f"{first}squash 1/2 and 2/2, ") and shown.endswith(said)
    assert "prefix" not in shown


def test_of_a_break_of_no_contract_a_word_in_the_changelog_is_told_first() -> None:
    broken = finding(
        FindingKind.SILENT_BREAK,
        "without-1",
        "p.a: fail",
        patch=1,
        partner=2,
        advice=Advice(squash=(1, 2), verified=True),
    )
    needs = finding(FindingKind.UNDOCUMENTED_DEPENDENCY, "without-1", "p.a: fail", patch=2, partner=1)
    result = run(state("without-1", 1, checks=checks(p__a=FAIL)), findings=(broken, needs))
    note, squash = text.remedies(result, broken)
    assert note == 'What would help in the changelog of 2/2: Depends-on: ("KVM: Patch 1")'
    assert squash.startswith("Proved: squash 1/2 and 2/2")
    assert list(text.remedies(result, needs)) == ['What would help in its changelog: Depends-on: ("KVM: Patch 1")']
    documented = run(state("without-1", 1), findings=(broken,))
    assert list(text.remedies(documented, broken)) == [squash]
    for told in (broken, needs):
        assert "What would help in" in mail.reply(result, told)


def test_that_a_kernel_promises_nothing_is_said_where_nothing_is_judged() -> None:
    """As 6.1: it has no capability that a contract of ours is about."""
    unknown = Verdict(bisectable=None, revert_safe=None)
    nothing, something, unasked = (
        text.render(run(state("prefix-2", 2, contracts=found), verdict=unknown))
        for found in ((contract(None, False),), (contract(None, False), contract(True, True)), ())
    )
    why = "not judged: the kernel advertises nothing that a contract is about (KVM_CAP_FEATURE)\nbisectable: not judged"
    assert why in nothing
    assert "advertises nothing" not in something + unasked


def test_that_a_machine_could_not_be_asked_is_why_nothing_is_judged() -> None:
    """--accel kvm on a host that does not nest: no probe comes to /dev/kvm."""
    unknown, why = Verdict(bisectable=None, revert_safe=None), "there is no /dev/kvm: this CPU has neither SVM nor VMX"
    skipped, passed = (Check(id="capabilities.a", status=one, detail=why) for one in (Status.SKIP, Status.PASS))
    told, other, asked = (
        text.render(run(state("prefix-2", 2, contracts=(contract(None, is_asked),), checks=(check,)), verdict=unknown))
        for check, is_asked in ((skipped, None), (passed, None), (skipped, True))
    )
    assert f"not judged: what the kernel advertises could not be asked: {why}\nbisectable: not judged" in told
    assert "could not be asked" not in other + asked


def test_a_verdict_that_nobody_knows_is_not_judged() -> None:
    result = msgspec.structs.replace(run(state("base")), verdict=Verdict(bisectable=None, revert_safe=None))
    assert text.render(result).endswith("bisectable: not judged    revert-safe: not judged")
    assert "No findings." in text.render(result)


def test_a_finding_says_how_to_see_it_again() -> None:
    run = msgspec.structs.replace(split_run(), words=("my patches", "--arch", "x86_64"))
    assert "\n  To see it again: kseries try without-3 'my patches' --arch x86_64\n" in text.render(run)


def test_states_that_one_fault_of_the_host_took_are_told_together() -> None:
    detail = "the build met its limit of processes: fork"
    states = [state(f"prefix-{number}", number, outcome=Outcome.INFRA_ERROR, detail=detail) for number in (1, 2)]
    other = state("without-1", 1, outcome=Outcome.INFRA_ERROR, detail="bwrap cannot make a box")
    shown = text.render(run(state("base"), *states, other))
    assert f"prefix-1, prefix-2: infra-error: {detail}\n" in shown
    assert "without-1: infra-error: bwrap cannot make a box\n" in shown
