# SPDX-License-Identifier: GPL-2.0-only
"""Since which patch a tip is broken: told where it was seen, and no further than it was seen."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from kseries.model import AppliedPatch, Check, Ending, Finding, FindingKind, Outcome, RunResult, StateResult, Status
from kseries.report import html, junit, mail, text
from kseries.report.since import lines
from tests.support.runs import finding, run, state

_MADE: dict[str, dict[str, Any]] = {
    ".": {"checks": (Check(id="p.a", status=Status.PASS),)},
    "F": {"checks": (Check(id="p.a", status=Status.FAIL),)},
    "s": {"checks": (Check(id="p.a", status=Status.SKIP),)},
    "M": {"checks": (Check(id="p.a", status=Status.MISSING),)},
    "~": {"checks": (Check(id="p.a", status=Status.FAIL),), "flaky": ("p.a",)},
    "b": {"outcome": Outcome.BUILD_FAILED},
    "B": {"outcome": Outcome.BOOT_FAILED},
    "c": {"outcome": Outcome.CRASHED, "checks": (Check(id="p.a", status=Status.MISSING),)},
    "h": {"outcome": Outcome.TIMED_OUT, "ending": Ending.HANG},
    "d": {"outcome": Outcome.TIMED_OUT, "ending": Ending.DEADLINE},
    "i": {"outcome": Outcome.INFRA_ERROR},
    "-": {"outcome": Outcome.NOT_TRIED},
}
"""States by a letter: what they do with the check p.a, or how they end."""


def tip_fails(letters: str, *evidence: str, kind: FindingKind = FindingKind.REGRESSION) -> tuple[RunResult, Finding]:
    """A run of a series as long as there are letters after that of base, and the finding of its tip."""
    states: list[StateResult] = [
        state("base" if not number else f"prefix-{number}", number or None, **_MADE[letter])
        for number, letter in enumerate(letters)
        if letter != "_"
    ]
    tip = states[-1].id
    told = finding(kind, tip, *(evidence or ("p.a: fail",)))
    made = run(*states, findings=(told,))
    patches = tuple(
        AppliedPatch(number=number, subject=f"Subject {number}", tree_before="", tree_after="")
        for number in range(1, len(letters))
    )
    return msgspec.structs.replace(made, series=msgspec.structs.replace(made.series, patches=patches)), told


SINCE_3 = "The tip fails p.a since prefix-3 (3/5 'Subject 3')"


@pytest.mark.parametrize(
    ("letters", "told"),
    [
        ("...FFF", SINCE_3),
        ("...MFF", SINCE_3),
        (".FFFFF", "The tip fails p.a since prefix-1 (1/5 'Subject 1')"),
        (".....F", "The tip fails p.a since prefix-5 (5/5 'Subject 5')"),
        ("...FbF", f"{SINCE_3}; prefix-4 does not build"),
        ("..bFFF", "The tip fails p.a since some patch after prefix-1 and up to prefix-3 (3/5 'Subject 3'); "
                   "prefix-2 does not build"),
        (".bBiFF", "The tip fails p.a since some patch after base and up to prefix-4 (4/5 'Subject 4'); "
                   "prefix-1 does not build, prefix-2 does not boot, prefix-3 is not known for a fault of this host"),
        (".bbbFF", "The tip fails p.a since some patch after base and up to prefix-4 (4/5 'Subject 4'); "
                   "prefix-1 to prefix-3: does not build"),
        ("..c~FF", "The tip fails p.a since some patch after prefix-1 and up to prefix-4 (4/5 'Subject 4'); "
                   "prefix-2 crashes, prefix-3 does not tell"),
        ("sssFFF", f"{SINCE_3}, where prefix-2 skips"),
        ("~FFFFF", "The tip fails p.a since prefix-1 (1/5 'Subject 1') at the latest; base does not tell"),
        ("~bFFFF", "The tip fails p.a since prefix-2 (2/5 'Subject 2') at the latest; "
                   "base does not tell, prefix-1 does not build"),
        (".FdFFF", "The tip fails p.a since prefix-1 (1/5 'Subject 1'); prefix-2 is too slow to tell"),
        ("..F.FF", "The tip fails p.a by turns, and not since one patch: "
                   "not in base to prefix-1, so in prefix-2, not in prefix-3, so in prefix-4 to prefix-5"),
        ("..F.bF", "The tip fails p.a by turns, and not since one patch: "
                   "not in base to prefix-1, so in prefix-2, not in prefix-3, so in prefix-5; prefix-4 does not build"),
    ],
)  # fmt: skip
def test_it_is_told_as_it_was_seen(letters: str, told: str) -> None:
    assert list(lines(*tip_fails(letters))) == [told]


@pytest.mark.parametrize("letters", ["F..FFF", ".---_F", ".bbbbF", ".F", "b___F"])
def test_where_nothing_between_base_and_tip_was_seen_nothing_is_told(letters: str) -> None:
    assert list(lines(*tip_fails(letters))) == []


@pytest.mark.parametrize(
    ("letters", "ends", "told"),
    [
        ("..bb", "build-failed: no", "The tip does not build since prefix-2 (2/3 'Subject 2')"),
        ("..cb", "build-failed: no", "The tip does not build since prefix-3 (3/3 'Subject 3')"),
        ("..bB", "boot-failed: no", "The tip does not boot since some patch after prefix-1 and up to prefix-3 "
                                    "(3/3 'Subject 3'); prefix-2 does not build"),
        (".dhh", "timed-out: hang", "The tip hangs since some patch after base and up to prefix-2 (2/3 'Subject 2'); "
                                    "prefix-1 is too slow to tell"),
        ("..db", "build-failed: no", "The tip does not build since prefix-3 (3/3 'Subject 3')"),
    ],
)  # fmt: skip
def test_a_tip_that_does_not_come_to_run_says_since_when(letters: str, ends: str, told: str) -> None:
    assert list(lines(*tip_fails(letters, ends, kind=FindingKind.BISECT_HOLE))) == [told]


def test_checks_that_broke_at_different_patches_are_told_apart() -> None:
    result, told = tip_fails("...FFF", *(f"p.{name}: fail" for name in "abcdef"))
    states = []
    for one in result.states:
        status = Status.FAIL if one.id in ("prefix-1", "prefix-2", "prefix-3", "prefix-4", "prefix-5") else Status.PASS
        more = tuple(Check(id=f"p.{name}", status=status) for name in "bcdef")
        states.append(msgspec.structs.replace(one, checks=(*one.checks, *more)))
    assert list(lines(msgspec.structs.replace(result, states=tuple(states)), told)) == [
        SINCE_3,
        "The tip fails p.b, p.c, p.d and 2 more since prefix-1 (1/5 'Subject 1')",
    ]


def test_the_skip_of_a_check_that_base_passes_is_the_fault() -> None:
    result, told = tip_fails("...sss", "p.a: skip: why")
    assert list(lines(result, told)) == [SINCE_3]


def test_the_prefix_before_the_tip_is_also_the_last_patch_reverted() -> None:
    result, told = tip_fails("._F")
    patches = tuple(msgspec.structs.replace(one, tree_after=f"tree-{one.number}") for one in result.series.patches)
    without = state("without-2", 2, tree="tree-1", **_MADE["."])
    result = msgspec.structs.replace(
        result,
        states=(*result.states, without),
        series=msgspec.structs.replace(result.series, patches=patches),
    )
    assert list(lines(result, told)) == ["The tip fails p.a since prefix-2 (2/2 'Subject 2')"]


def test_every_report_says_so() -> None:
    result, told = tip_fails("...FFF")
    assert f"  {SINCE_3}" in text.render(result).splitlines()
    assert f'<p class="since">{SINCE_3.replace(chr(39), "&#39;")}.</p>' in html.render(result, Path())
    assert SINCE_3.replace("'", "&#39;") in junit.render(result, Path()).replace("&apos;", "&#39;").replace(
        "'", "&#39;"
    )
    assert f"{SINCE_3}." in " ".join(mail.reply(result, told).split())


def test_a_long_history_fits_its_line() -> None:
    result, told = tip_fails("." + "F." * 200 + "F")
    (one,) = lines(result, told)
    assert one.endswith("and 396 turns more") and len(one) < 250
