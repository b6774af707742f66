# SPDX-License-Identifier: GPL-2.0-only
"""Checks that skip for one reason in every state are told in a line; what differs anywhere keeps its row."""

import re
from pathlib import Path

import pytest

from kseries.model import Check, FindingKind, Outcome, RunResult, StateResult, Status
from kseries.report import html, junit, text
from tests.support.runs import contract, finding, run, split_run, state

NO_KVM = "there is no /dev/kvm"
SKIPS = tuple(
    Check(id=f"{probe}.{test}", status=Status.SKIP, detail=NO_KVM) for probe in ("caps", "exits") for test in "abc"
)
PASSES = Check(id="timerfd.reads", status=Status.PASS)


def skips(*ids: str, why: str = NO_KVM) -> tuple[Check, ...]:
    return tuple(Check(id=name, status=Status.SKIP, detail=why) for name in ids)


def seen(*of_each: tuple[Check, ...], **more: object) -> RunResult:
    """A run of base and two prefixes with these checks."""
    names = ("base", "prefix-1", "prefix-2")
    states = (
        state(name, number or None, checks=one) for number, (name, one) in enumerate(zip(names, of_each, strict=True))
    )
    return run(*states, **more)  # type: ignore[arg-type]


def rows(result: RunResult) -> list[str]:
    """The checks that have a row of their own, which is the same in text and in HTML."""
    matrix = [line.split()[0] for line in text.matrix(result) if re.match(r"  \w+\.\w+ ", line)]
    page = html.render(result, Path())
    assert {one.partition(".")[0] for one in matrix} == {
        one.partition(".")[0] for one in re.findall(r'data-check="(\w+\.\w+)"', page)
    }
    return matrix


def test_checks_that_skip_everywhere_share_a_line() -> None:
    result = seen(*[(PASSES, *SKIPS)] * 3)
    assert rows(result) == ["timerfd.reads"]
    told = f"6 checks of caps, exits skip everywhere: {NO_KVM}"
    assert f"  {told}" in list(text.matrix(result))
    page = html.render(result, Path())
    assert f'<details class="more" id="idle"><summary>{told}</summary>' in page
    folded = page.partition('id="idle"')[2].partition("</details>")[0]
    assert all(name in re.sub("<wbr>", "", folded) for name in ("caps.a", "exits.c"))


def test_junit_keeps_each_of_them() -> None:
    document = junit.render(seen(*[(PASSES, *SKIPS)] * 3), Path())
    assert document.count(f'message="skip: {NO_KVM}"') == 3 * len(SKIPS)


def test_the_commonest_reason_stands_for_others() -> None:
    checks = (*skips("a.one", "a.two"), *skips("b.one", why="no EPT"), *skips("c.one", why="no pages"))
    (told,) = (line for line in text.matrix(seen(*[checks] * 3)) if "everywhere" in line)
    assert told == f"  4 checks of a, b, c skip everywhere: {NO_KVM} (2 of them; 2 other reasons)"


def test_one_check_is_told_of_as_one_and_many_probes_as_many() -> None:
    (one,) = (line for line in text.matrix(seen(*[skips("a.one", why="")] * 3)) if "everywhere" in line)
    assert one == "  1 check of a skips everywhere"
    probes = skips(*(f"{name}.x" for name in "abcdefg"))
    (many,) = (line for line in text.matrix(seen(*[probes] * 3)) if "everywhere" in line)
    assert "7 checks of a, b, c, d and 3 more skip" in many


@pytest.mark.parametrize(
    "differs",
    [
        Check(id="caps.a", status=Status.PASS),
        Check(id="caps.a", status=Status.MISSING),
        Check(id="caps.a", status=Status.SKIP, detail="another reason"),
        None,
    ],
)
def test_what_differs_anywhere_keeps_its_row(differs: Check | None) -> None:
    other = (*([differs] if differs is not None else []), *SKIPS[1:])
    assert rows(seen(SKIPS, SKIPS, other)) == ["caps.a"]


def test_a_state_that_ran_nothing_differs_from_none() -> None:
    died: StateResult = state("prefix-1", 1, outcome=Outcome.BUILD_FAILED, detail="no")
    assert rows(run(state("base", checks=SKIPS), died, state("prefix-2", 2, checks=SKIPS))) == []


def test_what_explains_a_finding_keeps_its_row() -> None:
    told = finding(FindingKind.REGRESSION, "prefix-2", f"caps.a: skip: {NO_KVM}")
    assert rows(seen(SKIPS, SKIPS, SKIPS, findings=(told,))) == ["caps.a"]
    broken = finding(FindingKind.BROKEN_CONTRACT, "prefix-2", "caps.x: fail", contract="feature")
    states = (
        state("base", checks=SKIPS),
        state("prefix-2", 2, checks=SKIPS, contracts=(contract(False, True, "exits.b"),)),
    )
    assert rows(run(*states, findings=(broken,))) == ["exits.b"]


def test_a_series_about_kvm_keeps_the_rows_that_tell() -> None:
    assert "exit_on_missing.read_exits" in rows(split_run())
