# SPDX-License-Identifier: GPL-2.0-only
"""Text made fit to show, and the terminal's report."""

import re

import msgspec
import pytest
from hypothesis import given

from harness.model import Advice, FindingKind, Outcome, RunResult, Status, Verdict
from harness.render import text
from harness.render.plain import line, plain
from tests.unit.runs import checks, contract, finding, hostile, run, split_run, state

PASS, FAIL, SKIP, XFAIL, MISSING = Status


@pytest.mark.parametrize(
    ("given_text", "shown"),
    [
        ("plain, with ümläuts, 日本 and \U0001f427", "plain, with ümläuts, 日本 and \U0001f427"),
        ("tab\tand\nnewline", "tab\tand\nnewline"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;a title\x07then", "then"),
        ("\x1b]8;;http://x\x1b\\a link", "a link"),
        ("\x1bMup", "up"),
        ("lone \x1b", "lone \ufffd"),
        ("dos\r\nmac\runix\n", "dos\nmac\nunix\n"),
        ("nul \0 bell \a del \x7f csi \x9b", "nul \ufffd bell \ufffd del \ufffd csi \ufffd"),
        ("half \ud83d of a pair", "half \ufffd of a pair"),
        ("\ufffe\uffff\ufdd0\U0001fffe\U0010ffff", "\ufffd" * 5),
    ],
)
def test_plain(given_text: str, shown: str) -> None:
    assert plain(given_text) == shown


@given(hostile)
def test_plain_text_is_fit_for_anything_and_stays_as_it_is(bad: str) -> None:
    shown = plain(bad)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]", shown)
    assert plain(shown) == shown
    assert "\n" not in line(bad)


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
    assert row.split() == ["exit_on_missing.read_exits", *"ssss....", "FAIL", "s", ".", "="]


def test_a_patch_cannot_write_to_the_terminal() -> None:
    result = run(state("without-1", 1, outcome=Outcome.BUILD_FAILED, detail="\x1b[2J\x1b]52;c;aGk=\x07gone\ud800"))
    shown = text.render(result)
    assert "\x1b" not in shown and "gone\ufffd" in shown
    shown.encode()


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
            run(state("prefix-2", 2), findings=(finding(FindingKind.REGRESSION, "prefix-2", "p.a: missing"),)),
            "With the whole series applied, checks fail that pass on the base:",
        ),
    ],
)
def test_each_kind_of_finding_has_its_sentence(result: RunResult, sentence: str) -> None:
    assert text.sentence(result, result.findings[0]) == sentence
    assert sentence in text.render(result)


@pytest.mark.parametrize(("verified", "said"), [(True, "is clean of it"), (False, "NOT"), (None, "could not be tried")])
def test_the_cure_says_whether_it_was_seen_to_work(verified: bool | None, said: str) -> None:
    shown = text.advice(run(state("base")), Advice(squash=(1, 2), verified=verified))
    assert shown.startswith("Squash 1/2 and 2/2: ") and said in shown


def test_a_verdict_that_nobody_knows_is_not_judged() -> None:
    result = msgspec.structs.replace(run(state("base")), verdict=Verdict(bisectable=None, revert_safe=None))
    assert text.render(result).endswith("bisectable: not judged    revert-safe: not judged")
    assert "No findings." in text.render(result)
